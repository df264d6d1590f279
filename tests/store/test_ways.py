"""Whatever happened to the history, the ways that were added up are those of its sightings."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select

from tests.store.walk import EPOCH, Stay, crowd, record, unhurried
from tracker.errors import OmnitrackError
from tracker.store.corrections import merge_identities, split_identity, undo
from tracker.store.models import StalePerson, Tracklet, Way, WayTotal
from tracker.store.presence import transitions
from tracker.store.privacy import forget, retain
from tracker.store.session import Store, open_store
from tracker.store.ways import MOST_STALE, add_up

ALWAYS = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
"""A window that holds everything is answered from the sightings."""

WALK = [
    Stay("west", 1, 1, 0, 50),
    Stay("east", 1, 1, 70, 120),
    Stay("west", 2, 1, 130, 180),
    Stay("east", 2, 2, 0, 50),
    Stay("west", 3, 2, 40, 90),
]


def count(store: Store, table: type[StalePerson] | type[Way]) -> int:
    with store.read() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def test_ways_are_added_up(store: Store) -> None:
    record(store, WALK)
    with store.read() as connection:
        counted = transitions(connection)
    assert (count(store, StalePerson), count(store, Way)) == (2, 0)
    with store.write() as connection:
        add_up(connection)
    assert (count(store, StalePerson), count(store, Way)) == (0, 3)
    with store.read() as connection:
        assert transitions(connection) == counted
    assert [(way.from_camera, way.to_camera, way.times, way.people) for way in counted] == [
        ("east", "west", 2, 2),
        ("west", "east", 1, 1),
    ]
    assert counted[0].mean_seconds == pytest.approx((1 - 1) / 2)


def test_writers_add_up_once_many_people_have_changed(store: Store) -> None:
    record(store, crowd(1, 30))
    assert 0 < count(store, StalePerson) <= MOST_STALE


def test_nothing_of_the_forgotten_stays_in_the_sums(store: Store) -> None:
    record(store, WALK)
    with store.write() as connection:
        add_up(connection)
    forget(store, 1)
    forget(store, 2)
    with store.read() as connection:
        for table in (Way, WayTotal, StalePerson):
            assert connection.execute(select(table)).all() == []


def test_a_dry_run_changes_no_sums(store: Store) -> None:
    record(store, WALK)
    forget(store, 1, dry_run=True)
    assert (count(store, StalePerson), count(store, Way)) == (2, 0)


ACTIONS: dict[str, Callable[[Store, int, int], object]] = {
    "merge": lambda store, one, other: corrected(store, lambda c: merge_identities(c, one, other)),
    "split": lambda store, one, other: corrected(store, lambda c: split_identity(c, one, sighting(c, one, other))),
    "undo": lambda store, *_: corrected(store, undo),
    "forget": lambda store, one, _: forget(store, one),
    "retain": lambda store, one, _: retain(store, EPOCH + timedelta(seconds=2 * one)),
    "run": lambda store, one, other: record(
        store, [Stay("west", 1, one, 0, 9), Stay("east", 1, one, other, other + 9)]
    ),
    "add up": lambda store, *_: corrected(store, add_up),
}


def corrected(store: Store, change: Callable[[Connection], object]) -> None:
    with store.write() as connection:
        change(connection)


def sighting(connection: Connection, person: int, number: int) -> int:
    found = connection.scalars(select(Tracklet.id).where(Tracklet.identity_id == person).order_by(Tracklet.id)).all()
    return found[number % len(found)] if found else 0


@settings(unhurried, max_examples=25)
@given(st.lists(st.tuples(st.sampled_from(sorted(ACTIONS)), st.integers(1, 4), st.integers(1, 4)), max_size=8))
def test_sums_stay_those_of_the_sightings(
    tmp_path_factory: pytest.TempPathFactory, actions: list[tuple[str, int, int]]
) -> None:
    with open_store(tmp_path_factory.mktemp("store") / "omnitrack.db") as store:
        record(store, WALK)
        for action, one, other in [*actions, ("add up", 0, 0)]:
            with suppress(OmnitrackError):  # e.g. a merge with oneself: nothing happens
                ACTIONS[action](store, one, other)
            with store.read() as connection:
                assert transitions(connection) == transitions(connection, *ALWAYS)
