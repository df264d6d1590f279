"""What a run knows of those before it, and what it hears while it goes on."""

import random
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Connection, func, select

from tests.store.killing import kill_a_run
from tests.store.restarted import CAMERAS, PEOPLE, follow
from tests.store.walk import EPOCH, FPS, Stay, begin, embedding, event, record
from tracker.core.types import IdentityEventKind, LinkEvidence
from tracker.crosscam.constraints import Constraint, ConstraintKind, Withdrawal
from tracker.store.corrections import merge_identities, rename_identity, split_identity, undo
from tracker.store.identities import survivor_of
from tracker.store.memory import Hearing, known_people, standing_decisions
from tracker.store.models import Camera, Identity, Tracklet
from tracker.store.queries import history
from tracker.store.session import Store, open_store
from tracker.store.sink import StoreSink

MUST, CANNOT = ConstraintKind.MUST_LINK, ConstraintKind.CANNOT_LINK
STAYS = [Stay("west", 1, 1, 0, 100), Stay("east", 1, 1, 120, 180), Stay("west", 2, 2, 150, 200)]


def at(frame: int) -> timedelta:
    return timedelta(seconds=frame / FPS)


def test_who_was_seen_shortly_before_is_known_camera_by_camera(store: Store) -> None:
    record(store, STAYS, [event(IdentityEventKind.CONFIRMED, 1)])
    with store.read() as connection:
        known = known_people(connection, EPOCH + at(190), 5.0)
    assert [(p.identity_id, p.camera_id) for p in known] == [(1, "east"), (1, "west")]
    assert [p.last_seen_seconds for p in known] == [-1.0, -9.0]
    assert [p.seen_seconds for p in known] == [6.0, 10.0]
    assert [p.weight for p in known] == [pytest.approx(61 * 0.5), pytest.approx(101 * 0.5)]
    assert all(p.confirmed for p in known)
    for person in known:
        assert person.embedding is not None
        np.testing.assert_allclose(person.embedding, embedding(STAYS[0]), atol=1e-3)


@pytest.mark.parametrize(
    ("frame", "memory_seconds", "expected"),
    [(190, 1.0, {1}), (210, 2.0, {2}), (210, 3.0, {1, 2}), (210, 0.5, set()), (50, 60.0, set())],
)
def test_who_counts_as_seen_shortly_before(store: Store, frame: int, memory_seconds: float, expected: set[int]) -> None:
    record(store, STAYS)
    with store.read() as connection:
        known = known_people(connection, EPOCH + at(frame), memory_seconds)
    assert {person.identity_id for person in known} == expected


def test_people_are_known_as_users_corrected_them(store: Store) -> None:
    record(store, STAYS)
    with store.write() as connection:
        merge_identities(connection, 2, 1)
        ids = {person.identity_id for person in known_people(connection, EPOCH + at(210), 60.0)}
        assert ids == {2}
        split_identity(connection, 2, history(connection, 2).visits.rows[2].tracklet_id)
        ids = {person.identity_id for person in known_people(connection, EPOCH + at(210), 60.0)}
        assert ids == {2, 3}
        assert standing_decisions(connection, ids) == [Constraint(CANNOT, 2, 3)]
        assert standing_decisions(connection, {2}) == []


def heard(
    store: Store, change: Callable[[Connection], object], monkeypatch: pytest.MonkeyPatch
) -> list[Constraint | Withdrawal]:
    monkeypatch.setattr("tracker.store.memory.HEAR_SECONDS", 0.01)
    run = begin(store)
    record(store, STAYS, run=run)
    with store.write() as connection:
        rename_identity(connection, 1, "said before")
    with Hearing(store, run) as hearing:
        assert hearing.fresh() == []
        with store.write() as connection:
            change(connection)
        said = next_heard(hearing)
        assert hearing.fresh() == []
    return said


def next_heard(hearing: Hearing) -> list[Constraint | Withdrawal]:
    """What is heard next, waited for."""
    deadline = time.monotonic() + 20
    said: list[Constraint | Withdrawal] = []
    while not said and time.monotonic() < deadline:
        time.sleep(0.01)
        said = hearing.fresh()
    return said


def test_a_merge_is_heard(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert heard(store, lambda c: merge_identities(c, 2, 1), monkeypatch) == [Constraint(MUST, 2, 1)]


def test_a_split_is_heard_as_the_tracks_that_left(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    said = heard(store, lambda c: split_identity(c, 1, history(c, 1).visits.rows[1].tracklet_id), monkeypatch)
    assert said == [Constraint(MUST, ("east", 1), 3), Constraint(CANNOT, 1, 3)]


def test_what_was_undone_at_once_is_not_heard(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def change(connection: Connection) -> None:
        merge_identities(connection, 2, 1)
        undo(connection)
        split_identity(connection, 1, history(connection, 1).visits.rows[1].tracklet_id)

    assert Constraint(MUST, 2, 1) not in heard(store, change, monkeypatch)


def test_undoing_is_heard_with_whose_the_tracks_are(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Corrections from before the run and during it, the latest first."""
    monkeypatch.setattr("tracker.store.memory.HEAR_SECONDS", 0.01)
    run = begin(store)
    record(store, STAYS, run=run)
    with store.write() as connection:
        merge_identities(connection, 2, 1)
    with Hearing(store, run) as hearing:
        with store.write() as connection:
            split_identity(connection, 2, history(connection, 2).visits.rows[2].tracklet_id)
        split = [decision for decision in next_heard(hearing) if isinstance(decision, Constraint)]
        with store.write() as connection:
            undo(connection)
        assert next_heard(hearing) == [Withdrawal(tuple(split), ((("west", 2), 2),), (3, 2))]
        with store.write() as connection:
            undo(connection)
        (withdrawal,) = next_heard(hearing)
    assert isinstance(withdrawal, Withdrawal)
    assert withdrawal.decisions == (Constraint(MUST, 2, 1),)
    assert dict(withdrawal.whose) == {("west", 1): 1, ("east", 1): 1, ("west", 2): 2}


def wait_for(store: Store, condition: Callable[[Connection], object]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with store.read() as connection:
            if condition(connection):
                return
        time.sleep(0.01)
    raise AssertionError("what was written never arrived")


@pytest.mark.parametrize("undone", [False, True])
def test_a_run_that_was_late_does_not_repeat_a_merge_that_was_undone(store: Store, undone: bool) -> None:
    run = begin(store)
    record(store, STAYS, run=run)
    with store.write() as connection:
        merge_identities(connection, 2, 1)
        if undone:
            undo(connection)
    step = event(IdentityEventKind.MERGED, 1, previous=2)
    (repeated,) = (replace(change, evidence=LinkEvidence(rule=MUST.value, score=0.0)) for change in step.events)
    machine = StoreSink(store, run)
    machine.write(replace(step, events=[repeated]))
    machine.close()
    with store.read() as connection:
        assert (survivor_of(connection, 1) == survivor_of(connection, 2)) is not undone


def test_names_hold_while_a_run_goes_on(store: Store) -> None:
    """The matcher knows nothing of names: they go to the survivor, and two names are two people."""
    run = begin(store)
    record(store, [*STAYS, Stay("east", 3, 3, 0, 20)], run=run)
    with store.write() as connection:
        rename_identity(connection, 2, "Anna")
    machine = StoreSink(store, run)
    machine.write(event(IdentityEventKind.MERGED, 1, previous=2))
    machine.close()
    with store.write() as connection:
        assert connection.scalar(select(Identity.name).where(Identity.id == 1)) == "Anna"
        rename_identity(connection, 3, "Bo")
    machine = StoreSink(store, run)
    machine.write(event(IdentityEventKind.MERGED, 3, previous=1))
    machine.close()
    with store.read() as connection:
        assert survivor_of(connection, 1) == 1
        assert survivor_of(connection, 3) == 3


def identities_by_person(connection: Connection, run_id: int) -> dict[int, set[int]]:
    """Who each true person is in a run: tracks of one person have one number everywhere."""
    query = select(Tracklet.track_id, Identity.survivor_id).join(Identity, Identity.id == Tracklet.identity_id)
    found: dict[int, set[int]] = {}
    for track_id, identity_id in connection.execute(query.where(Tracklet.run_id == run_id)):
        found.setdefault((track_id - 1) % PEOPLE, set()).add(identity_id)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_after_a_kill_the_same_people_keep_their_numbers(tmp_path: Path, seed: int) -> None:
    moments = random.Random(seed)
    path = tmp_path / "omnitrack.db"
    kill_a_run("tests.store.restarted", [path, 0], moments.randrange(3, 8), moments.uniform(0, 0.1))
    with open_store(path) as store:
        with store.read() as connection:
            last_us = connection.scalar(select(func.max(Tracklet.end_us))) or 0
            before = identities_by_person(connection, 1)
            counted = connection.scalar(select(func.count()).select_from(Identity))
        gone_frames = round((last_us / 1e6 - EPOCH.timestamp() + moments.uniform(1, 20)) * FPS)
        for _ in follow(store, gone_frames, 80):
            pass
        with store.read() as connection:
            after = identities_by_person(connection, 2)
            cameras = connection.scalars(select(Camera.name)).all()
            assert connection.scalar(select(func.count()).select_from(Identity)) == counted
    assert after == before
    assert len(after) == PEOPLE
    assert len(set.union(*after.values())) == PEOPLE
    assert sorted(cameras) == sorted(CAMERAS)
