"""Who looks like this? Nearest appearance vectors, exactly as they are stored."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import Any, Protocol

import faiss
import numpy as np
from sqlalchemy import Connection, Row, Select, bindparam, func, select
from sqlalchemy.orm import aliased

from tracker.core.types import FloatArray, IntArray
from tracker.errors import OmnitrackError
from tracker.inference.devices import available_cores
from tracker.store.models import Camera, Embedder, Embedding, Identity, Tracklet
from tracker.store.packing import unpack_vector
from tracker.store.runs import utc
from tracker.store.server_looks import ServerLooks, has_pgvector
from tracker.store.session import Store
from tracker.store.windows import sightings_asked_for, sightings_given

_AT_ONCE = 500
_PER_PERSON = 16
_FEW = 5000
"""So few sightings are looked at one by one, where the question or the caller leaves no more."""


_WEIGHTS = select(Embedding.tracklet_id, Embedding.weight)


@dataclass(frozen=True, slots=True)
class Match:
    """A person, and the sighting that looks most like what was asked for. score: cosine of the two, in [-1, 1]."""

    identity_id: int
    name: str | None
    score: float
    tracklet_id: int
    camera: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class MatchFilter:
    """Which sightings count: by camera, overlapping [since, until] (aware datetimes)."""

    camera: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class NearestLooks(Protocol):
    """What finds the sightings that look most like something: AppearanceIndex, or the server itself (ServerLooks)."""

    def refresh(self) -> None: ...
    def nearest(
        self, look: FloatArray, count: int, among: Sequence[int] | None = None
    ) -> tuple[IntArray, FloatArray]: ...
    def close(self) -> None: ...


def open_looks(store: Store) -> "AppearanceIndex | ServerLooks":
    """The server's own search where its database has pgvector, else an index in memory. Close it, or use `with`."""
    return ServerLooks(store) if has_pgvector(store) else AppearanceIndex(store)


class AppearanceIndex:
    """The appearance of all sightings in memory, two bytes a number as in the database, which it follows at refresh():
    one part for each core, which are searched side by side.

    Threads may share it. Use as a context manager, or call close().
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._resources = ExitStack()
        self._cores = available_cores()
        pool = ThreadPoolExecutor(self._cores, "appearance-index", initializer=partial(faiss.omp_set_num_threads, 1))
        self._pool = self._resources.enter_context(pool)
        self._connection: Connection | None = None
        self._lock = threading.Lock()
        self._version: int | None = None
        self._dimension = 0
        self._parts: list[faiss.IndexIDMap2] = []
        self._weights: dict[int, float] = {}

    def __enter__(self) -> "AppearanceIndex":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._resources.close()

    def __len__(self) -> int:
        return len(self._weights)

    def refresh(self) -> None:
        """Take in what is new and drop what is erased; costs next to nothing if nobody has written meanwhile."""
        with self._lock:
            if self._connection is None:
                self._connection = self._resources.enter_context(self._store.read())
            try:
                version = None  # a server does not tell cheaply whether anybody wrote
                if self._store.is_file:
                    version = self._connection.exec_driver_sql("PRAGMA data_version").scalar()
                if version is None or version != self._version:
                    self._follow(self._connection)
                    self._version = version
            finally:
                self._connection.rollback()  # an open view would keep what is erased in the write-ahead log

    def nearest(self, look: FloatArray, count: int, among: Sequence[int] | None = None) -> tuple[IntArray, FloatArray]:
        """Tracklet ids (n,) and cosines (n,) float32, best first, n at most count.

        look: (d,) float32 unit vector. among: only these tracklets.
        Raises ValueError for another dimension than that of the database.
        """
        with self._lock:
            if not self._weights:
                return np.zeros(0, np.int64), np.zeros(0, np.float32)
            if look.shape != (self._dimension,):
                raise ValueError(f"look must have shape ({self._dimension},), got {look.shape}")
            only = None
            if among is not None:
                selector = faiss.IDSelectorBatch(np.array(among, np.int64))
                only = faiss.SearchParameters()
                only.sel = selector
            most = min(count, len(self._weights))
            found = list(self._pool.map(lambda part: part.search(look[None], most, params=only), self._parts))
        scores, numbers = (np.concatenate(column, axis=1)[0] for column in zip(*found, strict=True))
        best = np.lexsort((numbers, -scores))
        best = best[numbers[best] >= 0][:count]
        return numbers[best], scores[best]

    def _follow(self, connection: Connection) -> None:
        dimension = connection.scalar(select(Embedder.dimension)) or 0
        stored = {row.tracklet_id: row.weight for row in connection.execute(_WEIGHTS)}
        if dimension != self._dimension:
            self._parts = [_empty(dimension) for _ in range(self._cores)]
            self._dimension, self._weights = dimension, {}
        outdated = [number for number, weight in self._weights.items() if stored.get(number) != weight]
        for part in self._parts:
            part.remove_ids(faiss.IDSelectorBatch(np.array(outdated, np.int64)))
        for number in outdated:
            del self._weights[number]
        missing = [number for number in stored if number not in self._weights]
        for first in range(0, len(missing), _AT_ONCE):
            chosen = Embedding.tracklet_id.in_(missing[first : first + _AT_ONCE])
            rows = connection.execute(select(Embedding.tracklet_id, Embedding.vector).where(chosen)).all()
            looks = np.stack([unpack_vector(row.vector) for row in rows])
            smallest = min(self._parts, key=lambda part: int(part.ntotal))
            smallest.add_with_ids(looks, np.array([row.tracklet_id for row in rows], np.int64))
            self._weights.update((row.tracklet_id, stored[row.tracklet_id]) for row in rows)


def _empty(dimension: int) -> faiss.IndexIDMap2:
    fp16 = faiss.ScalarQuantizer.QT_fp16
    return faiss.IndexIDMap2(faiss.IndexScalarQuantizer(dimension, fp16, faiss.METRIC_INNER_PRODUCT))


def require_network(connection: Connection, name: str, dimension: int) -> None:
    """Raises OmnitrackError when the database holds the vectors of another network, or none at all."""
    stored = connection.execute(select(Embedder.name, Embedder.dimension)).first()
    if stored is None:
        raise OmnitrackError("the database holds no appearance; nobody was described yet")
    if (stored.name, stored.dimension) != (name, dimension):
        raise OmnitrackError(
            f"the database holds appearance by {stored.name} (dimension {stored.dimension}), the photo is described by "
            f"{name} (dimension {dimension}) and they cannot be compared; choose embedder.model in --config"
        )


def similar_people(
    connection: Connection,
    index: NearestLooks,
    look: FloatArray,
    chosen: MatchFilter | None = None,
    *,
    top: int = 10,
) -> tuple[Match, ...]:
    """Who looks like this, most similar first, each with their most similar sighting. look: (d,) unit vector.

    Sightings that the connection does not show (erased, or of hidden cameras) do not count.
    Raises NotFoundError for an unknown camera.
    """
    which = chosen or MatchFilter()
    values = sightings_asked_for(connection, which.camera, which.since, which.until)
    given, few = frozenset(values), values | {"limit": _FEW + 1}
    are_few = connection.scalar(_number_shown(given), few) != _FEW + 1
    among = connection.scalars(_shown(given), few).all() if are_few else None
    count = top * _PER_PERSON
    while True:
        numbers, scores = index.nearest(look, count, among)
        found = _people(connection, numbers, scores, values)
        if len(found) >= top or len(numbers) < count:
            return found[:top]
        count *= 8


# Built once for each set of names of values that are given: building a statement takes longer than executing it.
@cache
def _shown(given: frozenset[str]) -> Select[int]:
    return select(Tracklet.id).where(*sightings_given(given)).limit(bindparam("limit"))


@cache
def _number_shown(given: frozenset[str]) -> Select[int]:
    return select(func.count()).select_from(_shown(given).subquery())


@cache
def _whose(given: frozenset[str]) -> Select[int, int, str | None, str, int, int]:
    person = aliased(Identity)
    return (
        select(
            Tracklet.id,
            person.id.label("identity_id"),
            person.name,
            Camera.name.label("camera"),
            Tracklet.start_us,
            Tracklet.end_us,
        )
        .join(Camera, Camera.id == Tracklet.camera_id)
        .join(Identity, Identity.id == Tracklet.identity_id)
        .join(person, person.id == Identity.survivor_id)
        .where(*sightings_given(given), Tracklet.id.in_(bindparam("numbers", expanding=True)))
    )


def _people(connection: Connection, numbers: IntArray, scores: FloatArray, values: dict[str, Any]) -> tuple[Match, ...]:
    """In order of score. values: of the conditions on sightings."""
    query = _whose(frozenset(values))
    rows: dict[int, Row[int, int, str | None, str, int, int]] = {}
    for first in range(0, len(numbers), _AT_ONCE):
        some = values | {"numbers": numbers[first : first + _AT_ONCE].tolist()}
        rows.update((row.id, row) for row in connection.execute(query, some))
    best: dict[int, Match] = {}
    for number, score in zip(numbers.tolist(), scores.tolist(), strict=True):
        row = rows.get(number)
        if row is not None and row.identity_id not in best:
            when = (utc(row.start_us), utc(row.end_us))
            best[row.identity_id] = Match(row.identity_id, row.name, score, number, row.camera, *when)
    return tuple(best.values())
