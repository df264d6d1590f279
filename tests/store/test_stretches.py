"""The matcher finds that a track changed person midway: its later part becomes a tracklet of its own."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from tests.store.walk import EPOCH, FPS, Stay, assigned, begin, box, embedding, steps, unhurried
from tracker.core.types import IdentityEvent, IdentityEventKind
from tracker.ports import Step
from tracker.store.corrections import merge_identities, split_identity
from tracker.store.maintenance import check
from tracker.store.models import Embedding, Tracklet
from tracker.store.packing import ROW, cut, unpack_vector
from tracker.store.queries import history
from tracker.store.session import Store, open_store
from tracker.store.sink import StoreSink
from tracker.store.stored_tracks import TrackletRow, tracklets
from tracker.video.frame import FrameBatch

STAY = Stay("west", 1, 1, 0, 150)
KEY = ("west", 1)


def revised(identity_id: int, since_frame: int) -> IdentityEvent:
    event = replace(assigned(STAY, 1.0), kind=IdentityEventKind.REVISED, identity_id=identity_id)
    return replace(event, previous_identity_id=1, since_seconds=since_frame / FPS)


def play(store: Store, changes: dict[int, list[IdentityEvent]], stay: Stay = STAY) -> list[TrackletRow]:
    """One track, with further events at some frames; a frame after the last means after the track has ended."""
    run = begin(store)
    first = run.first_identity_id - 1  # identity numbers count from the run's first
    sink = StoreSink(store, run)
    for step in steps(["west", "east"], [stay]):
        events = [replace(event, identity_id=1 + first) for event in step.events]
        for change in changes.get(round(step.batch.t_seconds * FPS), []):
            previous = (change.previous_identity_id or 0) + first
            events.append(replace(change, identity_id=change.identity_id + first, previous_identity_id=previous))
        sink.write(Step(step.batch, step.updates, events))
    sink.close()
    with store.read() as connection:
        assert check(connection) == []
        rows = list(tracklets(connection, run.id))
    return [replace(row, identity_id=(row.identity_id or 0) - first) for row in rows]


def stretches(rows: list[TrackletRow]) -> list[tuple[int | None, int, int]]:
    """(identity, first frame, last frame); the frames between must be there without a gap."""
    assert all(row.frames.tolist() == list(range(row.frames[0], row.frames[-1] + 1)) for row in rows)
    return [(row.identity_id, int(row.frames[0]), int(row.frames[-1])) for row in rows]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(tmp_path_factory.mktemp("store") / "omnitrack.db") as store:
        yield store


@pytest.mark.parametrize("at", [21, 53, 70, 149, 151])
@pytest.mark.parametrize("since", [3, 20])
def test_a_track_is_cut_where_the_person_changed(store: Store, at: int, since: int) -> None:
    rows = play(store, {at: [revised(2, since)]})
    assert stretches(rows) == [(1, 0, since - 1), (2, since, 150)]
    boxes = np.concatenate([row.boxes_xyxy for row in rows])
    np.testing.assert_array_equal(boxes, np.stack([box(STAY, frame) for frame in range(151)]))


def test_a_cut_before_the_first_box_moves_the_whole_track(store: Store) -> None:
    assert stretches(play(store, {50: [revised(2, 0)]})) == [(2, 0, 150)]


def test_the_same_stretch_can_change_again(store: Store) -> None:
    rows = play(store, {60: [revised(2, 40)], 80: [revised(3, 40)], 90: [revised(1, 40)]})
    assert stretches(rows) == [(1, 0, 39), (1, 40, 150)]


def test_an_earlier_stretch_can_change_later(store: Store) -> None:
    rows = play(store, {60: [revised(2, 40)], 100: [revised(3, 80)], 130: [revised(4, 40)], 151: [revised(5, 0)]})
    assert stretches(rows) == [(5, 0, 39), (4, 40, 79), (3, 80, 150)]


def test_histories_show_each_persons_part(store: Store) -> None:
    play(store, {60: [revised(2, 40)]})
    with store.read() as connection:
        (early,), (late,) = (history(connection, identity_id).visits.rows for identity_id in (1, 2))
    assert (early.start, early.seconds, late.seconds) == (EPOCH, 3.9, 11.0)


def test_each_part_has_its_own_appearance(store: Store) -> None:
    play(store, {60: [revised(2, 55)]})
    with store.read() as connection:
        rows = connection.execute(select(Embedding).join(Tracklet).order_by(Tracklet.start_us)).all()
    assert [row.weight for row in rows] == [61 * 0.5, 90 * 0.5]
    np.testing.assert_allclose(unpack_vector(rows[1].vector), embedding(STAY), atol=1e-3)


def test_what_a_user_said_of_a_track_holds_for_its_parts(store: Store) -> None:
    run = begin(store)
    sink = StoreSink(store, run)
    for step in steps(["west", "east"], [STAY, Stay("west", 2, 2, 0, 150), Stay("east", 3, 3, 0, 150)]):
        sink.write(step)
    wait_for_batches(sink, 3)
    with store.write() as connection:
        merge_identities(connection, 2, 1)
        first, _ = (visit.tracklet_id for visit in history(connection, 2).visits.rows)
        split_identity(connection, 2, first, only=True)  # the first track is 4 now, and never 2

    sink.write(Step(FrameBatch(20.0, {}), {}, [revised(2, 40), revised(3, 60)]))
    sink.close()
    with store.read() as connection:
        assert check(connection) == []
        parts = [row for row in tracklets(connection, run.id) if row.track_id == 1]
    assert stretches(parts) == [(4, 0, 39), (4, 40, 59), (3, 60, 150)]


def wait_for_batches(sink: StoreSink, number: int) -> None:
    waited = threading.Event()
    for _ in range(1000):
        if sink.counters.batches_committed == number:
            return
        waited.wait(0.01)
    raise AssertionError(f"{sink.counters.batches_committed} of {number} batches came")


changes = st.dictionaries(
    st.integers(10, 151),
    st.builds(revised, st.integers(1, 6), st.integers(0, 150)).map(lambda event: [event]),
    max_size=6,
)


@unhurried
@given(changes)
def test_any_cuts_keep_every_box_and_follow_the_events(shared: Store, changes: dict[int, list[IdentityEvent]]) -> None:
    """Beside a model that keeps a list of (since, identity)."""
    model = {0: 1}
    for frame, (event,) in sorted(changes.items()):
        since = round((event.since_seconds or 0.0) * FPS)
        if since <= frame:
            model[since] = event.identity_id
    legal = {
        frame: events for frame, events in changes.items() if round((events[0].since_seconds or 0.0) * FPS) <= frame
    }
    starts = sorted(model)
    expected = [(model[a], a, b - 1) for a, b in zip(starts, [*starts[1:], 151], strict=True)]
    assert stretches(play(shared, legal)) == expected


def test_a_chunk_is_cut_by_time() -> None:
    rows = np.zeros(3, ROW)
    rows["t_us"], rows["frame"], rows["score"] = [0, 100, 250], [0, 1, 3], [0.1, 0.2, 0.3]
    before, after, last_us = cut(7, 1000, rows.tobytes(), 1100)
    assert (before, last_us) == (rows[:1].tobytes(), 1000)
    assert after is not None
    assert (after["first_frame"], after["start_us"]) == (8, 1100)
    tail = np.frombuffer(after["boxes"], ROW)
    assert (tail["t_us"].tolist(), tail["frame"].tolist()) == ([0, 150], [0, 2])
    assert cut(7, 1000, rows.tobytes(), 1251) == (rows.tobytes(), None, 1250)
    assert cut(7, 1000, rows.tobytes(), 1000)[0] == b""
