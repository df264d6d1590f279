from datetime import timedelta

import pytest

from tests.store.walk import EPOCH, Stay, event, record
from tracker.core.types import IdentityEventKind
from tracker.errors import OmnitrackError
from tracker.store.catalogue import people_in_run
from tracker.store.corrections import merge_identities
from tracker.store.queries import IdentityFilter, history, identities
from tracker.store.session import Store
from tracker.store.stored_tracks import latest_run

WALK = [
    Stay("west", 1, 1, 0, 100),
    Stay("east", 1, 1, 150, 250),
    Stay("west", 2, 2, 200, 300),
    Stay("west", 3, 3, 400, 500),
]


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def ids(store: Store, chosen: IdentityFilter) -> list[int]:
    with store.read() as connection:
        return [row.id for row in identities(connection, chosen).rows]


def test_an_empty_database_knows_nobody(store: Store) -> None:
    with store.read() as connection:
        assert identities(connection).rows == ()
        assert latest_run(connection) is None
        with pytest.raises(OmnitrackError, match="identity 1 does not exist"):
            history(connection, 1)


def test_identities_sum_up_their_sightings(store: Store) -> None:
    run = record(store, WALK)
    with store.read() as connection:
        assert latest_run(connection) == run.id
        first = identities(connection).rows[0]
    assert (first.id, first.sightings, first.cameras) == (1, 2, ("east", "west"))
    assert (first.first_seen, first.last_seen) == (EPOCH, EPOCH + seconds(25))
    assert first.seconds_seen == 20


def test_people_of_a_run_are_counted_without_those_of_others_and_merged_ones_once(store: Store) -> None:
    first = record(store, WALK)
    second = record(store, [Stay("west", 1, 4, 600, 700), Stay("west", 2, 5, 600, 700)])
    with store.read() as connection:
        assert [people_in_run(connection, run.id) for run in (first, second)] == [3, 2]
    with store.write() as connection:
        merge_identities(connection, 1, 2)
    with store.read() as connection:
        assert [people_in_run(connection, run.id) for run in (first, second)] == [2, 2]


def test_identities_are_chosen_by_every_filter(store: Store) -> None:
    record(store, WALK)
    assert ids(store, IdentityFilter()) == [1, 2, 3]
    assert ids(store, IdentityFilter(camera="east")) == [1]
    with pytest.raises(OmnitrackError, match="camera north: is not in the database; it knows east, west"):
        ids(store, IdentityFilter(camera="north"))
    assert ids(store, IdentityFilter(since=EPOCH + seconds(30))) == [2, 3]
    assert ids(store, IdentityFilter(until=EPOCH + seconds(10))) == [1]
    assert ids(store, IdentityFilter(since=EPOCH + seconds(26), until=EPOCH + seconds(39))) == [2]
    assert ids(store, IdentityFilter(min_sightings=2)) == [1]
    assert ids(store, IdentityFilter(name="Anna")) == []


def test_identities_come_in_pages(store: Store) -> None:
    record(store, WALK)
    with store.read() as connection:
        first, second = (identities(connection, limit=2, after=after) for after in (0, 2))
    assert ([row.id for row in first.rows], first.has_more) == ([1, 2], True)
    assert ([row.id for row in second.rows], second.has_more) == ([3], False)


def test_history_tells_where_from_when_to_when_and_what_came_next(store: Store) -> None:
    record(store, WALK)
    with store.read() as connection:
        found = history(connection, 1)
    west, east = found.visits.rows
    assert (west.camera, west.start, west.end, west.seconds) == ("west", EPOCH, EPOCH + seconds(10), 10)
    assert (west.next_camera, west.seconds_to_next) == ("east", 5)
    assert (east.next_camera, east.seconds_to_next) == (None, None)


def test_the_next_camera_is_known_across_pages(store: Store) -> None:
    record(store, WALK)
    with store.read() as connection:
        page = history(connection, 1, limit=1).visits
    assert page.has_more
    assert page.rows[0].next_camera == "east"


def test_a_merged_identity_shows_its_survivor(store: Store) -> None:
    record(store, WALK, [event(IdentityEventKind.MERGED, 1, previous=2)])
    with store.read() as connection:
        found = history(connection, 2)
        assert [row.id for row in identities(connection).rows] == [1, 3]
    assert (found.requested_id, found.identity.id, found.identity.sightings) == (2, 1, 3)
    assert [visit.camera for visit in found.visits.rows] == ["west", "east", "west"]


def test_camera_names_may_hold_any_character(store: Store) -> None:
    from tests.store.walk import begin

    names = ['a,b "c"', "Tür|%"]
    record(store, [Stay(name, 1, 1, 0, 20) for name in names], run=begin(store, names))
    with store.read() as connection:
        assert identities(connection).rows[0].cameras == tuple(sorted(names))
