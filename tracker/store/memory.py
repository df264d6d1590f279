"""What a new run knows of the people of earlier ones, and hears of what users say meanwhile."""

import logging
from collections import deque
from collections.abc import Collection
from datetime import datetime
from threading import Event as Signal
from threading import Thread
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, select
from sqlalchemy.orm import aliased

from tracker.core.types import FloatArray
from tracker.crosscam.constraints import Constraint, ConstraintKind
from tracker.crosscam.known import KnownPerson
from tracker.errors import OmnitrackError
from tracker.store.constraints import people_of
from tracker.store.identities import CONFIRMED
from tracker.store.models import Audit, Camera, Embedding, Identity, Tracklet
from tracker.store.packing import unpack_vector
from tracker.store.runs import ActiveRun, micros
from tracker.store.session import Store

LOOKS_SECONDS = 86_400.0
"""Of those who are remembered, so much of the past says how they look."""

LATEST = 20
"""Sightings of somebody split off that the matcher is told of; older ones it does not hold any more."""

HEAR_SECONDS = 1.0

_LOG = logging.getLogger(__name__)


def known_people(connection: Connection, epoch: datetime, memory_seconds: float) -> list[KnownPerson]:
    """Who was seen within memory_seconds before a run that begins at epoch (aware datetime), camera by camera."""
    epoch_us = micros(epoch)
    before = Tracklet.end_us <= epoch_us
    recent = (
        select(Identity.survivor_id)
        .join(Tracklet, Tracklet.identity_id == Identity.id)
        .where(before, Tracklet.end_us >= epoch_us - round(memory_seconds * 1e6))
    )
    person = aliased(Identity)
    query = (
        select(
            person.id,
            person.state,
            Camera.name,
            Tracklet.start_us,
            Tracklet.end_us,
            Embedding.weight,
            Embedding.vector,
        )
        .select_from(person)
        .join(Identity, Identity.survivor_id == person.id)
        .join(Tracklet, Tracklet.identity_id == Identity.id)
        .join(Camera, Camera.id == Tracklet.camera_id)
        .outerjoin(Embedding, Embedding.tracklet_id == Tracklet.id)
        .where(person.id.in_(recent), before, Tracklet.end_us >= epoch_us - round(LOOKS_SECONDS * 1e6))
        .order_by(person.id, Camera.name, Tracklet.start_us, Tracklet.id)
    )
    places: dict[tuple[int, str], list[Any]] = {}
    for row in connection.execute(query):
        places.setdefault((row.id, row.name), []).append(row)
    return [_known(rows, epoch_us) for rows in places.values()]


def standing_decisions(connection: Connection, identities: Collection[int]) -> list[Constraint]:
    """Which of these people users keep apart."""
    pairs = {(row.a, row.b) for row in connection.execute(people_of(ConstraintKind.CANNOT_LINK))}
    return [
        Constraint(ConstraintKind.CANNOT_LINK, one, other)
        for one, other in sorted(pairs)
        if one in identities and other in identities and one != other
    ]


class Hearing:
    """Listens for merges and splits that users make while a run goes on, about once a second in a thread of its own.

    Use as a context manager. fresh() never waits.
    """

    def __init__(self, store: Store, run: ActiveRun) -> None:
        self._store = store
        self._run = run
        self._heard: deque[Constraint] = deque()
        self._ended = Signal()
        self._thread = Thread(target=self._listen, name="hearing", daemon=True)
        with store.read() as connection:
            self._latest_audit_id = connection.scalar(select(func.max(Audit.id))) or 0

    def fresh(self) -> list[Constraint]:
        """What was said since the last call, oldest first."""
        return [self._heard.popleft() for _ in range(len(self._heard))]

    def __enter__(self) -> "Hearing":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _listen(self) -> None:
        while not self._ended.wait(HEAR_SECONDS):
            try:
                with self._store.read() as connection:
                    self._heard += self._said(connection)
            except OmnitrackError as error:  # thread boundary: what was said is still there when it can be read again
                _LOG.warning("%s; corrections reach the run once it can be read", error)

    def _said(self, connection: Connection) -> list[Constraint]:
        decisions: list[Constraint] = []
        later = select(Audit).where(Audit.id > self._latest_audit_id, Audit.action.in_(("merge", "split")))
        for row in connection.execute(later.order_by(Audit.id)):
            if row.undone_us is None and row.action == "merge":
                decisions.append(Constraint(ConstraintKind.MUST_LINK, row.details["identity"], row.details["other"]))
            elif row.undone_us is None:
                decisions += _split(connection, self._run, row.details)
            self._latest_audit_id = row.id
        return decisions


def _split(connection: Connection, run: ActiveRun, details: dict[str, Any]) -> list[Constraint]:
    """The tracks of this run that were split off are the new person, who is not the old one."""
    moved = [tracklet_id for tracklet_id, _ in details["moved"]]
    latest = select(Tracklet.camera_id, Tracklet.track_id).where(Tracklet.id.in_(moved), Tracklet.run_id == run.id)
    names = {key.id: name for name, key in run.cameras.items()}
    tracks = [
        (names[camera_id], track_id)
        for camera_id, track_id in connection.execute(latest.order_by(Tracklet.end_us.desc()).limit(LATEST))
    ]
    links = [Constraint(ConstraintKind.MUST_LINK, track, details["other"]) for track in reversed(tracks)]
    return [*links, Constraint(ConstraintKind.CANNOT_LINK, details["identity"], details["other"])]


def _known(rows: list[Any], epoch_us: int) -> KnownPerson:
    """rows: sightings of one person in one camera, in order of time."""
    described = [row for row in rows if row.vector is not None and row.weight > 0]
    weight = sum(row.weight for row in described)
    embedding: FloatArray | None = None
    if described:
        vectors = np.stack([unpack_vector(row.vector) for row in described])
        weights = np.array([row.weight for row in described])
        embedding = np.average(vectors, axis=0, weights=weights).astype(np.float32)
    return KnownPerson(
        identity_id=rows[0].id,
        camera_id=rows[0].name,
        embedding=embedding,
        weight=weight,
        last_seen_seconds=(max(row.end_us for row in rows) - epoch_us) / 1e6,
        seen_seconds=sum(row.end_us - row.start_us for row in rows) / 1e6,
        confirmed=rows[0].state == CONFIRMED,
    )
