"""What presence.py asks the database. Statements are built once, as building one takes longer than answering it.

given: which of `camera_id`, `since_us` and `until_us` narrow the sightings that count; their values come when the
statement is executed.
"""

from functools import cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, func, select
from sqlalchemy.orm import aliased

from tracker.store.dialects import distinct_values, earlier_of, later_of
from tracker.store.models import Camera, Identity, Tracklet
from tracker.store.ways import all_ways, ways_between
from tracker.store.windows import longest_stay_us, sightings_given


@cache
def _stays() -> Select[int, str | None, str, int, int, int]:
    survivor = aliased(Identity)
    return (
        select(
            survivor.id.label("identity_id"),
            survivor.name,
            Camera.name.label("camera"),
            Tracklet.start_us,
            Tracklet.end_us,
            Tracklet.id.label("tracklet_id"),
        )
        .join(Camera, Camera.id == Tracklet.camera_id)
        .join(Identity, Identity.id == Tracklet.identity_id)
        .join(survivor, survivor.id == Identity.survivor_id)
    )


@cache
def present(given: frozenset[str]) -> Select[int, str | None, str, int, int, int]:
    in_order = _stays().where(*sightings_given(given)).order_by(Tracklet.end_us, Tracklet.id)
    return in_order.limit(bindparam("limit")).offset(bindparam("offset"))


@cache
def latest_stays() -> Select[int, str | None, str, int, int, int]:
    # in the order of the index, so that it can be read backwards
    return _stays().order_by(Tracklet.end_us.desc(), Tracklet.start_us.desc(), Tracklet.identity_id.desc())


@cache
def together() -> Select[*tuple[Any, ...]]:
    mine, theirs = aliased(Tracklet), aliased(Tracklet)
    me, them, named = aliased(Identity), aliased(Identity), aliased(Identity)
    start, end = later_of(mine.start_us, theirs.start_us), earlier_of(mine.end_us, theirs.end_us)
    at_the_same_time = and_(
        theirs.camera_id == mine.camera_id,
        theirs.start_us <= mine.end_us,
        theirs.end_us.between(mine.start_us, mine.end_us + longest_stay_us()),
    )
    return (
        select(
            named.id,
            named.name,
            distinct_values(Camera.name).label("cameras"),
            func.count().label("times"),
            func.min(start).label("first_us"),
            func.max(end).label("last_us"),
            func.sum(end - start).label("us"),
        )
        .select_from(me)
        .join(mine, mine.identity_id == me.id)
        .join(theirs, at_the_same_time)
        .join(them, them.id == theirs.identity_id)
        .join(named, named.id == them.survivor_id)
        .join(Camera, Camera.id == mine.camera_id)
        .where(me.survivor_id == bindparam("person"), them.survivor_id != bindparam("person"))
        .group_by(named.id, named.name)
        .having(func.sum(end - start) >= bindparam("least_us"))
        .order_by(func.sum(end - start).desc(), named.id)
    )


@cache
def transitions(given: frozenset[str] | None) -> Select[str, str, int, int, int]:
    """given: None for the whole history, whose ways are added up already."""
    ways = all_ways() if given is None else ways_between(sightings_given(given))
    origin, target = aliased(Camera), aliased(Camera)
    return (
        select(origin.name, target.name, ways.c.times, ways.c.people, ways.c.gap_us)
        .join(origin, origin.id == ways.c.from_id)
        .join(target, target.id == ways.c.to_id)
        .where(ways.c.times > 0)
        .order_by(ways.c.times.desc(), origin.name, target.name)
    )


@cache
def in_view() -> Select[int, int, int]:
    return (
        select(Identity.survivor_id, Tracklet.start_us, Tracklet.end_us)
        .join(Identity, Identity.id == Tracklet.identity_id)
        .where(*sightings_given(("camera_id", "since_us", "until_us")))
    )
