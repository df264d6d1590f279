"""Re-association of a stored history: what it changes, what it must not touch, and back again."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select, update

from tests.store.test_corrections import apply as correct
from tests.store.test_corrections import correction
from tests.store.walk import EPOCH, Stay, begin, embedding, steps, unhurried
from tracker.core.types import FloatArray, LinkEvidence, TrackUpdate
from tracker.crosscam.differences import DifferenceKind
from tracker.crosscam.ground_plane import GroundCamera
from tracker.crosscam.matcher import MatcherConfig
from tracker.errors import NotFoundError, OmnitrackError
from tracker.ports import Step
from tracker.store.constraints import MUST_LINK
from tracker.store.corrections import merge_identities, rename_identity, undo
from tracker.store.explanation import explain
from tracker.store.identities import survivor_of
from tracker.store.maintenance import check
from tracker.store.models import Audit, Constraint, Event, Identity, RunCamera, Tracklet
from tracker.store.numbers import RunPeople
from tracker.store.privacy import forget
from tracker.store.queries import history, identities
from tracker.store.reassociating import apply, compared, judge_afresh
from tracker.store.runs import ActiveRun
from tracker.store.session import Store, open_store
from tracker.store.sightings import HistoryPart, read_sightings
from tracker.store.sink import StoreSink
from tracker.store.writer import Batch, write_batch

LONG = MatcherConfig(memory_seconds=60.0)
EVERYTHING = HistoryPart()

STAYS = [
    Stay("west", 1, 1, 0, 100),
    Stay("east", 1, 1, 120, 220),
    Stay("west", 2, 2, 10, 110),
    Stay("east", 2, 3, 130, 230),
    Stay("west", 3, 4, 20, 120),
    Stay("east", 3, 4, 140, 240),
    Stay("west", 4, 5, 300, 400),
]
"""In truth, the first two of each camera are one person each, though east 2 is 3 in the database; west 4 is again 1."""

TRUTH = {("west", 1): 1, ("east", 1): 1, ("west", 2): 2, ("east", 2): 2, ("west", 3): 4, ("east", 3): 4, ("west", 4): 1}


def look(camera: str, track_id: int, frame: int) -> FloatArray:
    person = embedding(Stay(camera, track_id, TRUTH[camera, track_id], 0, 0))
    vector = person + 0.1 * np.random.default_rng([track_id, frame]).normal(size=len(person))
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def looking(step: Step) -> Step:
    """The same step with looks that tell the truth."""

    def true(seen: TrackUpdate) -> TrackUpdate:
        if seen.embedding is None:
            return seen
        return replace(seen, embedding=look(seen.camera_id, seen.track_id, round(seen.t_seconds * 10)))

    return replace(step, updates={camera: [true(u) for u in found] for camera, found in step.updates.items()})


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Changed only in dry runs."""
    with open_store(tmp_path_factory.mktemp("store") / "omnitrack.db") as store:
        record_true(store, STAYS)
        yield store


def record_true(store: Store, stays: Sequence[Stay]) -> None:
    sink = StoreSink(store, begin(store))
    for step in steps(["west", "east"], stays):
        sink.write(looking(step))
    sink.close()


def people(connection: Connection) -> dict[int, list[tuple[str, int]]]:
    found = identities(connection).rows
    return {p.id: [(v.camera, v.track_id) for v in history(connection, p.id).visits.rows] for p in found}


BEFORE = {
    1: [("west", 1), ("east", 1)],
    2: [("west", 2)],
    3: [("east", 2)],
    4: [("west", 3), ("east", 3)],
    5: [("west", 4)],
}
AFTER = {
    1: [("west", 1), ("east", 1), ("west", 4)],
    2: [("west", 2), ("east", 2)],
    4: [("west", 3), ("east", 3)],
}


def tracklet(connection: Connection, camera: str, track_id: int) -> int:
    who = next(i for i, seen in people(connection).items() if (camera, track_id) in seen)
    visits = history(connection, who).visits.rows
    return next(v.tracklet_id for v in visits if (v.camera, v.track_id) == (camera, track_id))


def run(connection: Connection, config: MatcherConfig = LONG) -> None:
    apply(connection, judge_afresh(connection, EVERYTHING, config), config.confirm_seconds)


def test_sightings_are_read_as_they_were(recorded: Store) -> None:
    with recorded.read() as connection:
        first, *_ = found = read_sightings(connection, EVERYTHING)
    assert (first.camera_id, first.identity_id, first.sure) == ("west", 1, False)
    assert [last - begin for begin, last in first.runs] == pytest.approx([10.0])
    assert first.weight == pytest.approx(101 * 0.5)
    assert len(first.looks) == 2
    assert [s.first_seconds for s in found] == sorted(s.first_seconds for s in found)


def test_the_changes_are_told_before_anything_changes(recorded: Store) -> None:
    with recorded.read() as connection:
        found = judge_afresh(connection, EVERYTHING, LONG)
        short = compared(found, judge_afresh(connection, EVERYTHING, MatcherConfig(memory_seconds=5.0)))
        assert people(connection) == BEFORE
    changes = {(d.kind, d.before, d.after) for d in found.differences()}
    assert changes == {(DifferenceKind.MERGED, 3, 2), (DifferenceKind.MERGED, 5, 1)}
    assert [(d.kind, d.before, d.after) for d in short.differences()] == [(DifferenceKind.SPLIT, 1, -1)]


def test_applied_explained_and_taken_back(recorded: Store) -> None:
    with recorded.write(dry_run=True) as connection:
        run(connection)
        assert people(connection) == AFTER
        assert survivor_of(connection, 5) == 1
        assert check(connection) == []
        merged = explain(connection, 5).links[-1]
        assert (merged.kind, merged.previous_identity_id, merged.identity_id, merged.run_id) == ("merged", 5, 1, None)
        assert merged.rule == "appearance"
        assert merged.score is not None
        assert merged.score > 0
        events = connection.scalar(select(func.max(Event.id)))
        run(connection)  # again: nothing is left to do
        assert connection.scalar(select(func.max(Event.id))) == events
        undo(connection)
        undo(connection)
        assert people(connection) == BEFORE
        assert check(connection) == []


def test_new_people_get_numbers_that_stay_valid(recorded: Store) -> None:
    with recorded.write(dry_run=True) as connection:
        merge_identities(connection, 1, 2)
        undo(connection)
        for other in (2, 3, 4, 5):
            connection.execute(update(Tracklet).where(Tracklet.identity_id == other).values(identity_id=1))
        run(connection)
        assert set(people(connection)) == {1, 6, 7}
        states = connection.execute(select(Identity.state).where(Identity.id >= 6)).scalars().all()
        assert states == ["confirmed", "confirmed"]
        undo(connection)
        assert people(connection) == {1: sorted_by_time(BEFORE)}
        assert survivor_of(connection, 6) == survivor_of(connection, 7) == 1


def sorted_by_time(everybody: dict[int, list[tuple[str, int]]]) -> list[tuple[str, int]]:
    first = {(stay.camera, stay.track_id): stay.first for stay in STAYS}
    return sorted((seen for found in everybody.values() for seen in found), key=lambda seen: first[seen])


def test_it_can_be_taken_back_after_somebody_was_forgotten(tmp_path: Path) -> None:
    with open_store(tmp_path / "a.db") as store:
        record_true(store, STAYS)
        with store.write() as connection:
            for other in (2, 3, 4, 5):
                connection.execute(update(Tracklet).where(Tracklet.identity_id == other).values(identity_id=1))
            run(connection)
            assert set(people(connection)) == {1, 6, 7}
        forget(store, 6)
        with store.write() as connection:
            undo(connection)
            assert check(connection) == []
            assert [len(seen) for seen in people(connection).values()] == [5]


def test_a_run_that_goes_on_may_not_be_overwritten(recorded: Store) -> None:
    def changed(change: Callable[[Connection], object], words: str) -> None:
        with recorded.write(dry_run=True) as connection:
            found = judge_afresh(connection, EVERYTHING, LONG)
            change(connection)
            with pytest.raises(OmnitrackError, match=words):
                apply(connection, found, 1.0)

    changed(lambda c: rename_identity(c, 1, "Anna"), "was corrected meanwhile")
    moved = update(Tracklet).where(Tracklet.identity_id == 3).values(identity_id=4)
    changed(lambda c: c.execute(moved), "is somebody else's meanwhile")


def test_an_unknown_run_is_named(recorded: Store) -> None:
    with recorded.read() as connection, pytest.raises(NotFoundError, match="run 9 is not in the database; it knows 1"):
        judge_afresh(connection, HistoryPart(run_id=9), LONG)


def test_a_part_of_the_history_leaves_the_rest_alone(recorded: Store) -> None:
    late = HistoryPart(since=EPOCH + timedelta(seconds=29))
    with recorded.write(dry_run=True) as connection:
        merge_identities(connection, 1, 5)  # somebody of whom only a part is judged
        found = judge_afresh(connection, late, LONG)
        assert [sighting.sure for sighting in found.sightings] == [True, False]
        apply(connection, found, 1.0)
        assert people(connection)[1] == AFTER[1]


@unhurried
@given(st.lists(correction, max_size=6), st.sampled_from([LONG, MatcherConfig(memory_seconds=3.0)]))
def test_corrections_survive(recorded: Store, corrections: list[tuple[str, int, int]], config: MatcherConfig) -> None:
    with recorded.write(dry_run=True) as connection:
        for one in corrections:
            correct(connection, *one)
        before, named = people(connection), names(connection)
        run(connection, config)
        assert check(connection) == []
        assert names(connection) == named
        survivors = dict(
            connection.execute(
                select(Tracklet.id, Identity.survivor_id).join(Identity, Identity.id == Tracklet.identity_id)
            ).all()
        )
        for constraint in connection.execute(select(Constraint)):
            same = survivors[constraint.tracklet_a_id] == survivors[constraint.tracklet_b_id]
            assert same is (constraint.kind == MUST_LINK)
        undo(connection)
        assert people(connection) == before
        assert names(connection) == named


@dataclass(frozen=True)
class Scene:
    """Stays with whom they show in truth, the numbers of those that were linked on the ground, and what users said of
    them. steep: metres of ground by pixel of a calibration that knows both cameras, None without.
    """

    stays: tuple[Stay, ...]
    shows: tuple[int, ...]
    on_ground: frozenset[int]
    corrections: tuple[tuple[str, int, int | str], ...]
    steep: float | None


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Up to eight stays of three look-alikes, linked right or wrong, at one time or one after the other."""
    stays = []
    for number in range(1, draw(st.integers(2, 8)) + 1):
        first = draw(st.integers(0, 60))
        last = first + draw(st.integers(4, 25))
        stays.append(Stay(draw(st.sampled_from(["west", "east"])), number, draw(st.integers(1, 4)), first, last))
    said = st.one_of(correction, st.just(("undo", 0, 0)))
    return Scene(
        tuple(stays),
        tuple(draw(st.lists(st.integers(1, 3), min_size=len(stays), max_size=len(stays)))),
        draw(st.frozensets(st.integers(1, len(stays)))),
        tuple(draw(st.lists(said, min_size=2, max_size=8))),
        draw(st.sampled_from([None, 0.001, 0.02])),
    )


class Directly:
    """A writer without a thread: in the transaction of a test."""

    def __init__(self, connection: Connection, run: ActiveRun) -> None:
        self._connection, self._run = connection, run

    def submit(self, batch: Batch) -> None:
        self._run.people.begin()
        write_batch(self._connection, self._run, batch)
        self._run.people.settle()

    def close(self) -> None:
        pass


def record_scene(connection: Connection, run: ActiveRun, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracker.store.sink.StoreWriter", lambda store, of_run: Directly(connection, of_run))
    sink = StoreSink(None, replace(run, people=RunPeople()))  # type: ignore[arg-type]  # nothing else asks for it
    shown = {
        stay.track_id: embedding(replace(stay, identity_id=person))
        for stay, person in zip(scene.stays, scene.shows, strict=True)
    }
    for step in steps(["west", "east"], scene.stays):
        updates = {
            camera: [u if u.embedding is None else replace(u, embedding=shown[u.track_id]) for u in found]
            for camera, found in step.updates.items()
        }
        ground = LinkEvidence("ground", 4.0)
        events = [
            replace(e, evidence=ground) if e.tracklet is not None and e.tracklet[1] in scene.on_ground else e
            for e in step.events
        ]
        sink.write(replace(step, updates=updates, events=events))
    sink.close()


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, ActiveRun]]:
    """Changed only in dry runs."""
    with open_store(tmp_path_factory.mktemp("store") / "empty.db") as store:
        yield store, begin(store)


@settings(unhurried, max_examples=100)
@given(scenes(), st.sampled_from([LONG, MatcherConfig(memory_seconds=3.0)]))
def test_corrections_survive_in_every_world(
    empty: tuple[Store, ActiveRun], scene: Scene, config: MatcherConfig
) -> None:
    """Merges, splits, names, and what of these was undone, whatever looks, places and the ground say."""
    store, run_ = empty
    with store.write(dry_run=True) as connection:
        with pytest.MonkeyPatch.context() as patch:
            record_scene(connection, run_, scene, patch)
        connection.execute(update(RunCamera).values(width=600, height=600))
        for kind, one, other in scene.corrections:
            if kind != "undo":
                correct(connection, kind, one, other)
            elif connection.scalar(select(Audit.id).where(Audit.undone_us.is_(None))) is not None:
                undo(connection)
        before, named = people(connection), names(connection)
        found = judge_afresh(connection, EVERYTHING, config, None, calibrated(scene.steep))
        apply(connection, found, config.confirm_seconds)
        assert check(connection) == []
        assert names(connection) == named
        whose = dict(
            connection.execute(
                select(Tracklet.id, Identity.survivor_id).join(Identity, Identity.id == Tracklet.identity_id)
            ).all()
        )
        linked = set()
        for constraint in connection.execute(select(Constraint)):
            pair = constraint.tracklet_a_id, constraint.tracklet_b_id
            assert (whose[pair[0]] == whose[pair[1]]) is (constraint.kind == MUST_LINK)
            linked |= set(pair) if constraint.kind == MUST_LINK else set()
        for a, b in combinations(found.sightings, 2):
            at_once = a.first_seconds <= b.last_seconds and b.first_seconds <= a.last_seconds
            if a.camera_id == b.camera_id and at_once and not {a.number, b.number} & linked:
                assert whose[a.number] != whose[b.number]
        undo(connection)
        assert people(connection) == before
        assert names(connection) == named


def calibrated(metres_by_pixel: float | None) -> dict[str, GroundCamera] | None:
    if metres_by_pixel is None:
        return None
    camera = GroundCamera(np.diag([metres_by_pixel, metres_by_pixel, 1.0]), (600, 600))
    return {"west": camera, "east": camera}


def names(connection: Connection) -> list[tuple[object, ...]]:
    """How many people are called how."""
    found = select(Identity.name, func.count()).where(Identity.name.is_not(None), Identity.id == Identity.survivor_id)
    return sorted(tuple(row) for row in connection.execute(found.group_by(Identity.name)))
