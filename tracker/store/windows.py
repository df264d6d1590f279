"""Searching sightings by camera and time, so that the indexes are used from both ends."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, BindParameter, ColumnElement, Connection, ScalarSelect, bindparam, func, select

from tracker.errors import NotFoundError
from tracker.store.models import Camera, Tracklet
from tracker.store.runs import micros

Moment = int | BindParameter[int] | None
"""Microseconds, or where they will stand in a statement."""

_BOUNDS = ("since_us", "until_us")
_CAMERA = select(Camera.id).where(Camera.name == bindparam("camera"))


def within(since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    """Conditions on Tracklet: in view at some moment of [since, until]."""
    return overlaps(None if since is None else micros(since), None if until is None else micros(until))


def overlaps(since_us: Moment, until_us: Moment) -> list[ColumnElement[bool]]:
    """The same in microseconds. The index by end_us needs both ends, hence the longest stay."""
    conditions: list[ColumnElement[bool]] = []
    if since_us is not None:
        conditions.append(Tracklet.end_us >= since_us)
    if until_us is not None:
        conditions += [Tracklet.start_us <= until_us, Tracklet.end_us <= until_us + longest_stay_us()]
    return conditions


def sightings_asked_for(
    connection: Connection, camera: str | None, since: datetime | None, until: datetime | None
) -> dict[str, Any]:
    """Values of sightings_given(): of what is not None. Raises NotFoundError for an unknown camera."""
    values = {
        "camera_id": None if camera is None else camera_id(connection, camera),
        "since_us": None if since is None else micros(since),
        "until_us": None if until is None else micros(until),
    }
    return {name: value for name, value in values.items() if value is not None}


def sightings_given(names: Collection[str]) -> list[ColumnElement[bool]]:
    """Conditions on Tracklet whose values come when the statement is executed, so that it needs to be built only once
    for each set of names.
    """
    conditions = overlaps(*(bindparam(name, type_=BigInteger()) if name in names else None for name in _BOUNDS))
    if "camera_id" in names:
        conditions.append(Tracklet.camera_id == bindparam("camera_id"))
    return conditions


def longest_stay_us() -> ScalarSelect[int]:
    """No stay in front of any camera was longer, as an expression."""
    return select(func.coalesce(func.max(Camera.longest_stay_us), 0)).scalar_subquery()


def camera_id(connection: Connection, name: str) -> int:
    """Raises NotFoundError for a camera that no run ever had."""
    found = connection.scalar(_CAMERA, {"camera": name})
    if found is None:
        known = ", ".join(connection.scalars(select(Camera.name).order_by(Camera.name))) or "none"
        raise NotFoundError(f"camera {name}: is not in the database; it knows {known}")
    return found
