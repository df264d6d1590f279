"""Live cameras that are lost and come back: against a real RTSP server."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from time import monotonic

import pytest

from tests.video.clips import write_clip
from tests.video.rtsp import RtspServer, need_rtsp_server
from tests.video.watching import PATIENT, QUICK, RATE, Serve, Watch, Watcher, gaps, reader_processes
from tracker.video.camera import CameraState, LiveConfig

pytestmark = need_rtsp_server()


def test_the_end_of_a_stream_is_a_loss_and_the_camera_comes_back(serve: Serve, watch: Watch, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "short.ts", [n / RATE for n in range(15)], gop=5)
    watcher = watch({"gate": serve(mounts={"a": clip}).url("a")})
    watcher.wait(lambda: watcher.losses("gate") >= 2)
    moments = [batch.t_seconds for batch in watcher.batches]
    assert moments == sorted(set(moments))
    lost_at = [place for place, batch in enumerate(watcher.batches) if batch.lost_cameras]
    assert any(batch.frames for batch in watcher.batches[lost_at[0] + 1 : lost_at[1]]), "a second connection"
    assert watcher.cameras["gate"].health.problem in ("the stream ended", "")


def test_a_frozen_server_takes_only_its_own_camera_offline(serve: Serve, watch: Watch, minute: Path) -> None:
    frozen, healthy = serve(mounts={"a": minute}), serve(mounts={"b": minute})
    watcher = watch({"frozen": frozen.url("a"), "healthy": healthy.url("b")}, QUICK)
    watcher.wait(lambda: min(len(watcher.frames("frozen")), len(watcher.frames("healthy"))) >= 10)
    before, dropped = len(watcher.frames("healthy")), watcher.cameras["healthy"].health.dropped
    frozen.freeze()
    watcher.wait(lambda: watcher.losses("frozen") == 1)
    assert "no picture for 3 s" in watcher.cameras["frozen"].health.problem
    watched = len(watcher.frames("healthy"))
    watcher.wait(lambda: len(watcher.frames("healthy")) >= watched + 20)
    assert watcher.state("frozen") is not CameraState.ONLINE
    frozen.thaw()
    seen = len(watcher.frames("frozen"))
    watcher.wait(lambda: len(watcher.frames("frozen")) >= seen + 5)
    healthy_frames = watcher.frames("healthy")[before:]
    assert len(healthy_frames) > 30
    # a machine that is busy with other things may cost pictures, and then says so
    assert gaps(healthy_frames) <= watcher.cameras["healthy"].health.dropped - dropped
    assert watcher.losses("healthy") == 0


def test_a_reader_that_is_killed_is_replaced(serve: Serve, watch: Watch, minute: Path) -> None:
    watcher = watch({"gate": serve(mounts={"a": minute}).url("a")})
    watcher.wait(lambda: len(watcher.frames("gate")) >= 5)
    (reader,) = reader_processes()
    os.kill(reader, signal.SIGKILL)
    watcher.wait(lambda: watcher.losses("gate") == 1)
    assert "unexpectedly (exit code -9)" in watcher.cameras["gate"].health.problem
    seen = len(watcher.frames("gate"))
    watcher.wait(lambda: len(watcher.frames("gate")) >= seen + 5)


def test_another_picture_size_after_a_restart(serve: Serve, watch: Watch, minute: Path, tmp_path: Path) -> None:
    large = write_clip(tmp_path / "large.ts", [n / RATE for n in range(100)], gop=RATE, size=(192, 128))
    first = serve(mounts={"a": minute})
    watcher = watch({"gate": first.url("a")})
    watcher.wait(lambda: len(watcher.frames("gate")) >= 5)
    first.stop()
    serve(mounts={"a": large}, port=first.port)
    watcher.wait(lambda: watcher.frames("gate")[-1].image.shape == (128, 192, 3))


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cycle(server: RtspServer, watcher: Watcher) -> None:
    """Kill the server, and bring it back when that was noticed."""
    camera = watcher.cameras["gate"]
    lost = camera.health.losses
    server.stop()
    watcher.wait(lambda: camera.health.losses > lost, seconds=300)
    seen = camera.health.taken
    server.start()
    watcher.wait(lambda: camera.health.taken > seen, seconds=300)


@pytest.mark.parametrize("times", [3, pytest.param(100, marks=pytest.mark.slow)])
def test_nothing_is_left_behind_by_losses(serve: Serve, watch: Watch, minute: Path, times: int) -> None:
    server = serve(mounts={"a": minute})
    watcher = watch({"gate": server.url("a")}, PATIENT, keep=False)
    watcher.wait(lambda: watcher.cameras["gate"].health.taken >= 1, seconds=300)
    cycle(server, watcher)  # what is made once and kept
    descriptors, memory = open_descriptors(), resident_bytes()
    for _ in range(times):
        cycle(server, watcher)
    assert open_descriptors() == descriptors
    assert resident_bytes() - memory < 10_000_000
    assert len(reader_processes()) == 1
    print(f"memory after {times} losses: {(resident_bytes() - memory) / 1e6:+.1f} MB")


@pytest.mark.slow
def test_half_a_minute_of_silence_with_the_default_settings(serve: Serve, watch: Watch, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "long.ts", [n / RATE for n in range(180 * RATE)], gop=RATE)
    frozen, healthy = serve(mounts={"a": clip}), serve(mounts={"b": clip})
    config = replace(LiveConfig(), opening_seconds=120.0)
    watcher = watch({"frozen": frozen.url("a"), "healthy": healthy.url("b")}, config)
    start = watcher.wait(lambda: min(len(watcher.frames(n)) for n in ("frozen", "healthy")) >= 10, seconds=300)
    time.sleep(10)
    overloaded = watcher.cameras["healthy"].health.dropped > 0  # by other things, before anything is frozen
    before, dropped = len(watcher.frames("healthy")), watcher.cameras["healthy"].health.dropped
    began = monotonic()
    frozen.freeze()
    watcher.wait(lambda: watcher.losses("frozen") == 1)
    offline = watcher.cameras["frozen"].health.since_seconds - began
    assert offline < 6
    time.sleep(30 - (monotonic() - began))
    frozen.thaw()
    seen = len(watcher.frames("frozen"))
    back = watcher.wait(lambda: len(watcher.frames("frozen")) > seen, seconds=300)
    assert back < config.backoff.longest_seconds + max(3.0, 2 * start)  # a busy machine took its time before, too
    missing = gaps(watcher.frames("healthy")[before:])
    assert missing <= (watcher.cameras["healthy"].health.dropped - dropped if overloaded else 0)
    assert watcher.losses("healthy") == 0
    print(f"offline after {offline:.1f} s, back after {back:.1f} s, {missing} pictures of the other camera missing")
