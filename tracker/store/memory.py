"""What a new run knows of the people of earlier ones, and hears of what users say meanwhile."""

import logging
from collections import deque
from collections.abc import Collection
from datetime import datetime
from threading import Event as Signal
from threading import Thread
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Row, func, select
from sqlalchemy.orm import aliased

from tracker.core.types import FloatArray, TrackletKey
from tracker.crosscam.constraints import Constraint, ConstraintKind, Withdrawal
from tracker.crosscam.known import KnownPerson
from tracker.errors import OmnitrackError
from tracker.store.constraints import MERGE, SPLIT, people_of
from tracker.store.identities import CONFIRMED
from tracker.store.models import Audit, Camera, Embedding, Identity, Tracklet
from tracker.store.packing import unpack_vector
from tracker.store.reassociating import REASSOCIATE
from tracker.store.runs import ActiveRun, micros
from tracker.store.session import Store

LOOKS_SECONDS = 86_400.0
"""Of those who are remembered, so much of the past says how they look."""

LATEST = 20
"""Sightings of a person concerned by a correction that the matcher is told of; older ones it does not hold any more."""

HEAR_SECONDS = 1.0

HEARD = (MERGE, SPLIT, REASSOCIATE)
"""Corrections that change who is who."""

UNDONE = select(Audit.id).where(Audit.action.in_(HEARD), Audit.undone_us.is_not(None))

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
    """Listens for merges, splits and re-associations that users make or undo while a run goes on, about once a second
    in its own thread.

    Use as a context manager. fresh() never waits.
    """

    def __init__(self, store: Store, run: ActiveRun) -> None:
        self._store = store
        self._run = run
        self._heard: deque[Constraint | Withdrawal] = deque()
        self._told: dict[int, tuple[Constraint, ...]] = {}
        self._ended = Signal()
        self._thread = Thread(target=self._listen, name="hearing", daemon=True)
        with store.read() as connection:
            self._latest_audit_id = connection.scalar(select(func.max(Audit.id))) or 0
            self._undone = set(connection.scalars(UNDONE))

    def fresh(self) -> list[Constraint | Withdrawal]:
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

    def _said(self, connection: Connection) -> list[Constraint | Withdrawal]:
        """What stands now was said after all that is undone now: the latest correction is undone first."""
        undone = set(connection.scalars(UNDONE)) - self._undone
        taken_back = select(Audit).where(Audit.id.in_(undone), Audit.id <= self._latest_audit_id)
        said: list[Constraint | Withdrawal] = [
            _withdrawal(connection, self._run, row, self._told.pop(row.id, None))
            for row in connection.execute(taken_back.order_by(Audit.id.desc())).all()
        ]
        self._undone |= undone
        later = select(Audit).where(Audit.id > self._latest_audit_id, Audit.action.in_(HEARD))
        for row in connection.execute(later.order_by(Audit.id)):
            if row.undone_us is None:
                self._told[row.id] = _decisions(connection, self._run, row)
                said += self._told[row.id]
            self._latest_audit_id = row.id
        return said


def _decisions(connection: Connection, run: ActiveRun, row: Row[Any]) -> tuple[Constraint, ...]:
    """Who was merged is one; the tracks of this run that were split off are the new person, who is not the old one. A
    re-association says whose its tracks are and who is one, and keeps nobody apart: the matcher may think again.
    """
    if row.action == REASSOCIATE:
        merged = [Constraint(ConstraintKind.MUST_LINK, gone, survivor) for gone, survivor in row.details["merged"]]
        tracks = _latest_tracks(connection, run, _moved(row))
        return (*merged, *(Constraint(ConstraintKind.MUST_LINK, track, person) for track, person in reversed(tracks)))
    one, other = row.details["identity"], row.details["other"]
    if row.action == MERGE:
        return (Constraint(ConstraintKind.MUST_LINK, one, other),)
    tracks = _latest_tracks(connection, run, _moved(row))
    links = [Constraint(ConstraintKind.MUST_LINK, track, other) for track, _ in reversed(tracks)]
    return (*links, Constraint(ConstraintKind.CANNOT_LINK, one, other))


def _withdrawal(
    connection: Connection, run: ActiveRun, row: Row[Any], told: tuple[Constraint, ...] | None
) -> Withdrawal:
    """Undone. told: what the matcher was told, None of a correction that it began with. What `forget` erased names
    nobody any more.
    """
    if not row.details:
        return Withdrawal(told or ())
    if row.action == REASSOCIATE:
        numbers = [number for way in row.details["merged"] for number in way]
        concerned = _moved(row) | Identity.survivor_id.in_(numbers)
        return Withdrawal(told or (), tuple(_latest_tracks(connection, run, concerned)))
    one, other = row.details["identity"], row.details["other"]
    if row.action == MERGE:
        people = [_latest_tracks(connection, run, Identity.survivor_id == person) for person in (one, other)]
        decisions = told or (Constraint(ConstraintKind.MUST_LINK, one, other),)
        return Withdrawal(decisions, tuple(track for tracks in people for track in tracks))
    decisions = told or (Constraint(ConstraintKind.CANNOT_LINK, *sorted((one, other))),)
    return Withdrawal(decisions, tuple(_latest_tracks(connection, run, _moved(row))), (other, one))


def _moved(row: Row[Any]) -> ColumnElement[bool]:
    return Tracklet.id.in_([tracklet_id for tracklet_id, *_ in row.details["moved"]])


def _latest_tracks(
    connection: Connection, run: ActiveRun, chosen: ColumnElement[bool]
) -> list[tuple[TrackletKey, int]]:
    """Up to LATEST tracks of this run with whose they are, the latest first."""
    names = {key.id: name for name, key in list(run.cameras.items())}  # another thread may add one
    query = (
        select(Tracklet.camera_id, Tracklet.track_id, Identity.survivor_id)
        .join(Identity, Identity.id == Tracklet.identity_id)
        .where(chosen, Tracklet.run_id == run.id)
        .order_by(Tracklet.end_us.desc())
        .limit(LATEST)
    )
    return [((names[camera], track), person) for camera, track, person in connection.execute(query)]


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
