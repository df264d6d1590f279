"""Questions about places and company: who was there, with whom, from where to where, how many, and last seen where."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, RowMapping, func, select

from tracker.errors import OmnitrackError
from tracker.store import presence_statements as statements
from tracker.store.identities import known_survivor
from tracker.store.models import Camera, Tracklet
from tracker.store.queries import Page
from tracker.store.runs import micros, utc
from tracker.store.scope import is_restricted
from tracker.store.windows import camera_id, sightings_asked_for

MAX_BUCKETS = 20_000

_AS_NEEDED = {"stream_results": True}  # a server would otherwise send all rows at once


@dataclass(frozen=True, slots=True)
class Stay:
    """Somebody in front of a camera."""

    identity_id: int
    name: str | None
    camera: str
    start: datetime
    end: datetime
    seconds: float
    tracklet_id: int


@dataclass(frozen=True, slots=True)
class Company:
    """Somebody who was in view of the same camera at the same time. seconds: of all such times, added."""

    identity_id: int
    name: str | None
    cameras: tuple[str, ...]
    times: int
    first: datetime
    last: datetime
    seconds: float


@dataclass(frozen=True, slots=True)
class Transition:
    """How often people were seen next by another camera. mean_seconds: from leaving one to entering the other."""

    from_camera: str
    to_camera: str
    times: int
    people: int
    mean_seconds: float


@dataclass(frozen=True, slots=True)
class Occupancy:
    """Different people in view of a camera at some moment of [start, start + bucket)."""

    camera: str
    start: datetime
    people: int


def present(
    connection: Connection,
    camera: str,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    limit: int = 100,
    offset: int = 0,
) -> Page[Stay]:
    """Who was in view of a camera at some moment of [since, until], in the order in which they left.

    Raises OmnitrackError for an unknown camera.
    """
    values = sightings_asked_for(connection, camera, since, until)
    page = {"limit": limit + 1, "offset": offset}
    rows = connection.execute(statements.present(frozenset(values)), values | page).mappings().all()
    return Page(tuple(_stay(row) for row in rows[:limit]), len(rows) > limit)


def together(connection: Connection, identity_id: int, *, min_seconds: float = 0.0) -> tuple[Company, ...]:
    """Who was in view of the same camera as this person at the same time, longest company first.

    Raises OmnitrackError for an unknown identity.
    """
    values = {"person": known_survivor(connection, identity_id), "least_us": min_seconds * 1e6}
    return tuple(_company(row) for row in connection.execute(statements.together(), values).mappings())


def transitions(
    connection: Connection, since: datetime | None = None, until: datetime | None = None
) -> tuple[Transition, ...]:
    """From which camera people went to which, most frequent first; by the sightings within [since, until]."""
    is_of_all = since is None and until is None and not is_restricted(connection)
    values = sightings_asked_for(connection, None, since, until)
    query = statements.transitions(None if is_of_all else frozenset(values))
    return tuple(
        Transition(from_camera, to_camera, int(times), int(people), float(gap_us) / int(times) / 1e6)
        for from_camera, to_camera, times, people, gap_us in connection.execute(query, values)
    )


def occupancy(
    connection: Connection, since: datetime, until: datetime, bucket: timedelta, *, camera: str | None = None
) -> tuple[Occupancy, ...]:
    """Number of different people per camera and bucket of [since, until), empty buckets included.

    Raises OmnitrackError for an unknown camera and for more than MAX_BUCKETS buckets.
    """
    begin_us, bucket_us = micros(since), round(bucket.total_seconds() * 1e6)
    buckets = max(-((begin_us - micros(until)) // bucket_us), 0)
    if buckets > MAX_BUCKETS:
        raise OmnitrackError(
            f"{buckets} buckets are too many (at most {MAX_BUCKETS}); ask for longer ones or less time"
        )
    query = select(Camera.id, Camera.name).order_by(Camera.name)
    if camera is not None:
        query = query.where(Camera.id == camera_id(connection, camera))
    answer: list[Occupancy] = []
    for row in connection.execute(query).all():
        counts = _counts(connection, row.id, begin_us, bucket_us, buckets)
        answer += [Occupancy(row.name, since + number * bucket, int(count)) for number, count in enumerate(counts)]
    return tuple(answer)


def last_day(
    connection: Connection, since: datetime | None, until: datetime | None, bucket: timedelta
) -> tuple[datetime, datetime]:
    """What is not given of a window: it ends with the latest sighting, and begins a day earlier with a whole bucket."""
    end = until or latest(connection) or datetime.now(UTC)
    if since is not None:
        return since, end
    midnight = (end - timedelta(days=1)).astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (end - timedelta(days=1) - midnight) // bucket * bucket, end


def last_seen(connection: Connection, *, limit: int = 50) -> tuple[Stay, ...]:
    """Everybody's last stay, latest first."""
    found: dict[int, Stay] = {}
    with connection.execute(statements.latest_stays(), execution_options=_AS_NEEDED) as rows:
        for row in rows.mappings():  # read only as far as needed
            found.setdefault(row["identity_id"], _stay(row))
            if len(found) == limit:
                break
    return tuple(found.values())


def latest(connection: Connection) -> datetime | None:
    """When anybody was last in view of a camera; None if nobody ever was."""
    found = connection.scalar(select(func.max(Tracklet.end_us)))
    return None if found is None else utc(found)


def _counts(connection: Connection, camera: int, begin_us: int, bucket_us: int, buckets: int) -> Any:
    """(buckets,) int64: different people in each."""
    values = {"camera_id": camera, "since_us": begin_us, "until_us": begin_us + buckets * bucket_us - 1}
    seen: set[tuple[int, int]] = set()
    for person, start_us, end_us in connection.execute(statements.in_view(), values):
        first = max((start_us - begin_us) // bucket_us, 0)
        last = min((end_us - begin_us) // bucket_us, buckets - 1)
        seen.update((number, person) for number in range(first, last + 1))
    return np.bincount([number for number, _ in seen], minlength=buckets)


def _stay(row: RowMapping) -> Stay:
    return Stay(
        identity_id=row["identity_id"],
        name=row["name"],
        camera=row["camera"],
        start=utc(row["start_us"]),
        end=utc(row["end_us"]),
        seconds=(row["end_us"] - row["start_us"]) / 1e6,
        tracklet_id=row["tracklet_id"],
    )


def _company(row: RowMapping) -> Company:
    return Company(
        identity_id=row["id"],
        name=row["name"],
        cameras=tuple(sorted(row["cameras"])),
        times=row["times"],
        first=utc(row["first_us"]),
        last=utc(row["last_us"]),
        seconds=int(row["us"]) / 1e6,
    )
