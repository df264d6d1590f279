"""What the history is about: its cameras, its runs, and each change of its identities in order."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from tracker.store.models import Camera, Event, Identity, Run, RunCamera, Tracklet
from tracker.store.queries import Page
from tracker.store.runs import utc


@dataclass(frozen=True, slots=True)
class CameraSummary:
    """last_seen: when anybody was last in view, None if nobody ever was."""

    name: str
    runs: int
    last_seen: datetime | None


@dataclass(frozen=True, slots=True)
class RunSummary:
    """finished is None while the run goes on, and for ever if it was killed."""

    id: int
    started: datetime
    finished: datetime | None
    program_version: str
    cameras: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One identity event. camera and track_id are those of the sighting that it is about, if it is about one."""

    id: int
    kind: str
    at: datetime
    identity_id: int
    previous_identity_id: int | None
    tracklet_id: int | None
    camera: str | None
    track_id: int | None


def cameras(connection: Connection) -> tuple[CameraSummary, ...]:
    """All cameras that any run had, by name."""
    runs = select(func.count()).where(RunCamera.camera_id == Camera.id).scalar_subquery()
    last_us = select(func.max(Tracklet.end_us)).where(Tracklet.camera_id == Camera.id).scalar_subquery()
    rows = connection.execute(select(Camera.name, runs.label("runs"), last_us.label("last_us")).order_by(Camera.name))
    return tuple(CameraSummary(row.name, row.runs, None if row.last_us is None else utc(row.last_us)) for row in rows)


def runs(connection: Connection, *, limit: int = 50, before: int | None = None) -> Page[RunSummary]:
    """Latest first; the next page are those before the last id."""
    chosen = select(Run.id, Run.started_us, Run.finished_us, Run.program_version).order_by(Run.id.desc())
    if before is not None:
        chosen = chosen.where(Run.id < before)
    rows = connection.execute(chosen.limit(limit + 1)).all()
    ids = [row.id for row in rows[:limit]]
    names: dict[int, list[str]] = {run_id: [] for run_id in ids}
    filmed = select(RunCamera.run_id, Camera.name).join(Camera, Camera.id == RunCamera.camera_id)
    for run_id, name in connection.execute(filmed.where(RunCamera.run_id.in_(ids)).order_by(Camera.name)):
        names[run_id].append(name)
    found = tuple(
        RunSummary(
            id=row.id,
            started=utc(row.started_us),
            finished=None if row.finished_us is None else utc(row.finished_us),
            program_version=row.program_version,
            cameras=tuple(names[row.id]),
        )
        for row in rows[:limit]
    )
    return Page(found, len(rows) > limit)


def people_in_run(connection: Connection, run_id: int) -> int:
    """How many people a run saw, as far as they are stored; merged ones count once."""
    people = select(func.count(Identity.survivor_id.distinct())).join(Tracklet, Tracklet.identity_id == Identity.id)
    return connection.scalar(people.where(Tracklet.run_id == run_id)) or 0


def changes(connection: Connection, after: int, *, limit: int = 500) -> tuple[Change, ...]:
    """What happened after the event with that id (0: from the beginning), in order."""
    query = (
        select(
            Event.id,
            Event.kind,
            Event.at_us,
            Event.identity_id,
            Event.previous_identity_id,
            Event.tracklet_id,
            Camera.name.label("camera"),
            Tracklet.track_id,
        )
        .outerjoin(Tracklet, Tracklet.id == Event.tracklet_id)
        .outerjoin(Camera, Camera.id == Tracklet.camera_id)
        .where(Event.id > after)
        .order_by(Event.id)
        .limit(limit)
    )
    return tuple(
        Change(
            id=row.id,
            kind=row.kind,
            at=utc(row.at_us),
            identity_id=row.identity_id,
            previous_identity_id=row.previous_identity_id,
            tracklet_id=row.tracklet_id,
            camera=row.camera,
            track_id=row.track_id,
        )
        for row in connection.execute(query)
    )


def last_change(connection: Connection) -> int:
    """Id of the latest event, 0 if there is none."""
    return connection.scalar(select(func.max(Event.id))) or 0
