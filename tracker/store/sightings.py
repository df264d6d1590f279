"""Stored tracklets as the matchers know them: when each was in view, how it looks, and what people said of it."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

import numpy as np
from sqlalchemy import ColumnElement, Connection, func, select
from sqlalchemy.orm import aliased

from tracker.core.types import FloatArray, IntArray
from tracker.crosscam.constraints import Constraint, ConstraintKind
from tracker.crosscam.ground_plane import GroundCamera
from tracker.crosscam.sighting import Sighting
from tracker.errors import NotFoundError
from tracker.store import models
from tracker.store.appearance import unpack_looks
from tracker.store.ground import fitted, ground_partners, places_of
from tracker.store.models import Camera, Embedding, Event, Identity, Observations, Run, RunCamera, Tracklet
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


def read_sightings(
    connection: Connection, scope: HistoryPart, cameras: Mapping[str, GroundCamera] | None = None
) -> list[Sighting]:
    """The sightings in scope in order of time, and those outside of which people said something together with one of
    these: they are sure. So is the longest sighting of each named person. Seconds count from 1970.

    cameras: calibrations, by which it is known where people stood. Raises NotFoundError for an unknown run, and
    OmnitrackError for a calibration of pictures of another shape.
    """
    if scope.run_id is not None and connection.scalar(select(Run.id).where(Run.id == scope.run_id)) is None:
        known = ", ".join(map(str, connection.scalars(select(Run.id).order_by(Run.id)))) or "none"
        raise NotFoundError(f"run {scope.run_id} is not in the database; it knows {known}")
    inside = connection.scalars(select(Tracklet.id).where(*scope.conditions())).all()
    outside = _partners(connection, set(inside))
    named = _longest_of_named(connection, set(inside))
    rows = [*inside, *sorted(outside)]
    partners = ground_partners(connection, rows)
    found = [
        replace(sighting, ground_partners=partners.get(sighting.number, ()))
        for first in range(0, len(rows), _AT_ONCE)
        for sighting in _sightings(connection, rows[first : first + _AT_ONCE], outside | named, cameras or {})
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


def _sightings(
    connection: Connection, rows: Sequence[int], sure: Collection[int], cameras: Mapping[str, GroundCamera]
) -> Iterator[Sighting]:
    query = (
        select(
            Tracklet.id,
            Camera.name.label("camera"),
            Identity.survivor_id,
            Embedding.weight,
            Embedding.vector,
            Embedding.earlier,
            Embedding.earlier_share,
            RunCamera.width,
            RunCamera.height,
        )
        .join(Camera, Camera.id == Tracklet.camera_id)
        .join(RunCamera, (RunCamera.run_id == Tracklet.run_id) & (RunCamera.camera_id == Tracklet.camera_id))
        .outerjoin(Identity, Identity.id == Tracklet.identity_id)
        .outerjoin(Embedding, Embedding.tracklet_id == Tracklet.id)
        .where(Tracklet.id.in_(rows))
    )
    boxes, told = _boxes(connection, rows), _told(connection, rows)
    for row in connection.execute(query):
        looks = () if row.vector is None else unpack_looks(row.vector, row.earlier, row.earlier_share)
        frames, times_us, boxes_xyxy = boxes[row.id]
        places = np.zeros((0, 6))
        if row.camera in cameras:
            camera = fitted(row.camera, cameras[row.camera], row.width, row.height)
            places = places_of(camera, times_us, boxes_xyxy)
        yield Sighting(
            number=row.id,
            camera_id=row.camera,
            runs=tuple(_consecutive(frames, times_us)),
            looks=looks,
            weight=row.weight or 0.0,
            identity_id=row.survivor_id,
            sure=row.id in sure and row.survivor_id is not None,
            told_seconds=told.get(row.id),
            places=places,
        )


def _told(connection: Connection, rows: Sequence[int]) -> dict[int, float]:
    """When a run first said who each tracklet is."""
    by_runs = select(Event.tracklet_id, func.min(Event.at_us)).where(Event.run_id.is_not(None))
    first = by_runs.where(Event.tracklet_id.in_(rows)).group_by(Event.tracklet_id)
    return {number: at_us / 1e6 for number, at_us in connection.execute(first) if number is not None}


def _boxes(connection: Connection, rows: Sequence[int]) -> dict[int, tuple[IntArray, IntArray, FloatArray]]:
    """Of each tracklet the frames (n,), times (n,) in UTC microseconds and boxes_xyxy (n, 4)."""
    columns = (Observations.tracklet_id, Observations.first_frame, Observations.start_us, Observations.boxes)
    chunks = select(*columns).where(Observations.tracklet_id.in_(rows))
    in_order = chunks.order_by(Observations.tracklet_id, Observations.first_frame)
    found = {}
    for tracklet_id, group in groupby(connection.execute(in_order), key=lambda row: row.tracklet_id):
        parts = [unpack(row.first_frame, row.start_us, row.boxes)[:3] for row in group]
        frames, times_us, boxes_xyxy = zip(*parts, strict=True)
        found[int(tracklet_id)] = (np.concatenate(frames), np.concatenate(times_us), np.concatenate(boxes_xyxy))
    return found


def _consecutive(frames: IntArray, times_us: IntArray) -> Iterable[tuple[float, float]]:
    """When a tracklet was in view: runs of consecutive pictures of its camera."""
    ends = np.flatnonzero(np.diff(frames) > 1)
    first, last = [0, *(ends + 1)], [*ends, len(frames) - 1]
    return ((times_us[a] / 1e6, times_us[b] / 1e6) for a, b in zip(first, last, strict=True))
