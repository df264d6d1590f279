"""Searching sightings by camera and time, so that the indexes are used from both ends."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, ScalarSelect, func, select

from tracker.errors import NotFoundError
from tracker.store.models import Camera, Tracklet
from tracker.store.runs import micros


def within(since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    """Conditions on Tracklet: in view at some moment of [since, until]."""
    return overlaps(None if since is None else micros(since), None if until is None else micros(until))


def overlaps(since_us: int | None, until_us: int | None) -> list[ColumnElement[bool]]:
    """The same in microseconds. The index by end_us needs both ends, hence the longest stay."""
    conditions: list[ColumnElement[bool]] = []
    if since_us is not None:
        conditions.append(Tracklet.end_us >= since_us)
    if until_us is not None:
        conditions += [Tracklet.start_us <= until_us, Tracklet.end_us <= until_us + longest_stay_us()]
    return conditions


def longest_stay_us() -> ScalarSelect[int]:
    """No stay in front of any camera was longer, as an expression."""
    return select(func.coalesce(func.max(Camera.longest_stay_us), 0)).scalar_subquery()


def camera_id(connection: Connection, name: str) -> int:
    """Raises NotFoundError for a camera that no run ever had."""
    found = connection.scalar(select(Camera.id).where(Camera.name == name))
    if found is None:
        known = ", ".join(connection.scalars(select(Camera.name).order_by(Camera.name))) or "none"
        raise NotFoundError(f"camera {name}: is not in the database; it knows {known}")
    return found
