"""Recordings among live cameras."""

from itertools import pairwise
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.video.clips import number_of, write_clip
from tests.video.test_live_batching import ScriptedFeed
from tracker.video.camera import CameraState
from tracker.video.frame import FrameBatch
from tracker.video.live_batching import LiveBatcher
from tracker.video.replay import ReplayedCamera
from tracker.video.sources import VideoFileSource


def test_a_recording_is_played_in_its_own_time_and_then_lost_once(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", [n / 20 for n in range(30)])
    origin = monotonic() - 100
    batcher = LiveBatcher([ReplayedCamera(VideoFileSource("gate", clip), origin), ScriptedFeed("live")], origin)
    batches: list[FrameBatch] = []
    for batch in batcher:
        batches.append(batch)
        if batch.lost_cameras:
            break
    health = batcher.health["gate"]
    batcher.close()
    frames = [batch.frames["gate"] for batch in batches if batch.frames]
    assert batches[-1].lost_cameras == {"gate"}
    assert (health.state, health.losses, health.problem) == (CameraState.OFFLINE, 1, "the recording ended")
    assert health.taken + health.dropped == 30
    assert health.taken == len(frames)
    assert frames[0].t_seconds > 100
    for before, after in pairwise(frames):
        assert after.t_seconds - before.t_seconds == pytest.approx((after.index - before.index) / 20)
    assert all(number_of(frame.image) == frame.index for frame in frames)
    assert all(frame.t_arrival_seconds >= frame.t_seconds - 1e-6 for frame in frames if frame.t_arrival_seconds)


def test_a_known_error_of_its_clock_is_added(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", [n / 20 for n in range(3)])
    origin = monotonic()
    camera = ReplayedCamera(VideoFileSource("gate", clip, 60.0), origin, 60.0)
    camera.start()
    while camera.health.state is not CameraState.OFFLINE:
        sleep(0.01)
    frame = camera.take()
    camera.close()
    assert frame is not None
    assert 60 <= frame.t_seconds <= 60 + monotonic() - origin
    assert frame.t_arrival_seconds is not None
    assert frame.t_arrival_seconds >= frame.t_seconds - 1e-6


def test_who_takes_nothing_gets_the_newest(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", [n / 50 for n in range(50)])
    camera = ReplayedCamera(VideoFileSource("gate", clip), monotonic())
    camera.start()
    camera.start()
    while camera.health.state is not CameraState.OFFLINE:
        sleep(0.01)
    frame = camera.take()
    assert frame is not None
    assert frame.index == 49
    assert camera.take() is None
    assert camera.lost_frames == 49
    camera.close()


def test_closing_ends_a_long_recording(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", [n * 10.0 for n in range(5)])
    camera = ReplayedCamera(VideoFileSource("gate", clip), monotonic())
    camera.start()
    camera.close()
    assert camera.health.taken == 0
