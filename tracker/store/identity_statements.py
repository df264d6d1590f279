"""What queries.py asks the database. Statements are built once, as building one takes longer than answering it.

given: which of `camera_id`, `since_us`, `until_us` and `place` narrow the sightings that count; their values come when
the statement is executed.
"""

from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, select

from tracker.store.dialects import distinct_values
from tracker.store.models import Camera, Crop, Identity, PlaceEventRow, Tracklet
from tracker.store.windows import sightings_given

FEW = 3000

_PERSON = Identity.__table__.alias("person")


@cache
def up_to_few(given: frozenset[str]) -> Select[int]:
    """The number of sightings that count, FEW + 1 for all larger ones."""
    some = select(Tracklet.id).where(*_sightings(given)).limit(FEW + 1).subquery()
    return select(func.count()).select_from(some)


@cache
def people(given: frozenset[str], *, are_few: bool, named: bool) -> Select[int]:
    """Numbers of up to `limit` people above `after` with at least `least` sightings that count, called `name`.

    are_few: whether FEW sightings or fewer count.
    """
    found = (_among_few if are_few else _one_by_one)(_sightings(given)).where(_PERSON.c.id > bindparam("after"))
    if named:
        found = found.where(_PERSON.c.name == bindparam("name"))
    return found.order_by(_PERSON.c.id).limit(bindparam("limit"))


def _among_few(sightings: list[ColumnElement[bool]]) -> Select[int]:
    """Start from the sightings: fast when they are few."""
    return (
        select(_PERSON.c.id)
        .select_from(Tracklet)
        .join(Identity, Identity.id == Tracklet.identity_id)
        .join(_PERSON, _PERSON.c.id == Identity.survivor_id)
        .where(*sightings)
        .group_by(_PERSON.c.id)
        .having(func.count() >= bindparam("least"))
    )


def _one_by_one(sightings: list[ColumnElement[bool]]) -> Select[int]:
    """Start from the people, and look at the sightings of each until the page is full: fast when they are many."""
    of_person = (
        select(Tracklet.id)
        .join(Identity, Identity.id == Tracklet.identity_id)
        .where(Identity.survivor_id == _PERSON.c.id, *sightings)
        .correlate(_PERSON)
        .limit(bindparam("least"))
        .subquery()
    )
    enough = select(func.count()).select_from(of_person).scalar_subquery() >= bindparam("least")
    return select(_PERSON.c.id).where(_PERSON.c.id == _PERSON.c.survivor_id, enough)


def _sightings(given: frozenset[str]) -> list[ColumnElement[bool]]:
    conditions = sightings_given(given)
    if "place" in given:
        conditions.append(Tracklet.id.in_(_at_place(given)))
    return conditions


def _at_place(given: frozenset[str]) -> Select[int | None]:
    """Sightings of which something happened there in that time."""
    here = (PlaceEventRow.place == bindparam("place"), PlaceEventRow.tracklet_id.is_not(None))
    found = select(PlaceEventRow.tracklet_id).where(*here)
    if "since_us" in given:
        found = found.where(PlaceEventRow.at_us >= bindparam("since_us"))
    if "until_us" in given:
        found = found.where(PlaceEventRow.at_us <= bindparam("until_us"))
    return found


@cache
def summaries_of(given: frozenset[str]) -> Select[int, str | None, str, int, Any, int, int, int]:
    """Of the people `ids`, by their sightings that count."""
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
        .where(*_sightings(given), Identity.survivor_id.in_(bindparam("ids", expanding=True)))
        .group_by(_PERSON.c.id, _PERSON.c.name, _PERSON.c.state)
        .order_by(_PERSON.c.id)
    )


@cache
def visits() -> Select[*tuple[Any, ...]]:
    in_order = (Tracklet.start_us, Tracklet.id)
    crops = select(func.count()).where(Crop.tracklet_id == Tracklet.id).scalar_subquery()
    return (
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
        .where(Identity.survivor_id == bindparam("person"))
        .order_by(*in_order)
        .limit(bindparam("limit"))
        .offset(bindparam("offset"))
    )
