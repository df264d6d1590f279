"""What happened at zones and lines, and who it was: as known then, and as known today."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from tracker.store.models import NO_PLACE, Camera, Identity, PlaceEventRow, RunCamera, Tracklet, ZoneRow
from tracker.store.queries import Page
from tracker.store.runs import micros, utc
from tracker.store.windows import camera_id


@dataclass(frozen=True, slots=True)
class PlaceFilter:
    """What is asked for; None: everything."""

    camera: str | None = None
    place: str | None = None
    kind: str | None = None
    identity_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class PlaceEntry:
    """identity_id, name: who it is as known today; identity_then: as known when it happened. Both None where nobody
    was known, or where it concerns a zone as a whole (count: the people in it).
    """

    id: int
    at: datetime
    camera: str
    place: str
    kind: str
    identity_id: int | None
    name: str | None
    identity_then: int | None
    tracklet_id: int | None
    direction: str | None
    dwell_seconds: float | None
    count: int | None


@dataclass(frozen=True, slots=True)
class Place:
    """A zone or line of a camera as it is now. points: (x, y) in fractions of the picture's width and height."""

    camera: str
    name: str
    kind: str
    points: tuple[tuple[float, float], ...]
    most_people: int | None
    since: datetime


def places(connection: Connection) -> tuple[Place, ...]:
    """Those of each camera's latest run, by camera and name."""
    latest = select(func.max(RunCamera.run_id)).where(RunCamera.camera_id == ZoneRow.camera_id).scalar_subquery()
    of_latest_run = (
        select(ZoneRow, Camera.name.label("camera"))
        .join(Camera, Camera.id == ZoneRow.camera_id)
        .where(ZoneRow.run_id == latest)
        .order_by(Camera.name, ZoneRow.since_us, ZoneRow.name)
    )
    rows = connection.execute(of_latest_run).all()
    newest = {row.camera: row.since_us for row in rows}  # what a later configuration leaves out is gone
    found = [
        Place(row.camera, row.name, row.kind, tuple((x, y) for x, y in row.points), row.most_people, utc(row.since_us))
        for row in rows
        if row.since_us == newest[row.camera] and row.kind != NO_PLACE
    ]
    return tuple(found)


def place_events(connection: Connection, chosen: PlaceFilter, *, limit: int = 100, after: int = 0) -> Page[PlaceEntry]:
    """In the order in which they were stored, those with a higher number than `after`.

    Raises NotFoundError for an unknown camera.
    """
    present = select(Identity.survivor_id).where(Identity.id == Tracklet.identity_id).scalar_subquery()
    query = (
        select(PlaceEventRow, Camera.name.label("camera"), present.label("present_id"))
        .join(Camera, Camera.id == PlaceEventRow.camera_id)
        .outerjoin(Tracklet, Tracklet.id == PlaceEventRow.tracklet_id)
        .where(PlaceEventRow.id > after)
    )
    if chosen.camera is not None:
        query = query.where(PlaceEventRow.camera_id == camera_id(connection, chosen.camera))
    if chosen.place is not None:
        query = query.where(PlaceEventRow.place == chosen.place)
    if chosen.kind is not None:
        query = query.where(PlaceEventRow.kind == chosen.kind)
    if chosen.since is not None:
        query = query.where(PlaceEventRow.at_us >= micros(chosen.since))
    if chosen.until is not None:
        query = query.where(PlaceEventRow.at_us <= micros(chosen.until))
    if chosen.identity_id is not None:
        survivor = select(Identity.survivor_id).where(Identity.id == chosen.identity_id).scalar_subquery()
        theirs = select(Tracklet.id).join(Identity, Identity.id == Tracklet.identity_id)
        query = query.where(PlaceEventRow.tracklet_id.in_(theirs.where(Identity.survivor_id == survivor)))
    rows = connection.execute(query.order_by(PlaceEventRow.id).limit(limit + 1)).all()
    people = {row.present_id for row in rows}
    named = connection.execute(select(Identity.id, Identity.name).where(Identity.id.in_(people)))
    names = {row.id: row.name for row in named}
    entries = [
        PlaceEntry(
            id=row.id,
            at=utc(row.at_us),
            camera=row.camera,
            place=row.place,
            kind=row.kind,
            identity_id=row.present_id,
            name=names.get(row.present_id),
            identity_then=row.identity_id,
            tracklet_id=row.tracklet_id,
            direction=row.direction,
            dwell_seconds=row.dwell_seconds,
            count=row.people,
        )
        for row in rows[:limit]
    ]
    return Page(tuple(entries), len(rows) > limit)
