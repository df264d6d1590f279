"""The appearance of all sightings, searched by the server itself where its database has pgvector.

A table of its own holds them as pgvector's type, since that extension may come and go; it is filled from `embeddings`,
and the server erases from it what is erased there.
"""

from collections.abc import Sequence

import numpy as np
from sqlalchemy import Connection, text

from tracker.core.types import FloatArray, IntArray
from tracker.store.packing import unpack_vector
from tracker.store.session import Store

_AT_ONCE = 1000

_DIMENSION = text("SELECT dimension FROM embedders")
_MADE_FOR = text(
    "SELECT atttypmod FROM pg_attribute WHERE attrelid = to_regclass('looks') AND attname = 'look' AND NOT attisdropped"
)
_MISSING = text(
    "SELECT e.tracklet_id, e.weight, e.vector FROM embeddings e LEFT JOIN looks l ON l.tracklet_id = e.tracklet_id"
    " WHERE l.weight IS DISTINCT FROM e.weight LIMIT :count"
)
_PUT = text(
    "INSERT INTO looks VALUES (:tracklet_id, :weight, CAST(:look AS vector)) ON CONFLICT (tracklet_id)"
    " DO UPDATE SET weight = excluded.weight, look = excluded.look"
)
_NEAREST = (
    "SELECT tracklet_id, -(look <#> CAST(:look AS vector)) AS cosine FROM looks {}"
    " ORDER BY look <#> CAST(:look AS vector), tracklet_id LIMIT :count"
)


def has_pgvector(store: Store) -> bool:
    """Whether the extension was switched on in the database (CREATE EXTENSION vector)."""
    if store.is_file:
        return False
    with store.read() as connection:
        return connection.scalar(text("SELECT 1 FROM pg_extension WHERE extname = 'vector'")) is not None


class ServerLooks:
    """Like AppearanceIndex, with nothing in memory: exact, no approximate index is used. Threads may share it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __enter__(self) -> "ServerLooks":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None: ...

    def __len__(self) -> int:
        with self._store.read() as connection:
            if _made_for(connection) is None:
                return 0
            return connection.scalar(text("SELECT count(*) FROM looks")) or 0

    def refresh(self) -> None:
        """Take in what is new or has changed, in transactions short enough for a run to go on writing."""
        with self._store.read() as connection:
            if not _is_behind(connection):
                return
        is_behind = True
        while is_behind:
            with self._store.write() as connection:
                is_behind = _take_in(connection)

    def nearest(self, look: FloatArray, count: int, among: Sequence[int] | None = None) -> tuple[IntArray, FloatArray]:
        """As AppearanceIndex.nearest."""
        with self._store.read() as connection:
            dimension = _made_for(connection)
            if dimension is None:
                return np.zeros(0, np.int64), np.zeros(0, np.float32)
            if look.shape != (dimension,):
                raise ValueError(f"look must have shape ({dimension},), got {look.shape}")
            query = _NEAREST.format("" if among is None else "WHERE tracklet_id = ANY(:among)")
            values = {"look": _written(look), "count": count} | ({} if among is None else {"among": list(among)})
            rows = connection.execute(text(query), values).all()
        return np.array([row[0] for row in rows], np.int64), np.array([row[1] for row in rows], np.float32)


def _made_for(connection: Connection) -> int | None:
    """The dimension of the vectors in the table, None if there is none."""
    dimension: int | None = connection.scalar(_MADE_FOR)
    return dimension


def _is_behind(connection: Connection) -> bool:
    dimension = connection.scalar(_DIMENSION)
    if dimension is None:
        return False
    return _made_for(connection) != dimension or connection.execute(_MISSING, {"count": 1}).first() is not None


def _take_in(connection: Connection) -> bool:
    """Some of what is missing; -> whether there may be more."""
    dimension = connection.scalar(_DIMENSION)
    if dimension is not None and _made_for(connection) != dimension:
        connection.execute(text("DROP TABLE IF EXISTS looks"))
        connection.execute(
            text(
                "CREATE TABLE looks (tracklet_id bigint PRIMARY KEY REFERENCES embeddings ON DELETE CASCADE,"
                f" weight double precision NOT NULL, look vector({int(dimension)}) NOT NULL)"
            )
        )
    rows = connection.execute(_MISSING, {"count": _AT_ONCE}).all()
    if rows:
        given = [
            {"tracklet_id": row.tracklet_id, "weight": row.weight, "look": _written(unpack_vector(row.vector))}
            for row in rows
        ]
        connection.execute(_PUT, given)
    return len(rows) == _AT_ONCE


def _written(look: FloatArray) -> str:
    """As pgvector reads it."""
    return "[" + ",".join(map(str, look.tolist())) + "]"
