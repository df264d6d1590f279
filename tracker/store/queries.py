"""Questions to the history. One implementation for the command line, Python and HTTP: plain rows, times in UTC."""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from sqlalchemy import Connection, RowMapping

from tracker.errors import NotFoundError
from tracker.store.identities import known_survivor
from tracker.store.identity_statements import FEW, people, summaries_of, up_to_few, visits
from tracker.store.runs import utc
from tracker.store.windows import sightings_asked_for

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


def identities(
    connection: Connection, chosen: IdentityFilter | None = None, *, limit: int = 50, after: int = 0
) -> Page[IdentitySummary]:
    """Who was seen, in order of identity id, from the first one after that id; a page far back costs no more than
    the first. Merged identities count for their survivor.

    Raises NotFoundError for an unknown camera.
    """
    criteria = chosen or IdentityFilter()
    values = sightings_asked_for(connection, criteria.camera, criteria.since, criteria.until)
    if criteria.place is not None:
        values["place"] = criteria.place
    given = frozenset(values)
    are_few = bool(given) and connection.scalar(up_to_few(given), values) != FEW + 1
    whom = {"after": after, "least": criteria.min_sightings, "name": criteria.name, "limit": limit + 1}
    whose = people(given, are_few=are_few, named=criteria.name is not None)
    ids = connection.scalars(whose, values | whom).all()
    rows = connection.execute(summaries_of(given), values | {"ids": ids[:limit]}).mappings()
    return Page(tuple(_summary(row) for row in rows), len(ids) > limit)


def history(connection: Connection, identity_id: int, *, limit: int = 1000, offset: int = 0) -> History:
    """Where a person was, in order of time. Raises NotFoundError for an id that does not exist or was never seen."""
    survivor_id = known_survivor(connection, identity_id)
    row = connection.execute(summaries_of(frozenset()), {"ids": [survivor_id]}).mappings().first()
    if row is None:
        raise NotFoundError(f"identity {identity_id} has no sightings any more; `main.py identities` lists others")
    values = {"person": survivor_id, "limit": limit + 1, "offset": offset}
    rows = connection.execute(visits(), values).mappings().all()
    page = Page(tuple(_visit(visit) for visit in rows[:limit]), len(rows) > limit)
    return History(identity_id, _summary(row), page)


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
