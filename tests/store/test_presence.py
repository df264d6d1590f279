from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from tests.store.walk import EPOCH, Stay, event, record
from tracker.core.types import IdentityEventKind
from tracker.errors import OmnitrackError
from tracker.store.corrections import rename_identity
from tracker.store.presence import last_seen, latest, occupancy, present, together, transitions
from tracker.store.session import Store, open_store

STAYS = [
    Stay("west", 1, 1, 0, 100),
    Stay("east", 1, 1, 150, 250),
    Stay("west", 2, 2, 50, 120),
    Stay("east", 2, 3, 160, 200),
    Stay("west", 3, 4, 300, 400),
    Stay("west", 4, 2, 350, 420),
]
"""Identity 4 is merged into 1."""


def at(seconds: float) -> datetime:
    return EPOCH + timedelta(seconds=seconds)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(tmp_path_factory.mktemp("store") / "omnitrack.db") as store:
        record(store, STAYS, [event(IdentityEventKind.MERGED, 1, previous=4)])
        with store.write() as connection:
            rename_identity(connection, 3, "Anna")
        yield store


def test_an_empty_database_has_an_answer_to_everything(store: Store) -> None:
    with store.read() as connection:
        assert transitions(connection) == ()
        assert last_seen(connection) == ()
        assert latest(connection) is None
        assert occupancy(connection, EPOCH, EPOCH + timedelta(1), timedelta(hours=1)) == ()
        with pytest.raises(OmnitrackError, match="camera west: is not in the database; it knows none"):
            present(connection, "west")


def test_who_was_at_a_camera_at_a_time(recorded: Store) -> None:
    def who(camera: str, since: float | None, until: float | None) -> list[int]:
        first, last = (None if t is None else EPOCH + timedelta(seconds=t) for t in (since, until))
        with recorded.read() as connection:
            return [stay.identity_id for stay in present(connection, camera, first, last).rows]

    assert who("west", None, None) == [1, 2, 1, 2]
    assert who("west", 0, 4.9) == [1]
    assert who("west", 0, 5) == [1, 2]
    assert who("west", 10.1, 29) == [2]
    assert who("west", 12.1, 29.9) == []
    assert who("east", 20, 20) == [3, 1]


def test_who_comes_in_pages(recorded: Store) -> None:
    with recorded.read() as connection:
        first, second = (present(connection, "west", limit=3, offset=offset) for offset in (0, 3))
    assert (len(first.rows), first.has_more) == (3, True)
    assert (len(second.rows), second.has_more) == (1, False)
    assert second.rows[0].end == at(42)


def test_company_is_the_same_camera_at_the_same_time(recorded: Store) -> None:
    with recorded.read() as connection:
        two, three = together(connection, 4)
        assert (two.identity_id, two.cameras, two.times, two.seconds) == (2, ("west",), 2, 10)
        assert (two.first, two.last) == (at(5), at(40))
        assert (three.identity_id, three.name, three.cameras, three.seconds) == (3, "Anna", ("east",), 4)
        assert [row.identity_id for row in together(connection, 1, min_seconds=4.5)] == [2]
        assert [row.identity_id for row in together(connection, 2)] == [1]
        with pytest.raises(OmnitrackError, match="identity 9 does not exist"):
            together(connection, 9)


def test_transitions_count_changes_of_camera(recorded: Store) -> None:
    with recorded.read() as connection:
        rows = [(t.from_camera, t.to_camera, t.times, t.people, t.mean_seconds) for t in transitions(connection)]
        assert rows == [("east", "west", 1, 1, 5.0), ("west", "east", 1, 1, 5.0)]
        early = transitions(connection, until=EPOCH + timedelta(seconds=20))
        assert [(t.from_camera, t.to_camera) for t in early] == [("west", "east")]


def test_occupancy_counts_different_people(recorded: Store) -> None:
    with recorded.read() as connection:
        rows = occupancy(connection, EPOCH, EPOCH + timedelta(seconds=45), timedelta(seconds=10), camera="west")
        assert [row.people for row in rows] == [2, 2, 0, 2, 2]
        assert rows[3].start == at(30)
        both = occupancy(connection, EPOCH + timedelta(seconds=16), EPOCH + timedelta(seconds=18), timedelta(seconds=1))
        assert [(row.camera, row.people) for row in both] == [("east", 2), ("east", 2), ("west", 0), ("west", 0)]
        assert occupancy(connection, EPOCH, EPOCH - timedelta(hours=1), timedelta(minutes=1), camera="west") == ()
        with pytest.raises(OmnitrackError, match="3600000 buckets are too many"):
            occupancy(connection, EPOCH, EPOCH + timedelta(hours=1000), timedelta(seconds=1))


def test_last_seen_names_everybody_once(recorded: Store) -> None:
    with recorded.read() as connection:
        assert latest(connection) == at(42)
        rows = last_seen(connection)
        assert [(row.identity_id, row.camera, row.end) for row in rows] == [
            (2, "west", at(42)),
            (1, "west", at(40)),
            (3, "east", at(20)),
        ]
        assert last_seen(connection, limit=1) == rows[:1]
