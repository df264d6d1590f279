"""Live cameras against a real RTSP server."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from time import monotonic

import numpy as np
import pytest

from tests.video.clips import NUMBERS, number_of, write_clip
from tests.video.rtsp import JpegServer, MuteServer, RtspServer, need_rtsp_server
from tracker.errors import OmnitrackError
from tracker.video.camera import CameraState, LiveConfig
from tracker.video.decoding import hardware_for
from tracker.video.frame import Frame, FrameBatch
from tracker.video.live import LiveCamera
from tracker.video.live_batching import LiveBatcher
from tracker.video.probing import probe_camera
from tracker.video.watchdog import BackoffConfig

pytestmark = need_rtsp_server()

RATE = 10
QUICK = LiveConfig(stale_seconds=1.5, opening_seconds=20.0, backoff=BackoffConfig(0.2, 0.5, 60.0))
PATIENT = replace(QUICK, stale_seconds=5.0, opening_seconds=120.0)  # also for a machine that is busy with other things
NEVER = LiveConfig(stale_seconds=600.0, opening_seconds=600.0)
PASSWORD = "canary-7391"


@pytest.fixture(scope="module")
def minute(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("live") / "minute.ts", [n / RATE for n in range(60 * RATE)], gop=RATE)


@pytest.fixture
def serve() -> Iterator[Callable[..., RtspServer]]:
    servers: list[RtspServer] = []

    def start(**options: object) -> RtspServer:
        servers.append(RtspServer(**options))  # type: ignore[arg-type]  # passed on as they are
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


class Watcher:
    """Runs a batcher in a thread and keeps what it gives; without `keep` only health tells what that was."""

    def __init__(
        self, urls: dict[str, str], config: LiveConfig = QUICK, step_seconds: float = 0.0, keep: bool = True
    ) -> None:
        origin = monotonic()
        self.cameras = {name: LiveCamera(name, url, origin, config) for name, url in urls.items()}
        self.batcher = LiveBatcher(list(self.cameras.values()), origin)
        self.origin = origin
        self.batches: list[FrameBatch] = []
        self._step_seconds = step_seconds
        self._keep = keep
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        for batch in self.batcher:
            if self._keep:
                self.batches.append(batch)
            time.sleep(self._step_seconds)

    def frames(self, name: str) -> list[Frame]:
        return [batch.frames[name] for batch in list(self.batches) if name in batch.frames]

    def state(self, name: str) -> CameraState:
        return self.cameras[name].health.state

    def losses(self, name: str) -> int:
        return sum(name in batch.lost_cameras for batch in list(self.batches))

    def wait(self, condition: Callable[[], bool], seconds: float = 90.0) -> float:
        """How long it took until the condition held."""
        began = monotonic()
        while not condition():
            assert monotonic() - began < seconds, {name: camera.health for name, camera in self.cameras.items()}
            time.sleep(0.01)
        return monotonic() - began

    def close(self) -> None:
        self.batcher.close()
        self._thread.join()


@pytest.fixture
def watch() -> Iterator[Callable[..., Watcher]]:
    watchers: list[Watcher] = []

    def start(*arguments: object, **options: object) -> Watcher:
        watchers.append(Watcher(*arguments, **options))  # type: ignore[arg-type]  # passed on as they are
        return watchers[-1]

    yield start
    for watcher in watchers:
        watcher.close()


Serve = Callable[..., RtspServer]
Watch = Callable[..., Watcher]


def gaps(frames: list[Frame]) -> int:
    """Pictures missing between the first frame and the last one."""
    numbers = [number_of(frame.image) for frame in frames]
    return sum((later - earlier) % NUMBERS - 1 for earlier, later in pairwise(numbers))


def reader_processes() -> list[int]:
    children = [
        child for task in Path("/proc/self/task").iterdir() for child in (task / "children").read_text().split()
    ]
    return [int(child) for child in children if b"reader_process" in Path(f"/proc/{child}/cmdline").read_bytes()]


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_every_picture_arrives_in_order_at_the_time_of_its_capture(
    serve: Serve, watch: Watch, minute: Path, transport: str
) -> None:
    watcher = watch({"gate": serve(mounts={"a": minute}).url("a")}, LiveConfig(transport=transport))
    watcher.wait(lambda: len(watcher.frames("gate")) >= 30)
    frames = watcher.frames("gate")[3:]  # connecting takes a moment, so the first ones come in one burst
    assert gaps(frames) == 0
    assert [frame.index for frame in frames] == list(range(3, 3 + len(frames)))
    steps = np.diff([frame.t_seconds for frame in frames])
    assert (steps > 0).all()
    assert np.median(steps) == pytest.approx(1 / RATE, abs=0.02)
    assert all(frame.t_seconds <= (frame.t_arrival_seconds or 0) for frame in frames)
    assert frames[0].image.shape == (64, 96, 3)
    health = watcher.cameras["gate"].health
    assert health.opened is not None
    assert (health.opened.width, health.opened.height, health.opened.codec) == (96, 64, "h264")
    assert (health.state, health.losses, health.problem) == (CameraState.ONLINE, 0, "")


def test_the_cameras_own_clock_can_be_trusted(serve: Serve, watch: Watch, minute: Path) -> None:
    config = LiveConfig(trust_camera_clock=True, backoff=QUICK.backoff)
    watcher = watch({"gate": serve(mounts={"a": minute}).url("a")}, config)
    health = watcher.cameras["gate"]
    watcher.wait(lambda: health.health.camera_ahead_seconds is not None)  # with the first RTCP report
    watcher.wait(lambda: (health.health.camera_ahead_seconds or 0) < 0)
    assert health.health.delay_seconds == pytest.approx(-(health.health.camera_ahead_seconds or 0))
    assert 0 < health.health.delay_seconds < 1  # server and reader have one clock
    moments = [batch.t_seconds for batch in watcher.batches]
    assert moments == sorted(set(moments))


def test_a_picture_is_there_before_the_next_one_is_sent(serve: Serve, watch: Watch, tmp_path: Path) -> None:
    """FFmpeg's parser hands a picture on when the next one begins, a second late here."""
    clip = write_clip(tmp_path / "slow.ts", [float(n) for n in range(60)], gop=5, b_frames=0)
    config = LiveConfig(trust_camera_clock=True, backoff=QUICK.backoff)
    watcher = watch({"gate": serve(mounts={"a": clip}).url("a")}, config)
    health = watcher.cameras["gate"]
    watcher.wait(lambda: len(watcher.frames("gate")) >= 18)  # its gaps are known by then, and its clock
    assert health.health.camera_ahead_seconds is not None
    assert health.health.delay_seconds < 0.8
    assert gaps(watcher.frames("gate")) == 0


@pytest.mark.parametrize("hardware", ["auto", "off"])
def test_a_device_decodes_if_there_is_one_and_if_it_shall(
    serve: Serve, watch: Watch, minute: Path, caplog: pytest.LogCaptureFixture, hardware: str
) -> None:
    with caplog.at_level(logging.INFO):
        watcher = watch({"gate": serve(mounts={"a": minute}).url("a")}, LiveConfig(hardware_decoding=hardware))
        watcher.wait(lambda: len(watcher.frames("gate")) >= 2)
    kind = "software" if hardware == "off" else (hardware_for("h264") or ["software"])[0]
    said = [record.getMessage() for record in caplog.records]
    assert said == [f"camera gate: online (h264 96x64, decoder: {kind})"]


def test_the_end_of_a_stream_is_a_loss_and_the_camera_comes_back(serve: Serve, watch: Watch, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "short.ts", [n / RATE for n in range(15)], gop=5)
    watcher = watch({"gate": serve(mounts={"a": clip}).url("a")})
    watcher.wait(lambda: watcher.losses("gate") >= 2)
    moments = [batch.t_seconds for batch in watcher.batches]
    assert moments == sorted(set(moments))
    lost_at = [place for place, batch in enumerate(watcher.batches) if batch.lost_cameras]
    assert len(watcher.batches[lost_at[0] + 1 : lost_at[1]]) >= 5  # pictures of the second connection
    assert watcher.cameras["gate"].health.problem in ("the stream ended", "")


def test_a_frozen_server_takes_only_its_own_camera_offline(serve: Serve, watch: Watch, minute: Path) -> None:
    frozen, healthy = serve(mounts={"a": minute}), serve(mounts={"b": minute})
    watcher = watch({"frozen": frozen.url("a"), "healthy": healthy.url("b")})
    watcher.wait(lambda: min(len(watcher.frames("frozen")), len(watcher.frames("healthy"))) >= 10)
    before, dropped = len(watcher.frames("healthy")), watcher.cameras["healthy"].health.dropped
    frozen.freeze()
    watcher.wait(lambda: watcher.losses("frozen") == 1)
    assert "no picture for 1.5 s" in watcher.cameras["frozen"].health.problem
    time.sleep(2)
    assert watcher.state("frozen") is not CameraState.ONLINE
    frozen.thaw()
    seen = len(watcher.frames("frozen"))
    watcher.wait(lambda: len(watcher.frames("frozen")) >= seen + 5)
    healthy_frames = watcher.frames("healthy")[before:]
    assert len(healthy_frames) > 30
    # a machine that is busy with other things may cost pictures, and then says so
    assert gaps(healthy_frames) <= watcher.cameras["healthy"].health.dropped - dropped
    assert watcher.losses("healthy") == 0


def test_a_server_that_never_answers_does_not_delay_the_others(serve: Serve, watch: Watch, minute: Path) -> None:
    mute = MuteServer()
    watcher = watch({"mute": mute.url, "gate": serve(mounts={"a": minute}).url("a")}, NEVER)
    watcher.wait(lambda: len(watcher.frames("gate")) >= 5)
    assert watcher.state("mute") is CameraState.CONNECTING
    mute.stop()


def test_a_server_that_never_answers_is_offline_and_not_lost(watch: Watch) -> None:
    mute = MuteServer()
    watcher = watch({"mute": mute.url}, LiveConfig(opening_seconds=2.0))
    watcher.wait(lambda: watcher.state("mute") is CameraState.OFFLINE)
    assert watcher.frames("mute") == []
    assert watcher.losses("mute") == 0  # it was never there
    mute.stop()


def test_a_wrong_password_is_said_once_and_shown_nowhere(
    serve: Serve, watch: Watch, minute: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    server = serve(mounts={"a": minute}, user="eve", password="right")
    with caplog.at_level(logging.DEBUG):
        watcher = watch({"gate": server.url("a", f"eve:{PASSWORD}@")})
        shown = subprocess.run(["ps", "axww"], capture_output=True, text=True).stdout
        watcher.wait(lambda: watcher.state("gate") is CameraState.OFFLINE)
        shown += subprocess.run(["ps", "axww"], capture_output=True, text=True).stdout
        time.sleep(1)  # long enough for a retry, were it not for the long pause
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert warnings == [f"camera gate: offline: name or password refused (rtsp://eve:***@127.0.0.1:{server.port}/a)"]
    everything = [shown, caplog.text, repr(watcher.cameras["gate"].health), *capfd.readouterr()]
    assert not any(PASSWORD in text for text in everything)


def test_the_right_password_opens(serve: Serve, watch: Watch, minute: Path) -> None:
    server = serve(mounts={"a": minute}, user="eve", password=PASSWORD)
    watcher = watch({"gate": server.url("a", f"eve:{PASSWORD}@")})
    watcher.wait(lambda: len(watcher.frames("gate")) >= 3)


def test_nobody_answers(watch: Watch, caplog: pytest.LogCaptureFixture) -> None:
    mute = MuteServer()
    url = mute.url
    mute.stop()
    watcher = watch({"gate": url})
    watcher.wait(lambda: watcher.state("gate") is CameraState.OFFLINE)
    assert watcher.cameras["gate"].health.problem == "Connection refused"
    time.sleep(1)
    assert len(caplog.records) == 1  # retried several times, said once


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


def test_under_overload_pictures_are_dropped_and_the_rest_is_fresh(serve: Serve, watch: Watch, minute: Path) -> None:
    watcher = watch({"gate": serve(mounts={"a": minute}).url("a")}, step_seconds=0.35)
    watcher.wait(lambda: len(watcher.frames("gate")) >= 12, seconds=30)
    health = watcher.cameras["gate"].health
    assert health.dropped >= 20
    assert watcher.batcher.lost_frames["gate"] == health.dropped + health.errors
    age = monotonic() - watcher.origin - watcher.frames("gate")[-1].t_seconds
    assert age < 12 * (0.35 - 1 / RATE) / 2  # half of what it were if frames had queued


def test_a_lower_rate_can_be_asked_for(serve: Serve, watch: Watch, minute: Path) -> None:
    config = LiveConfig(most_frames_per_second=2.5, backoff=QUICK.backoff)
    watcher = watch({"gate": serve(mounts={"a": minute}).url("a")}, config)
    watcher.wait(lambda: len(watcher.frames("gate")) >= 8)
    steps = np.diff([frame.t_seconds for frame in watcher.frames("gate")][2:])
    assert np.median(steps) == pytest.approx(0.4, abs=0.05)
    assert watcher.cameras["gate"].health.dropped <= 1


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize(("name", "codec"), [("clip.h265.ts", "hevc"), ("none.jpeg", "mjpeg")])
def test_cameras_of_other_codecs(
    serve: Serve, watch: Watch, tmp_path: Path, name: str, codec: str, transport: str
) -> None:
    if name.endswith(".ts"):
        write_clip(tmp_path / name, [n / RATE for n in range(60 * RATE)], gop=RATE, b_frames=0)
    config = replace(QUICK, transport=transport, opening_seconds=60.0)
    watcher = watch({"gate": serve(mounts={"a": tmp_path / name}).url("a")}, config)
    watcher.wait(lambda: len(watcher.frames("gate")) >= 20)
    health = watcher.cameras["gate"].health
    assert health.opened is not None
    assert health.opened.codec == codec
    assert (health.losses, health.errors) == (0, 0)
    if codec == "hevc":
        assert gaps(watcher.frames("gate")[3:]) == 0


def test_a_camera_that_sends_jpegs_over_http(watch: Watch) -> None:
    server = JpegServer(pictures=30, rate=RATE)
    watcher = watch({"gate": server.url})
    watcher.wait(lambda: watcher.losses("gate") == 1)
    frames = watcher.frames("gate")
    assert len(frames) >= 25
    assert frames[0].image.shape == (64, 96, 3)
    assert gaps(frames) <= 30 - len(frames)
    server.stop()


def test_a_first_look(serve: Serve, minute: Path) -> None:
    server = serve(mounts={"a": minute}, user="eve", password="right")
    probe = probe_camera("gate", server.url("a", "eve:right@"), QUICK)
    assert probe.snapshot.shape == (64, 96, 3)
    assert (probe.opened.width, probe.opened.height, probe.opened.codec) == (96, 64, "h264")
    with pytest.raises(OmnitrackError, match=r"camera gate: name or password refused \(rtsp://eve:\*\*\*@") as caught:
        probe_camera("gate", server.url("a", f"eve:{PASSWORD}@"), QUICK)
    assert PASSWORD not in str(caught.value)
    assert reader_processes() == []


def test_cameras_are_read_one_by_one_too(serve: Serve, minute: Path) -> None:
    url = serve(mounts={"a": minute}).url("a")
    camera = LiveCamera("gate", url, monotonic(), QUICK, time_offset_seconds=1e6)
    frames = iter(camera)
    taken = [next(frames) for _ in range(5)]
    assert [frame.index for frame in taken] == list(range(5))
    assert all(1e6 < frame.t_seconds < 1e6 + 600 for frame in taken), "a clock that is known to be wrong is corrected"
    camera.close()
    assert next(frames, None) is None
    assert camera.health.state is CameraState.CLOSED


def test_closing_is_prompt_whatever_the_camera_does(serve: Serve, watch: Watch, minute: Path) -> None:
    mute, frozen = MuteServer(), serve(mounts={"a": minute})
    watcher = watch({"mute": mute.url, "frozen": frozen.url("a")}, NEVER)
    watcher.wait(lambda: len(watcher.frames("frozen")) >= 3)
    frozen.freeze()
    watcher.close()  # the ten minutes that both might have are not waited for
    assert reader_processes() == []
    mute.stop()


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


def test_readers_do_not_outlive_a_process_that_is_killed(serve: Serve, minute: Path) -> None:
    script = (
        "from time import monotonic\n"
        "from tracker.video.live import LiveCamera\n"
        "if __name__ == '__main__':\n"
        f"    for frame in LiveCamera('gate', '{serve(mounts={'a': minute}).url('a')}', monotonic()):\n"
        "        print(frame.index, flush=True)\n"
    )
    (minute.parent / "watching.py").write_text(script)
    environment = os.environ | {"PYTHONPATH": os.getcwd()}
    parent = subprocess.Popen(
        [sys.executable, minute.parent / "watching.py"], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "0\n"
    tree = subprocess.run(["pgrep", "-P", str(parent.pid)], capture_output=True, text=True).stdout.split()
    assert len(tree) == 1
    parent.kill()
    parent.communicate()
    deadline = monotonic() + 20
    while any(Path(f"/proc/{child}").exists() for child in tree):
        assert monotonic() < deadline
        time.sleep(0.05)


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


def test_two_cameras_need_two_names() -> None:
    origin = monotonic()
    twins = [LiveCamera("gate", "rtsp://127.0.0.1/a", origin), LiveCamera("gate", "rtsp://127.0.0.1/b", origin)]
    with pytest.raises(OmnitrackError, match="two cameras are named 'gate'"):
        LiveBatcher(twins, origin)
