import itertools
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from tests.store.walk import (
    DIMENSION,
    EPOCH,
    FPS,
    Stay,
    assigned,
    begin,
    box,
    crowd,
    embedding,
    event,
    record,
    steps,
    update,
)
from tracker.core.types import IdentityEvent, IdentityEventKind, TrackState
from tracker.errors import OmnitrackError
from tracker.ports import Step
from tracker.store.identity_events import PlannedEvent, apply_events
from tracker.store.models import Camera, Embedder, Embedding, Event, Identity, Link, Run, RunCamera, Tracklet
from tracker.store.packing import unpack_vector
from tracker.store.privacy import forget
from tracker.store.queries import identities
from tracker.store.runs import CameraOrigin, begin_run, micros
from tracker.store.session import Store, open_store
from tracker.store.sink import StoreSink
from tracker.store.stored_tracks import tracklets
from tracker.store.writer import Batch
from tracker.video.frame import FrameBatch

WALK = [Stay("west", 1, 1, 0, 120), Stay("east", 1, 1, 140, 150)]


def test_all_boxes_of_a_confirmed_track_return_exactly(store: Store) -> None:
    run = record(store, WALK)
    with store.read() as connection:
        east, west = tracklets(connection, run.id)
    assert (east.camera, west.camera) == ("east", "west")
    assert (west.track_id, west.identity_id) == (1, 1)
    assert west.frames.tolist() == list(range(121))
    np.testing.assert_array_equal(west.t_seconds, np.arange(121) / FPS)
    np.testing.assert_array_equal(west.boxes_xyxy, np.stack([box(WALK[0], frame) for frame in range(121)]))
    assert set(west.scores.tolist()) == {0.75}


def test_a_track_that_was_never_confirmed_leaves_no_trace(store: Store) -> None:
    run = record(store, [*WALK, Stay("west", 2, None, 5, 60)])
    with store.read() as connection:
        assert [row.track_id for row in tracklets(connection, run.id, camera="west")] == [1]


def test_a_run_without_people_is_stored(store: Store) -> None:
    run = begin(store)
    StoreSink(store, run).close()
    with store.read() as connection:
        assert list(tracklets(connection, run.id)) == []
        assert connection.execute(select(Run.finished_us)).scalar() is not None


def test_times_are_utc_of_the_cameras_own_clock(store: Store) -> None:
    record(store, WALK)
    with store.read() as connection:
        start_us = connection.execute(select(Tracklet.start_us).order_by(Tracklet.start_us.desc())).scalar()
    assert start_us == micros(EPOCH) + 14_000_000


def test_the_mean_appearance_is_stored(store: Store) -> None:
    record(store, WALK)
    with store.read() as connection:
        rows = connection.execute(select(Embedding.vector, Embedding.weight).order_by(Embedding.weight)).all()
    assert [row.weight for row in rows] == [11 * 0.5, 121 * 0.5]
    for row in rows:
        np.testing.assert_allclose(unpack_vector(row.vector), embedding(WALK[0]), atol=1e-3)


def test_events_and_their_evidence_are_stored(store: Store) -> None:
    record(store, WALK)
    with store.read() as connection:
        events = connection.execute(select(Event.kind, Event.identity_id, Event.at_us).order_by(Event.id)).all()
        link = connection.execute(select(Link)).first()
    assert [row[:2] for row in events] == [("assigned", 1), ("assigned", 1)]
    assert events[0].at_us == micros(EPOCH) + 200_000
    assert link is not None
    assert (link.rule, link.score, link.cosine, link.runner_up_identity_id) == ("appearance", 0.9, 0.8, 7)
    assert link.parts == {"transit": 0.5}


def test_events_change_identities(store: Store) -> None:
    stays = [Stay("west", 1, 1, 0, 20), Stay("west", 2, 2, 0, 20), Stay("east", 1, 3, 0, 20), Stay("east", 2, 4, 0, 20)]
    changes = [
        event(IdentityEventKind.CONFIRMED, 1),
        event(IdentityEventKind.MERGED, 1, previous=2),
        event(IdentityEventKind.MERGED, 3, previous=1),
        event(IdentityEventKind.REVISED, 2, previous=4, stay=stays[3]),
    ]
    run = record(store, stays, changes)
    with store.read() as connection:
        chosen = select(Identity.id, Identity.state, Identity.merged_into_id, Identity.survivor_id)
        found = [tuple(row) for row in connection.execute(chosen.order_by(Identity.id))]
        assert found == [
            (1, "confirmed", 3, 3),
            (2, "provisional", 1, 3),
            (3, "provisional", None, 3),
            (4, "provisional", None, 4),
        ]
        assert {row.identity_id for row in tracklets(connection, run.id)} == {3}


def test_identity_numbers_go_on_in_the_next_run(store: Store) -> None:
    assert begin(store).first_identity_id == 1
    record(store, [Stay("west", 1, 5, 0, 20)])
    again = begin(store)
    assert again.first_identity_id == 6
    record(store, [Stay("west", 1, 5, 0, 20), Stay("west", 2, 6, 0, 20)], run=again)
    with store.read() as connection:
        owners = connection.execute(select(Identity.id, Identity.run_id)).all()
        assert [tuple(row) for row in owners] == [(5, 2), (6, 3)]
        assert connection.execute(select(Camera.name).order_by(Camera.id)).scalars().all() == ["west", "east"]


def test_an_erased_identity_never_returns(store: Store) -> None:
    """The matcher may remember somebody whom a user erases while the run goes on: they are somebody new then."""
    run = begin(store)
    record(store, [Stay("west", 1, 5, 0, 20)], run=run)
    forget(store, 5)
    again = Stay("west", 2, 5, 0, 20)
    record(store, [again], [event(IdentityEventKind.CONFIRMED, 5)], run=run)
    record(store, [replace(again, track_id=3, identity_id=2)])
    with store.read() as connection:
        found = connection.execute(select(Identity.id, Identity.state)).all()
        assert [tuple(row) for row in found] == [(6, "confirmed"), (7, "provisional")]


def test_a_transaction_that_failed_taught_nothing(store: Store) -> None:
    run = begin(store)
    planned = PlannedEvent(IdentityEvent(IdentityEventKind.CONFIRMED, 0.0, 1))
    for _ in range(2):
        run.people.begin()
        with store.write(dry_run=True) as connection:
            apply_events(connection, run, [planned])
            assert connection.scalars(select(Identity.id)).all() == [1]


def test_other_embeddings_are_refused(store: Store) -> None:
    record(store, WALK)
    with pytest.raises(OmnitrackError, match=r"osnet \(dimension 8\).*osnet \(dimension 16\)"):
        begin_run(store, {}, embedder_name="osnet", embedder_dimension=2 * DIMENSION)
    assert begin_run(store, {}, embedder_name=None).embedder_id is None


def test_a_database_without_embeddings_takes_any_network(store: Store) -> None:
    begin(store)
    other = begin_run(store, {}, embedder_name="other", embedder_dimension=4)
    with store.read() as connection:
        assert connection.execute(select(Embedder.id, Embedder.name, Embedder.dimension)).all() == [
            (other.embedder_id, "other", 4)
        ]


def test_events_of_a_track_that_was_never_confirmed_are_dropped_with_it(store: Store) -> None:
    never, later = Stay("west", 1, None, 0, 3), Stay("west", 1, 5, 0, 3)
    run = begin(store)
    sink = StoreSink(store, run)
    for step in steps(["west", "east"], [never]):
        sink.write(step)
        if step.batch.t_seconds == 0.1:
            sink.write(Step(FrameBatch(0.1, {}), {}, [assigned(later, 0.1)]))
    sink.close()
    with store.read() as connection:
        assert connection.execute(select(Event.id)).all() == []
        assert connection.execute(select(Identity.id)).all() == []


def test_passwords_of_sources_are_not_stored(store: Store) -> None:
    origin = CameraOrigin("rtsp://anna:secret@10.0.0.7:554/1?x=1", EPOCH)
    begin_run(store, {"door": origin}, embedder_name=None)
    with store.read() as connection:
        assert connection.execute(select(RunCamera.source)).scalar() == "rtsp://anna:***@10.0.0.7:554/1?x=1"


def test_a_track_is_stored_while_it_goes_on(store: Store) -> None:
    run = begin(store)
    sink = StoreSink(store, run)
    for step in itertools.takewhile(lambda step: step.batch.t_seconds < 12, steps(["west", "east"], WALK)):
        sink.write(step)
    waited = threading.Event()
    for _ in range(500):
        if sink.counters.batches_committed == 3:
            break
        waited.wait(0.01)
    with store.read() as connection:
        (row,) = tracklets(connection, run.id)
        stored = connection.execute(select(Tracklet.observation_count, Tracklet.end_us)).one()
        assert connection.execute(select(Run.finished_us)).scalar() is None
    sink.close()
    assert len(row.frames) == 103  # three until it was confirmed, then two full chunks
    assert tuple(stored) == (103, micros(EPOCH) + 10_200_000)


def test_a_failure_of_the_writer_reaches_the_pipeline(store: Store) -> None:
    run = begin(store)
    sink = StoreSink(store, run)
    with store.write() as connection:
        connection.exec_driver_sql("DROP TABLE observations")

    def run_on() -> None:
        for step in steps(["west", "east"], [Stay("west", 1, 1, 0, 20_000)]):
            sink.write(step)

    with pytest.raises(OmnitrackError, match="observations"):
        run_on()
    with pytest.raises(OmnitrackError, match="observations"):
        sink.close()


def test_a_locked_database_pauses_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracker.store.session._PRAGMAS", ("PRAGMA busy_timeout = 20", "PRAGMA journal_mode = WAL"))
    monkeypatch.setattr("tracker.store.patience.RETRY_SECONDS", 0.01)
    with open_store(tmp_path / "a.db") as store:
        run = begin(store)
        sink = StoreSink(store, run)
        other = sqlite3.connect(store.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        for step in steps(["west", "east"], WALK):
            sink.write(step)
        waited = threading.Event()
        for _ in range(500):
            if sink.counters.paused_by is not None:
                break
            waited.wait(0.01)
        assert "another program holds it locked" in (sink.counters.paused_by or "")
        assert sink.counters.batches_committed == 0
        other.execute("ROLLBACK")
        other.close()
        sink.close()
        assert sink.counters.paused_by is None
        with store.read() as connection:
            assert [len(row.frames) for row in tracklets(connection, run.id)] == [11, 121]


def test_a_run_that_is_to_end_says_what_a_locked_database_cost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("tracker.store.session._PRAGMAS", ("PRAGMA busy_timeout = 20", "PRAGMA journal_mode = WAL"))
    monkeypatch.setattr("tracker.store.patience.LAST_SECONDS", 0.1)
    with open_store(tmp_path / "a.db") as store:
        sink = StoreSink(store, begin(store))
        other = sqlite3.connect(store.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        sink.write(next(iter(steps(["west", "east"], WALK))))
        store.patience.hurry()
        with pytest.raises(OmnitrackError, match=r"another program holds it locked.*what was not stored yet is lost"):
            sink.close()
        other.close()
    assert sink.counters.batches_lost == 1
    assert "the last 1 batch(es) of this run, a second each, are lost" in caplog.text


def test_readers_never_wait_for_the_writer_nor_the_writer_for_them(store: Store) -> None:
    done = threading.Event()
    answers: list[int] = []

    def ask() -> None:
        while not done.wait(0.02):
            answers.append(len(identities_of(store)))

    run = begin(store, ["west"])
    with ThreadPoolExecutor(8) as pool:
        readers = [pool.submit(ask) for _ in range(8)]
        record(store, crowd(1, 10), run=run)
        done.set()
        for reader in readers:
            reader.result()
    assert set(answers) > {0}
    assert len(identities_of(store)) == 100


def identities_of(store: Store) -> list[int]:
    with store.read() as connection:
        return [row.id for row in identities(connection, limit=10_000).rows]


def test_the_closing_step_has_no_frames(store: Store) -> None:
    run = begin(store)
    sink = StoreSink(store, run)
    for step in itertools.islice(steps(["west", "east"], WALK), 10):
        sink.write(step)
    ended = replace(update(WALK[0], 9), state=TrackState.ENDED, detection_index=None, score=0.0)
    sink.write(Step(FrameBatch(0.9, {}), {"west": [ended], "east": []}, []))
    sink.close()
    with store.read() as connection:
        (row,) = tracklets(connection, run.id)
    assert len(row.frames) == 10


def test_an_empty_batch_is_false() -> None:
    assert not Batch()
