"""The only thread that writes: one transaction per batch, in order; a full queue makes the pipeline wait."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from queue import Queue
from threading import Thread
from typing import Any

from sqlalchemy import Connection, Executable, bindparam, insert, update

from tracker.store.crops import write_crops
from tracker.store.dialects import upsert
from tracker.store.identity_events import PlannedEvent, apply_events
from tracker.store.location import StoreWaitError
from tracker.store.models import Camera, Embedding, Observations
from tracker.store.places import PlannedPlaceEvent, write_place_events
from tracker.store.runs import ActiveRun, finish_run, note_picture_sizes
from tracker.store.session import Store
from tracker.store.stretches import grow_tracklets

Row = dict[str, Any]

_NEW_OBSERVATIONS = insert(Observations)
_LONGER_STAY = (
    update(Camera)
    .where(Camera.id == bindparam("camera"), Camera.longest_stay_us < bindparam("stay_us"))
    .values(longest_stay_us=bindparam("stay_us"))
)

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Batch:
    """What one transaction writes: rows of the tables, then events in their order, then what happened at places.

    pictures: (width, height) of the pictures of cameras where that is new.
    """

    pictures: dict[str, tuple[int, int]] = field(default_factory=dict)
    tracklets: list[Row] = field(default_factory=list)
    observations: list[Row] = field(default_factory=list)
    embeddings: list[Row] = field(default_factory=list)
    crops: list[Row] = field(default_factory=list)
    events: list[PlannedEvent] = field(default_factory=list)
    places: list[PlannedPlaceEvent] = field(default_factory=list)
    crops_kept: int = 0
    ends_run: bool = False

    def __bool__(self) -> bool:
        return bool(self.tracklets or self.events or self.places or self.ends_run)


@dataclass(slots=True)
class WriterCounters:
    """What happened so far.

    batches_waiting: asked for how many are handed over and not taken up yet. batches_lost: never written, after a
    failure. seconds_waited: how long submit() was held up because the disk was slower; paused_by: why nothing can be
    written at the moment, None while all is well.
    """

    batches_committed: int = 0
    rows_committed: int = 0
    batches_waiting: Callable[[], int] = field(default=lambda: 0)
    batches_lost: int = 0
    seconds_waited: float = 0.0
    paused_by: str | None = None


class StoreWriter:
    """Takes batches from one thread and commits them in another.

    A committed batch survives a crash of the program and of the machine; the one being written leaves no trace. While
    the disk is full or somebody else holds the database, the batch waits, the queue fills up and the pipeline pauses;
    all goes on by itself once there is space. When the run is to end before that, what waits is lost, and said to be.
    """

    def __init__(self, store: Store, run: ActiveRun, *, queued_batches: int = 16) -> None:
        self._store = store
        self._run = run
        self._queue: Queue[Batch | None] = Queue(queued_batches)
        self.counters = WriterCounters(batches_waiting=self._queue.qsize)
        self._failure: Exception | None = None
        self._thread = Thread(target=self._work, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, batch: Batch) -> None:
        """Hand over a batch; waits while the queue is full. Raises what an earlier batch failed with."""
        self._raise_failure()
        begun = time.monotonic()
        self._queue.put(batch)
        self.counters.seconds_waited += time.monotonic() - begun

    def close(self) -> None:
        """Commit everything handed over, then end the thread. Raises what a batch failed with."""
        self._queue.put(None)
        self._thread.join()
        if self.counters.batches_lost:
            lost = self.counters.batches_lost
            _LOG.error(
                "database %s: the last %d batch(es) of this run, a second each, are lost", self._store.name, lost
            )
        self._raise_failure()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        while (batch := self._queue.get()) is not None:
            if self._failure is not None:
                self.counters.batches_lost += 1
                continue  # keep emptying the queue, so that nobody waits for ever
            try:
                rows = self._commit(batch)
            except Exception as error:  # thread boundary: raised again in submit() and close()
                self._failure = error
                self.counters.batches_lost += 1
            else:
                self.counters.batches_committed += 1
                self.counters.rows_committed += rows

    def _commit(self, batch: Batch) -> int:
        """-> rows written, after as many attempts as it takes."""
        while True:
            self._run.people.begin()
            try:
                with self._store.write() as connection:
                    rows = write_batch(connection, self._run, batch)
            except StoreWaitError as reason:
                if self.counters.paused_by is None:
                    _LOG.warning("%s; the run pauses until then and goes on by itself", reason)
                self.counters.paused_by = str(reason)
                self._store.patience.wait(reason)
            else:
                if self.counters.paused_by is not None:
                    _LOG.warning("database %s: can be written again, the run goes on", self._store.name)
                self.counters.paused_by = None
                self._run.people.settle()
                return rows


def write_batch(connection: Connection, run: ActiveRun, batch: Batch) -> int:
    """Write a batch inside the connection's transaction; -> number of rows and events."""
    note_picture_sizes(connection, run, batch.pictures)
    grow_tracklets(connection, batch.tracklets)
    _raise_longest_stays(connection, batch.tracklets)
    if batch.observations:
        connection.execute(_NEW_OBSERVATIONS, batch.observations)
    _replace_embeddings(connection, batch.embeddings)
    write_crops(connection, batch.crops, keep=batch.crops_kept)
    apply_events(connection, run, batch.events)
    write_place_events(connection, run, batch.places)
    if batch.ends_run:
        finish_run(connection, run)
    return len(batch.tracklets) + len(batch.observations) + len(batch.embeddings) + len(batch.events)


def _replace_embeddings(connection: Connection, rows: list[Row]) -> None:
    if rows:
        connection.execute(_newer_embedding(connection.dialect.name), rows)


@cache  # building a statement takes longer than executing it
def _newer_embedding(dialect: str) -> Executable:
    new = upsert(dialect, Embedding)
    better = {name: new.excluded[name] for name in ("weight", "vector", "earlier", "earlier_share")}
    return new.on_conflict_do_update(index_elements=["tracklet_id"], set_=better)


def _raise_longest_stays(connection: Connection, tracklets: list[Row]) -> None:
    longest: dict[int, int] = {}
    for row in tracklets:
        stay_us = row["end_us"] - row["start_us"]
        longest[row["camera_id"]] = max(stay_us, longest.get(row["camera_id"], 0))
    if longest:
        rows = [{"camera": camera_id, "stay_us": stay_us} for camera_id, stay_us in longest.items()]
        connection.execute(_LONGER_STAY, rows)
