from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from tests.store.walk import Stay, event, record, unhurried
from tracker.core.types import IdentityEventKind
from tracker.errors import OmnitrackError
from tracker.store.corrections import merge_identities, rename_identity, split_identity, undo
from tracker.store.models import Audit, Constraint, Event, Identity, Tracklet
from tracker.store.queries import IdentityFilter, history, identities
from tracker.store.session import Store, open_store
from tracker.store.sink import StoreSink

STAYS = [
    Stay("west", 1, 1, 0, 100),
    Stay("east", 1, 1, 150, 250),
    Stay("west", 2, 2, 200, 300),
    Stay("west", 3, 1, 400, 500),
    Stay("east", 4, 3, 500, 530),
]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Changed only in dry runs."""
    with open_store(tmp_path_factory.mktemp("store") / "omnitrack.db") as store:
        record(store, STAYS)
        yield store


def people(connection: Connection) -> dict[int, list[tuple[str, int]]]:
    """Who has which (camera, track)."""
    found = identities(connection).rows
    return {
        person.id: [(visit.camera, visit.track_id) for visit in history(connection, person.id).visits.rows]
        for person in found
    }


def sightings(connection: Connection, identity_id: int) -> list[int]:
    return [visit.tracklet_id for visit in history(connection, identity_id).visits.rows]


BEFORE = {1: [("west", 1), ("east", 1), ("west", 3)], 2: [("west", 2)], 3: [("east", 4)]}


def test_merge_makes_one_person_of_two(recorded: Store) -> None:
    with recorded.write(dry_run=True) as connection:
        merge_identities(connection, 2, 1)
        assert people(connection) == {2: [("west", 1), ("east", 1), ("west", 2), ("west", 3)], 3: BEFORE[3]}
        assert history(connection, 1).identity.id == 2
        assert connection.execute(select(Constraint.kind)).scalars().all() == ["must-link"]


def test_split_makes_two_people_of_one(recorded: Store) -> None:
    with recorded.write(dry_run=True) as connection:
        done = split_identity(connection, 1, sightings(connection, 1)[1])
        assert done.details["other"] == 4
        assert people(connection) == {**BEFORE, 1: [("west", 1)], 4: [("east", 1), ("west", 3)]}
        assert set(connection.execute(select(Constraint.kind)).scalars()) == {"cannot-link"}


def test_split_of_a_single_sighting_leaves_the_later_ones(recorded: Store) -> None:
    with recorded.write(dry_run=True) as connection:
        split_identity(connection, 1, sightings(connection, 1)[0], only=True)
        assert people(connection) == {**BEFORE, 1: [("east", 1), ("west", 3)], 4: [("west", 1)]}


def test_rename_and_find_by_name(recorded: Store) -> None:
    with recorded.write(dry_run=True) as connection:
        rename_identity(connection, 2, " Anna ")
        assert [row.id for row in identities(connection, IdentityFilter(name="Anna")).rows] == [2]
        merge_identities(connection, 1, 2)
        assert [row.id for row in identities(connection, IdentityFilter(name="Anna")).rows] == [1]
        undo(connection)
        assert [row.id for row in identities(connection, IdentityFilter(name="Anna")).rows] == [2]
        rename_identity(connection, 2, "")
        assert history(connection, 2).identity.name is None


correction = st.one_of(
    st.tuples(st.just("merge"), st.integers(1, 6), st.integers(1, 6)),
    st.tuples(st.just("split"), st.integers(1, 6), st.integers(0, 3)),
    st.tuples(st.just("rename"), st.integers(1, 6), st.sampled_from(["Anna", "Bo", ""])),
)


def apply(connection: Connection, kind: str, one: int, other: int | str) -> bool:
    """Whether it was possible."""
    try:
        if kind == "merge":
            merge_identities(connection, one, int(other))
        elif kind == "split":
            split_identity(connection, one, sightings(connection, one)[int(other)])
        else:
            rename_identity(connection, one, str(other))
    except (OmnitrackError, IndexError):
        return False
    return True


@unhurried
@given(st.lists(correction, max_size=8))
def test_undoing_everything_restores_everything(recorded: Store, corrections: list[tuple[str, int, int]]) -> None:
    with recorded.write(dry_run=True) as connection:
        names = connection.execute(select(Identity.id, Identity.name).order_by(Identity.id)).all()
        done = sum(apply(connection, *one) for one in corrections)
        assert sorted(chain(*people(connection).values())) == sorted(chain(*BEFORE.values()))
        for _ in range(done):
            undo(connection)
        assert people(connection) == BEFORE
        first_three = select(Identity.id, Identity.name).where(Identity.id <= 3).order_by(Identity.id)
        assert connection.execute(first_three).all() == names
        assert connection.execute(select(Constraint.id)).all() == []
        with pytest.raises(OmnitrackError, match="no correction to undo"):
            undo(connection)


def test_ids_of_undone_splits_are_not_given_out_again(recorded: Store) -> None:
    with recorded.write(dry_run=True) as connection:
        for expected in (4, 5):
            assert split_identity(connection, 1, sightings(connection, 1)[1]).details["other"] == expected
            undo(connection)
        assert history(connection, 4).identity.id == 1


def test_everything_is_audited_and_logged_as_events(recorded: Store) -> None:
    with recorded.write(dry_run=True) as connection:
        merge_identities(connection, 2, 1)
        undo(connection)
        ((action, undone_us),) = connection.execute(select(Audit.action, Audit.undone_us)).all()
        assert action == "merge"
        assert undone_us is not None
        kinds = connection.execute(select(Event.kind).where(Event.run_id.is_(None)).order_by(Event.id)).scalars().all()
        assert kinds == ["merged", "revised", "revised", "revised"]


def test_a_user_without_a_name_is_audited_by_number(recorded: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 4_000_000_001)
    with recorded.write(dry_run=True) as connection:
        rename_identity(connection, 1, "Anna")
        assert connection.scalar(select(Audit.actor)) == "user 4000000001"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: merge_identities(c, 1, 9), "identity 9 does not exist"),
        (lambda c: merge_identities(c, 1, 1), "one person already"),
        (lambda c: split_identity(c, 1, 77), "tracklet 77 is no sighting of identity 1"),
        (lambda c: split_identity(c, 1, sightings(c, 1)[0]), "nothing to split"),
        (lambda c: rename_identity(c, 9, "Anna"), "identity 9 does not exist"),
        (undo, "no correction to undo"),
    ],
)
def test_impossible_corrections_are_refused(
    recorded: Store, change: Callable[[Connection], object], words: str
) -> None:
    with recorded.write(dry_run=True) as connection, pytest.raises(OmnitrackError, match=words):
        change(connection)


def test_a_split_must_be_undone_before_the_two_can_be_merged(recorded: Store) -> None:
    with recorded.write(dry_run=True) as connection:
        split_identity(connection, 1, sightings(connection, 1)[1])
        with pytest.raises(OmnitrackError, match="were split by a user"):
            merge_identities(connection, 1, 4)


def test_a_split_takes_back_what_merged_the_two(recorded: Store) -> None:
    with recorded.write(dry_run=True) as connection:
        merge_identities(connection, 1, 3)
        split_identity(connection, 1, sightings(connection, 1)[-1])
        assert set(connection.scalars(select(Constraint.kind))) == {"cannot-link"}
        undo(connection)
        assert connection.scalars(select(Constraint.kind)).all() == ["must-link"]
        undo(connection)
        assert people(connection) == BEFORE


def test_the_machine_cannot_overrule_a_user(tmp_path: Path) -> None:
    """The run goes on after the corrections, and its matcher has not heard of them."""
    with open_store(tmp_path / "a.db") as store:
        run = record(store, STAYS)
        with store.write() as connection:
            split_identity(connection, 1, sightings(connection, 1)[1])  # east 1 and west 3 become 4
            merge_identities(connection, 4, 3)
            merge_identities(connection, 3, 2)
            corrected = people(connection)
        sink = StoreSink(store, run)
        for step in [
            event(IdentityEventKind.MERGED, 1, previous=2),
            event(IdentityEventKind.MERGED, 3, previous=1),
            event(IdentityEventKind.ASSIGNED, 1, stay=STAYS[1]),
            event(IdentityEventKind.REVISED, 1, previous=2, stay=STAYS[2]),
            event(IdentityEventKind.REVISED, 3, previous=2, stay=STAYS[2]),
        ]:
            sink.write(step)
        sink.close()
        with store.read() as connection:
            everybody_else = [("east", 1), ("west", 2), ("west", 3), ("east", 4)]
            assert people(connection) == corrected == {1: [("west", 1)], 4: everybody_else}
            kinds = connection.execute(select(Event.kind).order_by(Event.id.desc()).limit(5)).scalars().all()
        assert kinds == ["revised", "overruled", "overruled", "overruled", "overruled"]


def test_the_machine_may_still_move_what_no_user_spoke_of(tmp_path: Path) -> None:
    with open_store(tmp_path / "a.db") as store:
        run = record(store, STAYS)
        with store.write() as connection:
            merge_identities(connection, 2, 3)
        sink = StoreSink(store, run)
        sink.write(event(IdentityEventKind.REVISED, 2, previous=1, stay=STAYS[0]))
        sink.close()
        with store.read() as connection:
            assert people(connection)[2] == [("west", 1), ("west", 2), ("east", 4)]
            assert connection.execute(select(Tracklet.identity_id).order_by(Tracklet.start_us)).scalars().first() == 2
