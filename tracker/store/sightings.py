"""Stored tracklets as the matchers know them: when each was in view, how it looks, and what people said of it."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import numpy as np
from sqlalchemy import ColumnElement, Connection, select
from sqlalchemy.orm import aliased

from tracker.core.types import IntArray
from tracker.crosscam.constraints import Constraint, ConstraintKind
from tracker.crosscam.reassociation import Sighting
from tracker.errors import NotFoundError
from tracker.store import models
from tracker.store.appearance import unpack_looks
from tracker.store.models import Camera, Embedding, Identity, Observations, Run, Tracklet
from tracker.store.packing import unpack
from tracker.store.windows import within

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class HistoryPart:
    """Which part of the history: one run, and what was in view at some moment of [since, until] (aware datetimes)."""

    run_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """On Tracklet."""
        of_run = [] if self.run_id is None else [Tracklet.run_id == self.run_id]
        return [*of_run, *within(self.since, self.until)]


def read_sightings(connection: Connection, scope: HistoryPart) -> list[Sighting]:
    """The sightings in scope in order of time, and those outside of which people said something together with one of
    these: they are sure. So is the longest sighting of each named person. Seconds count from 1970.

    Raises NotFoundError for an unknown run.
    """
    if scope.run_id is not None and connection.scalar(select(Run.id).where(Run.id == scope.run_id)) is None:
        known = ", ".join(map(str, connection.scalars(select(Run.id).order_by(Run.id)))) or "none"
        raise NotFoundError(f"run {scope.run_id} is not in the database; it knows {known}")
    inside = connection.scalars(select(Tracklet.id).where(*scope.conditions())).all()
    outside = _partners(connection, set(inside))
    named = _longest_of_named(connection, set(inside))
    rows = [*inside, *sorted(outside)]
    found = [
        sighting
        for first in range(0, len(rows), _AT_ONCE)
        for sighting in _sightings(connection, rows[first : first + _AT_ONCE], outside | named)
    ]
    return sorted(found, key=lambda sighting: (sighting.first_seconds, sighting.number))


def read_decisions(connection: Connection, cameras: dict[int, str]) -> list[Constraint]:
    """What people said, oldest first, about the tracklets whose camera is given."""
    query = select(models.Constraint).order_by(models.Constraint.id)
    return [
        Constraint(ConstraintKind(row.kind), (cameras[a], a), (cameras[b], b))
        for row in connection.execute(query)
        if (a := row.tracklet_a_id) in cameras and (b := row.tracklet_b_id) in cameras
    ]


def _partners(connection: Connection, inside: Collection[int]) -> set[int]:
    """Tracklets outside that a constraint ties to one inside."""
    pairs = select(models.Constraint.tracklet_a_id, models.Constraint.tracklet_b_id)
    ends = [{a, b} for a, b in connection.execute(pairs)]
    return {end for pair in ends if not pair.isdisjoint(inside) for end in pair} - set(inside)


def _longest_of_named(connection: Connection, inside: Collection[int]) -> set[int]:
    person = aliased(Identity)
    query = (
        select(person.id, Tracklet.id, Tracklet.observation_count)
        .select_from(person)
        .join(Identity, Identity.survivor_id == person.id)
        .join(Tracklet, Tracklet.identity_id == Identity.id)
        .where(person.name.is_not(None), person.id == person.survivor_id)
    )
    longest: dict[int, tuple[int, int]] = {}
    for person_id, tracklet_id, count in connection.execute(query):
        if tracklet_id in inside:
            longest[person_id] = max(longest.get(person_id, (0, 0)), (count, tracklet_id))
    return {tracklet_id for _, tracklet_id in longest.values()}


def _sightings(connection: Connection, rows: Sequence[int], sure: Collection[int]) -> Iterator[Sighting]:
    query = (
        select(
            Tracklet.id,
            Camera.name.label("camera"),
            Identity.survivor_id,
            Embedding.weight,
            Embedding.vector,
            Embedding.earlier,
            Embedding.earlier_share,
        )
        .join(Camera, Camera.id == Tracklet.camera_id)
        .outerjoin(Identity, Identity.id == Tracklet.identity_id)
        .outerjoin(Embedding, Embedding.tracklet_id == Tracklet.id)
        .where(Tracklet.id.in_(rows))
    )
    runs = _runs(connection, rows)
    for row in connection.execute(query):
        looks = () if row.vector is None else unpack_looks(row.vector, row.earlier, row.earlier_share)
        yield Sighting(
            number=row.id,
            camera_id=row.camera,
            runs=runs[row.id],
            looks=looks,
            weight=row.weight or 0.0,
            identity_id=row.survivor_id,
            sure=row.id in sure and row.survivor_id is not None,
        )


def _runs(connection: Connection, rows: Sequence[int]) -> dict[int, tuple[tuple[float, float], ...]]:
    """When each tracklet was in view: runs of consecutive pictures of its camera."""
    columns = (Observations.tracklet_id, Observations.first_frame, Observations.start_us, Observations.boxes)
    chunks = select(*columns).where(Observations.tracklet_id.in_(rows))
    in_order = chunks.order_by(Observations.tracklet_id, Observations.first_frame)
    found = {}
    for tracklet_id, group in groupby(connection.execute(in_order), key=lambda row: row.tracklet_id):
        parts = [unpack(row.first_frame, row.start_us, row.boxes)[:2] for row in group]
        frames, times_us = (np.concatenate(column) for column in zip(*parts, strict=True))
        found[int(tracklet_id)] = tuple(_consecutive(frames, times_us))
    return found


def _consecutive(frames: IntArray, times_us: IntArray) -> Iterable[tuple[float, float]]:
    ends = np.flatnonzero(np.diff(frames) > 1)
    first, last = [0, *(ends + 1)], [*ends, len(frames) - 1]
    return ((times_us[a] / 1e6, times_us[b] / 1e6) for a, b in zip(first, last, strict=True))
