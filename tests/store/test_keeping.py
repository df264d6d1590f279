"""How long each camera's history is kept."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from tests.store.walk import EPOCH, Stay, record
from tracker.store.keeping import Keeper, keep
from tracker.store.models import Audit, Camera, Tracklet
from tracker.store.session import Store

STAYS = [
    Stay("west", 1, 1, 0, 50),
    Stay("east", 1, 1, 60, 100),
    Stay("west", 2, 2, 600, 650),
    Stay("east", 2, 2, 660, 700),
]
NOW = EPOCH + timedelta(days=2, seconds=30)


def left(store: Store) -> list[tuple[str, int]]:
    with store.read() as connection:
        found = select(Camera.name, Tracklet.track_id).join(Camera, Camera.id == Tracklet.camera_id)
        return sorted((row.name, row.track_id) for row in connection.execute(found))


@pytest.mark.parametrize(
    ("days", "camera_days", "expected"),
    [
        (None, {}, [("east", 1), ("east", 2), ("west", 1), ("west", 2)]),
        (2.0, {}, [("east", 2), ("west", 2)]),
        (1.0, {}, []),
        (2.0, {"east": 3.0}, [("east", 1), ("east", 2), ("west", 2)]),
        (None, {"west": 1.0, "garden": 1.0}, [("east", 1), ("east", 2)]),
    ],
)
def test_each_camera_is_kept_for_its_time(
    store: Store, days: float | None, camera_days: dict[str, float], expected: list[tuple[str, int]]
) -> None:
    record(store, STAYS)
    erased = keep(store, days, camera_days, NOW)
    assert left(store) == expected
    assert erased.tracklets == 4 - len(expected)


def test_nothing_to_erase_leaves_no_trace_in_the_audit(store: Store) -> None:
    record(store, STAYS)
    keep(store, 30.0, {}, NOW)
    with store.read() as connection:
        assert connection.scalars(select(Audit.action)).all() == []


def test_a_run_does_it_when_it_begins(store: Store) -> None:
    record(store, STAYS)
    days = (datetime.now(UTC) - EPOCH).total_seconds() / 86_400 - 1 / 24
    with Keeper(store, days, {}):
        deadline = time.monotonic() + 20
        while left(store) and time.monotonic() < deadline:
            time.sleep(0.02)
    assert left(store) == []


def test_a_rule_that_comes_later_counts_at_once(store: Store) -> None:
    record(store, STAYS)
    with Keeper(store, None, {}) as keeper:
        keeper.change({"west": 1.0})
        deadline = time.monotonic() + 20
        while len(left(store)) > 2 and time.monotonic() < deadline:
            time.sleep(0.02)
    assert left(store) == [("east", 1), ("east", 2)]


def test_without_a_rule_it_does_nothing(store: Store) -> None:
    record(store, STAYS)
    with Keeper(store, None, {}):
        pass
    assert len(left(store)) == 4
