"""The watchlist: people to look out for, by how they look."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, exists, func, insert, select

from tracker.core.types import FloatArray
from tracker.errors import NotFoundError, OmnitrackError
from tracker.store.auditing import audit
from tracker.store.identities import known_survivor
from tracker.store.models import Embedder, Embedding, Identity, Tracklet, Wanted, WantedVector
from tracker.store.packing import pack_vector, unpack_vector
from tracker.store.runs import micros, utc

_MOST_LOOKS = 16


@dataclass(frozen=True, slots=True)
class WantedEntry:
    """identity_id: whom it was made from, None if from photos. looks: how many appearances are compared."""

    name: str
    identity_id: int | None
    looks: int
    added: datetime


def add_from_looks(connection: Connection, name: str, looks: Sequence[FloatArray]) -> None:
    """Enrol somebody by photos: looks are their unit vectors (d,), by the database's network.

    Raises OmnitrackError for a name that is taken or empty.
    """
    _add(connection, name, None, looks)


def add_from_identity(connection: Connection, name: str, identity_id: int) -> None:
    """Enrol a person of the history by their best sightings; the entry goes when the person is forgotten.

    Raises OmnitrackError for a name that is taken or empty, and where no appearance is stored; NotFoundError for an
    unknown identity.
    """
    survivor = known_survivor(connection, identity_id)
    chosen = (
        select(Embedding.vector)
        .join(Tracklet, Tracklet.id == Embedding.tracklet_id)
        .join(Identity, Identity.id == Tracklet.identity_id)
        .where(Identity.survivor_id == survivor)
        .order_by(Embedding.weight.desc(), Embedding.tracklet_id)
        .limit(_MOST_LOOKS)
    )
    looks = [unpack_vector(vector) for vector in connection.scalars(chosen)]
    if not looks:
        raise OmnitrackError(f"identity {survivor} has no stored appearance; enrol photos instead")
    _add(connection, name, survivor, looks)


def remove(connection: Connection, name: str) -> None:
    """Raises NotFoundError for a name that is not on the list."""
    if connection.execute(delete(Wanted).where(Wanted.name == name)).rowcount == 0:
        raise NotFoundError(f"{name!r} is not on the watchlist; `main.py watchlist list` shows it")
    audit(connection, "watchlist remove", {})


def entries(connection: Connection) -> tuple[WantedEntry, ...]:
    """The list, by name."""
    looks = select(func.count()).where(WantedVector.wanted_id == Wanted.id).scalar_subquery()
    query = select(Wanted.name, Wanted.identity_id, looks.label("looks"), Wanted.added_us).order_by(Wanted.name)
    rows = connection.execute(query)
    return tuple(WantedEntry(row.name, row.identity_id, row.looks, utc(row.added_us)) for row in rows)


def _add(connection: Connection, name: str, identity_id: int | None, looks: Sequence[FloatArray]) -> None:
    if not name.strip():
        raise OmnitrackError("an entry of the watchlist needs a name")
    if connection.scalar(select(exists().where(Wanted.name == name))):
        raise OmnitrackError(f"{name!r} is on the watchlist already; remove it first, or choose another name")
    embedder_id = connection.scalar(select(Embedder.id))
    row = {"name": name, "identity_id": identity_id, "added_us": micros(datetime.now(UTC))}
    wanted_id = connection.execute(insert(Wanted).values(row).returning(Wanted.id)).scalar_one()
    vectors = [{"wanted_id": wanted_id, "embedder_id": embedder_id, "vector": pack_vector(look)} for look in looks]
    connection.execute(insert(WantedVector), vectors)
    audit(connection, "watchlist add", {} if identity_id is None else {"identity": identity_id})
