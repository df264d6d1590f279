"""Who may ask over HTTP: random secrets, of which only the sha256 is stored."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import Connection, Row, delete, exists, insert, select

from tracker.errors import NotFoundError, OmnitrackError
from tracker.store.auditing import audit
from tracker.store.models import Token
from tracker.store.runs import micros, utc
from tracker.store.windows import camera_id

_PREFIX = "omni_"  # lets scanners for leaked secrets recognise one
_NAME = r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}"


class Role(StrEnum):
    """VIEWER asks. OPERATOR also corrects. ADMIN also erases."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def includes(self, other: "Role") -> bool:
        """Whether this role may do what the other may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class Access:
    """What the holder of a token may do. cameras: the only ones whose sightings they see; None for all."""

    id: int
    name: str
    role: Role
    cameras: tuple[str, ...] | None
    created: datetime


def create_token(connection: Connection, name: str, role: Role, cameras: tuple[str, ...] | None = None) -> str:
    """-> the secret, which cannot be shown again. Corrections and erasure concern a person at every camera, so only
    viewers can be limited to some.

    Raises OmnitrackError for a name that is taken or not understood, unknown cameras, and limits to other roles.
    """
    if not re.fullmatch(_NAME, name, re.ASCII):
        raise OmnitrackError(f"token {name!r}: name it with at most 64 letters, digits and . _ @ -")
    if connection.scalar(select(exists().where(Token.name == name))):
        raise OmnitrackError(f"token {name}: exists already; `main.py token revoke {name}` makes room")
    if cameras is not None and role is not Role.VIEWER:
        raise OmnitrackError(f"token {name}: only a viewer can be limited to cameras")
    for camera in cameras or ():
        camera_id(connection, camera)
    secret = _PREFIX + secrets.token_urlsafe(32)
    row = {"name": name, "role": role.value, "cameras": None if cameras is None else list(cameras)}
    values = {**row, "sha256": _sha256(secret), "created_us": micros(datetime.now(UTC))}
    connection.execute(insert(Token).values(values))
    audit(connection, "token create", row)
    return secret


def revoke_token(connection: Connection, name: str) -> None:
    """From now on the secret opens nothing. Raises NotFoundError for an unknown name."""
    if connection.execute(delete(Token).where(Token.name == name)).rowcount == 0:
        raise NotFoundError(f"token {name}: does not exist; `main.py token list` lists those that do")
    audit(connection, "token revoke", {"name": name})


def tokens(connection: Connection) -> tuple[Access, ...]:
    """All that open something, by name."""
    return tuple(_access(row) for row in connection.execute(select(*_COLUMNS).order_by(Token.name)))


def tokens_exist(connection: Connection) -> bool:
    return bool(connection.scalar(select(exists(select(Token.id)))))


def still_stands(connection: Connection, access: Access) -> bool:
    """Whether a token has not been revoked since."""
    return bool(connection.scalar(select(exists().where(Token.id == access.id))))


def access_of(connection: Connection, secret: str) -> Access | None:
    """What a secret opens; None for one that is unknown or revoked."""
    row = connection.execute(select(*_COLUMNS).where(Token.sha256 == _sha256(secret))).first()
    return None if row is None else _access(row)


_COLUMNS = (Token.id, Token.name, Token.role, Token.cameras, Token.created_us)


def _access(row: Row[int, str, str, list[str] | None, int]) -> Access:
    cameras = None if row.cameras is None else tuple(row.cameras)
    return Access(row.id, row.name, Role(row.role), cameras, utc(row.created_us))


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
