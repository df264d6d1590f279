"""How live frames are put into steps, with cameras that give what the test says."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from tracker.video.camera import CameraHealth, CameraState
from tracker.video.frame import Frame, FrameBatch
from tracker.video.live_batching import LiveBatcher


class ScriptedFeed:
    """Gives one frame for every show()."""

    def __init__(self, camera_id: str, state: CameraState = CameraState.ONLINE) -> None:
        self.camera_id = camera_id
        self.on_change: Callable[[], None] = lambda: None
        self.health = CameraHealth(state, 0.0)
        self.lost_frames, self.damaged_frames, self.frames_per_second = 0, 0, 25.0
        self.closed = False
        self._next: Frame | None = None

    def start(self) -> None:
        pass

    def show(self, t_seconds: float) -> None:
        self._next = Frame(self.camera_id, 0, t_seconds, np.zeros((2, 2, 3), np.uint8))
        self.on_change()

    def lose(self) -> None:
        self.health = replace(self.health, state=CameraState.OFFLINE, losses=self.health.losses + 1)
        self.on_change()

    def take(self) -> Frame | None:
        frame, self._next = self._next, None
        return frame

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def west() -> ScriptedFeed:
    return ScriptedFeed("west")


@pytest.fixture
def east() -> ScriptedFeed:
    return ScriptedFeed("east")


def begin(*feeds: ScriptedFeed, gather_seconds: float = 0.02) -> tuple[LiveBatcher, Iterator[FrameBatch]]:
    batcher = LiveBatcher(feeds, 0.0, tolerance_seconds=0.4, gather_seconds=gather_seconds)
    return batcher, iter(batcher)


def test_new_frames_share_a_step(west: ScriptedFeed, east: ScriptedFeed) -> None:
    _, batches = begin(west, east)
    west.show(10.0)
    east.show(9.8)
    batch = next(batches)
    assert batch.t_seconds == 9.8
    assert list(batch.frames) == ["west", "east"]
    assert batch.lost_cameras == frozenset()


def test_a_step_waits_a_little_for_cameras_that_are_online(west: ScriptedFeed, east: ScriptedFeed) -> None:
    _, batches = begin(west, east, gather_seconds=30.0)
    west.show(10.0)
    timer = threading.Timer(0.05, east.show, [10.1])
    timer.start()
    assert list(next(batches).frames) == ["west", "east"]
    timer.join()


def test_nobody_waits_for_a_camera_that_is_offline(west: ScriptedFeed) -> None:
    _, batches = begin(west, ScriptedFeed("east", CameraState.CONNECTING), gather_seconds=1e6)
    west.show(10.0)
    assert list(next(batches).frames) == ["west"]


def test_late_frames_come_first_and_alone(west: ScriptedFeed, east: ScriptedFeed) -> None:
    batcher, batches = begin(west, east)
    west.show(10.0)
    east.show(9.5)
    first, second = next(batches), next(batches)
    assert (first.t_seconds, list(first.frames)) == (9.5, ["east"])
    assert (second.t_seconds, list(second.frames)) == (10.0, ["west"])
    assert batcher.late_frames == {"west": 0, "east": 1}


def test_a_lost_camera_is_named_once_even_when_nothing_is_to_be_seen(west: ScriptedFeed, east: ScriptedFeed) -> None:
    _, batches = begin(west, east)
    east.lose()
    batch = next(batches)
    assert (dict(batch.frames), batch.lost_cameras) == ({}, frozenset(["east"]))
    west.show(10.0)
    assert next(batches).lost_cameras == frozenset()


def test_stopping_ends_the_iteration_and_closing_closes_all(west: ScriptedFeed, east: ScriptedFeed) -> None:
    batcher, batches = begin(west, east)
    batcher.stop()
    assert next(batches, None) is None
    east.lost_frames = 3
    assert batcher.lost_frames == {"west": 0, "east": 3}
    batcher.close()
    assert west.closed
    assert east.closed


def test_cameras_come_and_go_while_steps_are_taken(west: ScriptedFeed, east: ScriptedFeed) -> None:
    batcher, steps = begin(west)
    west.show(1.0)
    assert set(next(steps).frames) == {"west"}
    batcher.add(east)
    east.show(2.0)
    assert set(next(steps).frames) == {"east"}
    batcher.remove("west")
    assert west.closed
    assert next(steps).lost_cameras == {"west"}
    east.show(3.0)
    assert not next(steps).lost_cameras
    assert set(batcher.health) == set(batcher.late_frames) == {"east"}
    again = ScriptedFeed("west")
    batcher.add(again)
    again.show(4.0)
    assert set(next(steps).frames) == {"west"}
    again.lose()
    assert next(steps).lost_cameras == {"west"}


def test_a_step_takes_no_more_pictures_than_are_worked_on_at_once_and_everybody_has_a_turn() -> None:
    feeds = [ScriptedFeed(name) for name in "abcde"]
    steps = iter(LiveBatcher(feeds, 0.0, most_frames=2))
    taken: list[str] = []
    for moment in range(5):
        for feed in feeds:
            feed.show(moment)
        batch = next(steps)
        assert len(batch.frames) == 2
        taken += batch.frames
    assert sorted(taken) == sorted("abcde" * 2)


def test_what_one_step_leaves_the_next_one_takes_without_further_news(west: ScriptedFeed, east: ScriptedFeed) -> None:
    steps = iter(LiveBatcher([west, east], 0.0, most_frames=1))
    west.show(1.0)
    east.show(1.0)
    assert [list(next(steps).frames) for _ in range(2)] == [["west"], ["east"]]
