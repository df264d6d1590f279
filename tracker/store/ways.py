"""Ways between cameras, added up as the history grows: the question about all time costs no more the longer that is.

`ways` has each person's, `way_totals` those of all people. Triggers of the database note in `stale_people` whose
sightings or merges have changed since; such people are counted from their sightings until they are added up again.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Subquery,
    bindparam,
    delete,
    func,
    insert,
    literal,
    select,
    union_all,
)

from tracker.store.dialects import upsert
from tracker.store.models import Identity, StalePerson, Tracklet, Way, WayTotal

MOST_STALE = 256
"""More people are not left to be counted by whoever asks."""

_SOME_STALE = select(StalePerson.person_id).limit(bindparam("limit"))
_SUMS = ("times", "people", "gap_us")


@cache
def all_ways() -> Subquery:
    """from_id, to_id, times, people and gap_us of the whole history as it is now; times may be 0.

    gap_us: from leaving one camera to entering the other, negative where the other saw the person earlier; added.
    """
    totals = select(WayTotal.from_id, WayTotal.to_id, WayTotal.times, WayTotal.people, WayTotal.gap_us)
    return _added(union_all(totals, *_amendments()).subquery()).subquery()


def ways_between(conditions: Sequence[ColumnElement[bool]]) -> Subquery:
    """The same of those sightings of Tracklet and Identity only."""
    steps = _steps(conditions).c
    sums = (func.count().label("times"), func.count(steps.person_id.distinct()).label("people"))
    gap = func.sum(steps.gap_us).label("gap_us")
    return select(steps.from_id, steps.to_id, *sums, gap).group_by(steps.from_id, steps.to_id).subquery()


def add_up(connection: Connection, *, most_stale: int = 0) -> None:
    """Bring the sums up to date in the connection's transaction, if more than most_stale people have changed."""
    if len(connection.scalars(_SOME_STALE, {"limit": most_stale + 1}).all()) <= most_stale:
        return
    changes = connection.execute(_added(union_all(*_amendments()).subquery())).mappings().all()
    connection.execute(delete(Way).where(Way.person_id.in_(_stale())))
    connection.execute(insert(Way).from_select(list(Way.__table__.columns.keys()), select(_of_stale_people())))
    if changes:
        new = upsert(connection.dialect.name, WayTotal)
        sums = {name: getattr(WayTotal, name) + new.excluded[name] for name in _SUMS}
        rows = [{name: int(value) for name, value in row.items()} for row in changes]
        connection.execute(new.on_conflict_do_update(index_elements=["from_id", "to_id"], set_=sums), rows)
        connection.execute(delete(WayTotal).where(WayTotal.times == 0))
    connection.execute(delete(StalePerson))


def _amendments() -> tuple[Select[*tuple[Any, ...]], Select[*tuple[Any, ...]]]:
    """What was added up of stale people, negative, and what it is now."""
    before = select(Way.from_id, Way.to_id, -Way.times, literal(-1), -Way.gap_us).where(Way.person_id.in_(_stale()))
    ways = _of_stale_people().c
    return before, select(ways.from_id, ways.to_id, ways.times, literal(1), ways.gap_us)


def _stale() -> Select[int]:
    return select(StalePerson.person_id)


def _of_stale_people() -> Subquery:
    """Columns as of Way, from the sightings."""
    steps = _steps([Identity.survivor_id.in_(_stale())]).c
    way = (steps.person_id, steps.from_id, steps.to_id)
    return select(*way, func.count().label("times"), func.sum(steps.gap_us).label("gap_us")).group_by(*way).subquery()


def _steps(conditions: Sequence[ColumnElement[bool]]) -> Subquery:
    """From each of those sightings to the person's next one, where the camera changes."""
    of_person: dict[str, Any] = {"partition_by": Identity.survivor_id, "order_by": (Tracklet.start_us, Tracklet.id)}
    visits = (
        select(
            Identity.survivor_id.label("person_id"),
            Tracklet.camera_id.label("from_id"),
            func.lead(Tracklet.camera_id).over(**of_person).label("to_id"),
            (func.lead(Tracklet.start_us).over(**of_person) - Tracklet.end_us).label("gap_us"),
        )
        .join(Identity, Identity.id == Tracklet.identity_id)
        .where(*conditions)
        .subquery()
    )
    return select(visits).where(visits.c.from_id != visits.c.to_id).subquery()


def _added(parts: Subquery) -> Select[Any]:
    """parts: from_id, to_id, times, people, gap_us, in this order, under whatever names."""
    from_id, to_id, *numbers = parts.c
    sums = [func.sum(column).label(name) for column, name in zip(numbers, _SUMS, strict=True)]
    return select(from_id.label("from_id"), to_id.label("to_id"), *sums).group_by(from_id, to_id)
