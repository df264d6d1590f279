"""How live cameras are opened, and what is said when that fails: against a real RTSP server."""

import logging
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from time import monotonic

import pytest

from tests.video.rtsp import MuteServer, need_rtsp_server
from tests.video.watching import NEVER, PASSWORD, PATIENT, Serve, Watch, reader_processes
from tracker.errors import OmnitrackError
from tracker.video.camera import CameraState
from tracker.video.live import LiveCamera
from tracker.video.live_batching import LiveBatcher
from tracker.video.probing import probe_camera

pytestmark = need_rtsp_server()


def test_a_first_look(serve: Serve, minute: Path) -> None:
    server = serve(mounts={"a": minute}, user="eve", password="right")
    probe = probe_camera("gate", server.url("a", "eve:right@"), PATIENT)
    assert probe.snapshot.shape == (64, 96, 3)
    assert (probe.opened.width, probe.opened.height, probe.opened.codec) == (96, 64, "h264")
    with pytest.raises(OmnitrackError, match=r"camera gate: name or password refused \(rtsp://eve:\*\*\*@") as caught:
        probe_camera("gate", server.url("a", f"eve:{PASSWORD}@"), PATIENT)
    assert PASSWORD not in str(caught.value)
    assert reader_processes() == []


def test_a_server_that_never_answers_does_not_delay_the_others(serve: Serve, watch: Watch, minute: Path) -> None:
    mute = MuteServer()
    watcher = watch({"mute": mute.url, "gate": serve(mounts={"a": minute}).url("a")}, NEVER)
    watcher.wait(lambda: len(watcher.frames("gate")) >= 5)
    assert watcher.state("mute") is CameraState.CONNECTING
    mute.stop()


def test_a_server_that_never_answers_is_offline_and_not_lost(watch: Watch) -> None:
    mute = MuteServer()
    watcher = watch({"mute": mute.url}, replace(PATIENT, opening_seconds=2.0))
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


def test_two_cameras_need_two_names() -> None:
    origin = monotonic()
    twins = [LiveCamera("gate", "rtsp://127.0.0.1/a", origin), LiveCamera("gate", "rtsp://127.0.0.1/b", origin)]
    with pytest.raises(OmnitrackError, match="two cameras are named 'gate'"):
        LiveBatcher(twins, origin)
