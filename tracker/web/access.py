"""Who asks, what they may do, and what they may see."""

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from tracker.store.scope import restrict
from tracker.store.session import Store
from tracker.store.tokens import Access, Role, access_of, still_stands, tokens_exist
from tracker.web.limits import RateLimiter

if TYPE_CHECKING:
    from sqlalchemy import Connection

bearer = HTTPBearer(auto_error=False, description="Made by `main.py token create`; not needed while there are none.")


_NOBODY = 0  # the id of no token: asked from this machine while there are none


class Doorkeeper:
    """Lets callers in by their token.

    always: also ask for a token while none exists, as a server must that others can reach.
    """

    def __init__(self, store: Store, limiter: RateLimiter, *, always: bool) -> None:
        self.store = store
        self._limiter = limiter
        self._always = always

    def admit(self, secret: str | None, address: str) -> Access:
        """Raises HTTPException 401 for a missing or wrong token, 429 for too many requests."""
        with self.store.read() as connection:
            access = access_of(connection, secret) if secret is not None else None
            is_open = not self._always and not tokens_exist(connection)
        if access is None and is_open:
            access = Access(_NOBODY, "", Role.ADMIN, None, datetime.now(UTC))
        seconds = self._limiter.wait_seconds(f"address {address}" if access is None else f"token {access.id}")
        if seconds > 0:
            wait = {"Retry-After": str(math.ceil(seconds))}
            raise HTTPException(429, "too many requests", wait)
        if access is None:
            what = "this needs a token" if secret is None else "this token is not known"
            raise HTTPException(401, f"{what}; send Authorization: Bearer TOKEN", {"WWW-Authenticate": "Bearer"})
        return access


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who was let in: the database, as far as they may see it."""

    store: Store
    access: Access

    @contextmanager
    def read(self) -> "Iterator[Connection]":
        """One consistent view of the sightings of their cameras."""
        with self.store.read() as connection:
            if self.access.cameras is not None:
                restrict(connection, self.access.cameras)
            yield connection

    def write(self, *, dry_run: bool = False) -> "AbstractContextManager[Connection]":
        """One transaction in their name."""
        return self.store.write(dry_run=dry_run, actor=self.actor)

    def is_welcome(self) -> bool:
        """Whether they would still be let in: the token was not revoked, or there is still none."""
        with self.store.read() as connection:
            if self.access.id == _NOBODY:
                return not tokens_exist(connection)
            return still_stands(connection, self.access)

    @property
    def actor(self) -> str | None:
        """Name in the audit; None for whoever asks from this machine while there are no tokens."""
        return f"token {self.access.name}" if self.access.name else None


def visitor(request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> Visitor:
    """The caller, by the Authorization header; tokens anywhere else, such as in the address, are not looked at."""
    doorkeeper: Doorkeeper = request.app.state.doorkeeper
    secret = credentials.credentials if credentials else None
    return Visitor(doorkeeper.store, doorkeeper.admit(secret, request.client.host if request.client else ""))


class _AtLeast:
    def __init__(self, role: Role) -> None:
        self._role = role

    def __call__(self, caller: Annotated[Visitor, Depends(visitor)]) -> Visitor:
        if not caller.access.role.includes(self._role):
            raise HTTPException(403, f"this is for the role {self._role}; the token is a {caller.access.role}")
        return caller


Viewer = Annotated[Visitor, Depends(_AtLeast(Role.VIEWER))]
Operator = Annotated[Visitor, Depends(_AtLeast(Role.OPERATOR))]
Admin = Annotated[Visitor, Depends(_AtLeast(Role.ADMIN))]
