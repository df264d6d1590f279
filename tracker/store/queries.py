"""Questions to the history. One implementation for the command line, Python and HTTP: plain rows, times in UTC."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import groupby
from typing import Any, Generic, TypeVar

import numpy as np
from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, select

from tracker.core.types import FloatArray, IntArray
from tracker.errors import NotFoundError
from tracker.store.dialects import distinct_values
from tracker.store.identities import known_survivor
from tracker.store.models import Camera, Crop, Identity, Observations, PlaceEventRow, Run, RunCamera, Tracklet
from tracker.store.packing import unpack
from tracker.store.runs import micros, utc
from tracker.store.windows import camera_id, within

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows of a longer answer; has_more tells whether others follow."""

    rows: tuple[T, ...]
    has_more: bool


@dataclass(frozen=True, slots=True)
class IdentitySummary:
    """sightings: stays in front of a camera (tracklets); seconds_seen: their lengths, added."""

    id: int
    name: str | None
    state: str
    sightings: int
    cameras: tuple[str, ...]
    first_seen: datetime
    last_seen: datetime
    seconds_seen: float


@dataclass(frozen=True, slots=True)
class IdentityFilter:
    """Which sightings count: by camera, overlapping [since, until] (aware datetimes), at a zone or line (place) in that
    time; then who, by number and name.
    """

    camera: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    min_sightings: int = 1
    name: str | None = None
    place: str | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """One stay in front of a camera. seconds_to_next is negative where the next camera saw the person earlier; crops:
    how many pictures were kept (crops.py).
    """

    tracklet_id: int
    camera: str
    track_id: int
    start: datetime
    end: datetime
    seconds: float
    next_camera: str | None
    seconds_to_next: float | None
    crops: int


@dataclass(frozen=True, slots=True)
class History:
    """identity is the survivor, so its id differs from requested_id after a merge."""

    requested_id: int
    identity: IdentitySummary
    visits: Page[Visit]


@dataclass(frozen=True, slots=True, eq=False)
class TrackletRow:
    """A stored track with its boxes. identity_id: the survivor, None if the track was never linked.

    frames (n,) int64 from 0; t_seconds (n,) float64 on the run's stream clock, to the microsecond;
    boxes_xyxy (n, 4) float32 pixels of the original frame; scores (n,) float32.
    """

    camera: str
    track_id: int
    identity_id: int | None
    name: str | None
    frames: IntArray
    t_seconds: np.ndarray[tuple[int], np.dtype[np.float64]]
    boxes_xyxy: FloatArray
    scores: FloatArray


def latest_run(connection: Connection) -> int | None:
    return connection.execute(select(func.max(Run.id))).scalar()


def tracklets(connection: Connection, run_id: int, camera: str | None = None) -> Iterator[TrackletRow]:
    """The tracks of a run, by camera name and track id, each with all its boxes in order of time."""
    chosen = (
        select(
            Tracklet.id,
            Camera.name.label("camera"),
            Tracklet.track_id,
            _PERSON.c.id.label("identity_id"),
            _PERSON.c.name,
            RunCamera.epoch_us,
            Observations.first_frame,
            Observations.start_us,
            Observations.boxes,
        )
        .join(Camera, Camera.id == Tracklet.camera_id)
        .join(RunCamera, (RunCamera.run_id == Tracklet.run_id) & (RunCamera.camera_id == Tracklet.camera_id))
        .join(Observations, Observations.tracklet_id == Tracklet.id)
        .outerjoin(Identity, Identity.id == Tracklet.identity_id)
        .outerjoin(_PERSON, _PERSON.c.id == Identity.survivor_id)
        .where(Tracklet.run_id == run_id)
        .order_by(Camera.name, Tracklet.track_id, Observations.first_frame)
    )
    if camera is not None:
        chosen = chosen.where(Camera.name == camera)
    rows = connection.execute(chosen).mappings()
    for _, chunks in groupby(rows, key=lambda row: row["id"]):
        yield _tracklet(list(chunks))


def identities(
    connection: Connection, chosen: IdentityFilter | None = None, *, limit: int = 50, after: int = 0
) -> Page[IdentitySummary]:
    """Who was seen, in order of identity id, from the first one after that id; a page far back costs no more than
    the first. Merged identities count for their survivor.

    Raises NotFoundError for an unknown camera.
    """
    criteria = chosen or IdentityFilter()
    sightings = within(criteria.since, criteria.until)
    if criteria.camera is not None:
        sightings.append(Tracklet.camera_id == camera_id(connection, criteria.camera))
    if criteria.place is not None:
        sightings.append(Tracklet.id.in_(_at_place(criteria.place, criteria.since, criteria.until)))
    find = _among_few if sightings and _are_few(connection, sightings) else _one_by_one
    people = find(sightings, criteria.min_sightings).where(_PERSON.c.id > after)
    if criteria.name is not None:
        people = people.where(_PERSON.c.name == criteria.name)
    ids = connection.scalars(people.order_by(_PERSON.c.id).limit(limit + 1)).all()
    query = _summaries().where(*sightings, Identity.survivor_id.in_(ids[:limit])).order_by(_PERSON.c.id)
    rows = connection.execute(query).mappings()
    return Page(tuple(_summary(row) for row in rows), len(ids) > limit)


def history(connection: Connection, identity_id: int, *, limit: int = 1000, offset: int = 0) -> History:
    """Where a person was, in order of time. Raises NotFoundError for an id that does not exist or was never seen."""
    survivor_id = known_survivor(connection, identity_id)
    row = connection.execute(_summaries().where(Identity.survivor_id == survivor_id)).mappings().first()
    if row is None:
        raise NotFoundError(f"identity {identity_id} has no sightings any more; `main.py identities` lists others")
    in_order = (Tracklet.start_us, Tracklet.id)
    crops = select(func.count()).where(Crop.tracklet_id == Tracklet.id).scalar_subquery()
    query = (
        select(
            Tracklet.id.label("tracklet_id"),
            Camera.name.label("camera"),
            Tracklet.track_id,
            Tracklet.start_us,
            Tracklet.end_us,
            func.lead(Camera.name).over(order_by=in_order).label("next_camera"),
            func.lead(Tracklet.start_us).over(order_by=in_order).label("next_us"),
            crops.label("crops"),
        )
        .join(Camera, Camera.id == Tracklet.camera_id)
        .join(Identity, Identity.id == Tracklet.identity_id)
        .where(Identity.survivor_id == survivor_id)
        .order_by(*in_order)
        .limit(limit + 1)
        .offset(offset)
    )
    visits = connection.execute(query).mappings().all()
    page = Page(tuple(_visit(visit) for visit in visits[:limit]), len(visits) > limit)
    return History(identity_id, _summary(row), page)


def sighting_boxes(connection: Connection, tracklet_id: int) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    """Frames (n,) int64, times (n,) int64 UTC microseconds, boxes_xyxy (n, 4) and scores (n,) float32 of a sighting."""
    columns = (Observations.first_frame, Observations.start_us, Observations.boxes)
    chosen = select(*columns).where(Observations.tracklet_id == tracklet_id).order_by(Observations.first_frame)
    return _joined([unpack(*row) for row in connection.execute(chosen)])


def _at_place(place: str, since: datetime | None, until: datetime | None) -> Select[int | None]:
    """Sightings of which something happened there."""
    found = select(PlaceEventRow.tracklet_id).where(
        PlaceEventRow.place == place, PlaceEventRow.tracklet_id.is_not(None)
    )
    if since is not None:
        found = found.where(PlaceEventRow.at_us >= micros(since))
    if until is not None:
        found = found.where(PlaceEventRow.at_us <= micros(until))
    return found


_PERSON = Identity.__table__.alias("person")
_FEW = 3000


def _are_few(connection: Connection, sightings: list[ColumnElement[bool]]) -> bool:
    some = select(Tracklet.id).where(*sightings).limit(_FEW + 1).subquery()
    return connection.scalar(select(func.count()).select_from(some)) != _FEW + 1


def _among_few(sightings: list[ColumnElement[bool]], min_sightings: int) -> Select[int]:
    """Start from the sightings: fast when they are few."""
    return (
        select(_PERSON.c.id)
        .select_from(Tracklet)
        .join(Identity, Identity.id == Tracklet.identity_id)
        .join(_PERSON, _PERSON.c.id == Identity.survivor_id)
        .where(*sightings)
        .group_by(_PERSON.c.id)
        .having(func.count() >= min_sightings)
    )


def _one_by_one(sightings: list[ColumnElement[bool]], min_sightings: int) -> Select[int]:
    """Start from the people, and look at the sightings of each until the page is full: fast when they are many."""
    of_person = (
        select(Tracklet.id)
        .join(Identity, Identity.id == Tracklet.identity_id)
        .where(Identity.survivor_id == _PERSON.c.id, *sightings)
        .correlate(_PERSON)
        .limit(min_sightings)
        .subquery()
    )
    enough = select(func.count()).select_from(of_person).scalar_subquery() >= min_sightings
    return select(_PERSON.c.id).where(_PERSON.c.id == _PERSON.c.survivor_id, enough)


@cache  # building a query takes longer than answering it
def _summaries() -> Select[int, str | None, str, int, Any, int, int, int]:
    return (
        select(
            _PERSON.c.id,
            _PERSON.c.name,
            _PERSON.c.state,
            func.count().label("sightings"),
            distinct_values(Camera.name).label("cameras"),
            func.min(Tracklet.start_us).label("start_us"),
            func.max(Tracklet.end_us).label("end_us"),
            func.sum(Tracklet.end_us - Tracklet.start_us).label("seen_us"),
        )
        .join(Identity, Identity.survivor_id == _PERSON.c.id)
        .join(Tracklet, Tracklet.identity_id == Identity.id)
        .join(Camera, Camera.id == Tracklet.camera_id)
        .group_by(_PERSON.c.id, _PERSON.c.name, _PERSON.c.state)
    )


def _summary(row: RowMapping) -> IdentitySummary:
    return IdentitySummary(
        id=row["id"],
        name=row["name"],
        state=row["state"],
        sightings=row["sightings"],
        cameras=tuple(sorted(row["cameras"])),
        first_seen=utc(row["start_us"]),
        last_seen=utc(row["end_us"]),
        seconds_seen=int(row["seen_us"]) / 1e6,
    )


def _visit(row: RowMapping) -> Visit:
    return Visit(
        tracklet_id=row["tracklet_id"],
        camera=row["camera"],
        track_id=row["track_id"],
        start=utc(row["start_us"]),
        end=utc(row["end_us"]),
        seconds=(row["end_us"] - row["start_us"]) / 1e6,
        next_camera=row["next_camera"],
        seconds_to_next=None if row["next_us"] is None else (row["next_us"] - row["end_us"]) / 1e6,
        crops=row["crops"],
    )


def _tracklet(chunks: list[RowMapping]) -> TrackletRow:
    first = chunks[0]
    parts = [unpack(chunk["first_frame"], chunk["start_us"], chunk["boxes"]) for chunk in chunks]
    frames, times_us, boxes_xyxy, scores = _joined(parts)
    return TrackletRow(
        camera=first["camera"],
        track_id=first["track_id"],
        identity_id=first["identity_id"],
        name=first["name"],
        frames=frames,
        t_seconds=(times_us - first["epoch_us"]) / 1e6,
        boxes_xyxy=boxes_xyxy,
        scores=scores,
    )


def _joined(
    parts: list[tuple[IntArray, IntArray, FloatArray, FloatArray]],
) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    frames, times_us, boxes_xyxy, scores = zip(*(parts or [unpack(0, 0, b"")]), strict=True)
    return np.concatenate(frames), np.concatenate(times_us), np.concatenate(boxes_xyxy), np.concatenate(scores)
