"""What comes from live cameras, and when: against a real RTSP server."""

import logging
from dataclasses import replace
from pathlib import Path
from time import monotonic

import numpy as np
import pytest

from tests.video.clips import number_of, write_clip
from tests.video.rtsp import JpegServer, need_rtsp_server
from tests.video.watching import PATIENT, RATE, Serve, Watch, gaps
from tracker.video.camera import CameraState
from tracker.video.decoding import hardware_for
from tracker.video.live import LiveCamera

pytestmark = need_rtsp_server()


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_every_picture_arrives_in_order_at_the_time_of_its_capture(
    serve: Serve, watch: Watch, minute: Path, transport: str
) -> None:
    watcher = watch({"gate": serve(mounts={"a": minute}).url("a")}, replace(PATIENT, transport=transport))
    watcher.wait(lambda: len(watcher.frames("gate")) >= 30)
    frames = watcher.frames("gate")[3:]  # connecting takes a moment, so the first ones come in one burst
    health = watcher.cameras["gate"].health
    assert gaps(frames) <= health.dropped, "a busy machine may cost pictures, and then says so"
    assert [frame.index for frame in frames] == list(range(3, 3 + len(frames)))
    steps = np.diff([frame.t_seconds for frame in frames])
    assert (steps > 0).all()
    assert np.median(steps) == pytest.approx(1 / RATE, abs=0.02)
    assert all(frame.t_seconds <= (frame.t_arrival_seconds or 0) for frame in frames)
    assert frames[0].image.shape == (64, 96, 3)
    assert health.opened is not None
    assert (health.opened.width, health.opened.height, health.opened.codec) == (96, 64, "h264")
    assert (health.state, health.losses, health.problem) == (CameraState.ONLINE, 0, "")


def test_the_cameras_own_clock_can_be_trusted(serve: Serve, watch: Watch, minute: Path) -> None:
    watcher = watch({"gate": serve(mounts={"a": minute}).url("a")}, replace(PATIENT, trust_camera_clock=True))
    camera = watcher.cameras["gate"]
    watcher.wait(lambda: (camera.health.camera_ahead_seconds or 0) < 0)  # with the first RTCP report
    health = camera.health
    assert health.delay_seconds == pytest.approx(-(health.camera_ahead_seconds or 0))
    watcher.wait(lambda: 0 < camera.health.delay_seconds < 1)  # server and reader have one clock
    moments = [batch.t_seconds for batch in watcher.batches]
    assert moments == sorted(set(moments))


def test_a_picture_is_there_before_the_next_one_is_sent(serve: Serve, watch: Watch, tmp_path: Path) -> None:
    """FFmpeg's parser hands a picture on when the next one begins, a second late here."""
    clip = write_clip(tmp_path / "slow.mkv", [float(n) for n in range(60)], gop=5, b_frames=0)
    watcher = watch({"gate": serve(mounts={"a": clip}).url("a")}, replace(PATIENT, trust_camera_clock=True))
    camera = watcher.cameras["gate"]
    watcher.wait(lambda: len(watcher.frames("gate")) >= 20)  # its gaps are known by then, and its clock
    frames, ages = watcher.frames("gate"), watcher.ages("gate")
    assert camera.health.camera_ahead_seconds is not None
    assert np.median(ages[-7:]) < 0.8
    assert gaps(frames) <= camera.health.dropped, "a busy machine may cost pictures, and then says so"


def test_connecting_does_not_hold_the_first_pictures_back(serve: Serve, watch: Watch, tmp_path: Path) -> None:
    """FFmpeg would collect eight of a camera that does not tell its rate, and then hand them on together."""
    clip = write_clip(tmp_path / "slow.ts", [n / 2 for n in range(60)], gop=5, b_frames=0)
    watcher = watch({"gate": serve(mounts={"a": clip}).url("a")})
    watcher.wait(lambda: len(watcher.frames("gate")) >= 6)
    first, *_, last = watcher.frames("gate")
    recorded = (number_of(last.image) - number_of(first.image)) / 2
    assert last.t_seconds - first.t_seconds > recorded / 2


@pytest.mark.parametrize("hardware", ["auto", "off"])
def test_a_device_decodes_if_there_is_one_and_if_it_shall(
    serve: Serve, watch: Watch, minute: Path, caplog: pytest.LogCaptureFixture, hardware: str
) -> None:
    with caplog.at_level(logging.INFO):
        watcher = watch({"gate": serve(mounts={"a": minute}).url("a")}, replace(PATIENT, hardware_decoding=hardware))
        watcher.wait(lambda: len(watcher.frames("gate")) >= 2)
    kind = "software" if hardware == "off" else (hardware_for("h264") or ["software"])[0]
    said = [record.getMessage() for record in caplog.records]
    assert said == [f"camera gate: online (h264 96x64, decoder: {kind})"]


def test_under_overload_pictures_are_dropped_and_the_rest_is_fresh(serve: Serve, watch: Watch, minute: Path) -> None:
    watcher = watch({"gate": serve(mounts={"a": minute}).url("a")}, step_seconds=0.35)
    watcher.wait(lambda: len(watcher.frames("gate")) >= 12)
    health = watcher.cameras["gate"].health
    assert health.dropped >= 20
    assert watcher.batcher.lost_frames["gate"] == health.dropped + health.errors
    assert np.median(watcher.ages("gate")[6:]) < 12 * (0.35 - 1 / RATE) / 2  # half of what it were if frames had queued


def test_a_lower_rate_can_be_asked_for(serve: Serve, watch: Watch, minute: Path) -> None:
    config = replace(PATIENT, most_frames_per_second=2.5)
    watcher = watch({"gate": serve(mounts={"a": minute}).url("a")}, config)
    watcher.wait(lambda: len(watcher.frames("gate")) >= 8)
    steps = np.diff([frame.t_seconds for frame in watcher.frames("gate")][2:])
    assert np.median(steps) == pytest.approx(0.4, abs=0.05)
    assert watcher.cameras["gate"].health.dropped < 8, "those that were not asked for, three of four, do not count"


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize(("name", "codec"), [("clip.h265.ts", "hevc"), ("none.jpeg", "mjpeg")])
def test_cameras_of_other_codecs(
    serve: Serve, watch: Watch, tmp_path: Path, name: str, codec: str, transport: str
) -> None:
    if name.endswith(".ts"):
        write_clip(tmp_path / name, [n / RATE for n in range(60 * RATE)], gop=RATE, b_frames=0)
    config = replace(PATIENT, transport=transport)
    watcher = watch({"gate": serve(mounts={"a": tmp_path / name}).url("a")}, config)
    watcher.wait(lambda: len(watcher.frames("gate")) >= 20)
    health = watcher.cameras["gate"].health
    assert health.opened is not None
    assert health.opened.codec == codec
    assert (health.losses, health.errors) == (0, 0)
    if codec == "hevc":
        assert gaps(watcher.frames("gate")[3:]) <= health.dropped


def test_a_camera_that_sends_jpegs_over_http(watch: Watch) -> None:
    server = JpegServer(pictures=30, rate=RATE)
    watcher = watch({"gate": server.url})
    watcher.wait(lambda: watcher.losses("gate") == 1)
    frames = watcher.frames("gate")
    assert frames[0].image.shape == (64, 96, 3)
    assert gaps(frames) <= watcher.cameras["gate"].health.dropped
    assert number_of(frames[-1].image) >= 25
    server.stop()


def test_cameras_are_read_one_by_one_too(serve: Serve, minute: Path) -> None:
    url = serve(mounts={"a": minute}).url("a")
    camera = LiveCamera("gate", url, monotonic(), PATIENT, time_offset_seconds=1e6)
    frames = iter(camera)
    taken = [next(frames) for _ in range(5)]
    assert [frame.index for frame in taken] == list(range(5))
    assert all(1e6 < frame.t_seconds < 1e6 + 600 for frame in taken), "a clock that is known to be wrong is corrected"
    camera.close()
    assert next(frames, None) is None
    assert camera.health.state is CameraState.CLOSED
