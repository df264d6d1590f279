"""`main.py init` against a real RTSP server: what it writes, and where passwords do not go."""

import os
import stat
from pathlib import Path

import cv2
import pytest

from tests.cli.test_commands import omnitrack
from tests.video.clips import write_clip
from tests.video.rtsp import MuteServer, RtspServer, need_rtsp_server
from tracker.cli.init import named
from tracker.config import load_config, with_secrets
from tracker.errors import OmnitrackError
from tracker.operation.site import Seen, contact_sheet, without_secrets

SECRET = "canary:4@f2'e"


@need_rtsp_server()
def test_cameras_that_answer_and_others(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.ts", [n / 10 for n in range(300)], gop=10)
    server = RtspServer({"one": clip, "two": clip}, "eve", SECRET)
    out = tmp_path / "site.yaml"
    urls = [
        f"gate={server.url('one', f'eve:{SECRET}@')}",
        server.url("two", f"eve:{SECRET}@"),
        f"wrong={server.url('one', 'eve:canary-no@')}",
        "closed=rtsp://127.0.0.1:1/x",
    ]
    try:
        arguments = [part for url in urls for part in ("--rtsp", url)]
        done = omnitrack("init", *arguments, "--out", out, "--timeout", "120")
    finally:
        server.stop()
    assert done.returncode == 1
    complaints = done.stderr.splitlines()
    assert [line.split(": ")[1] for line in complaints] == ["wrong", "closed"], done.stderr
    assert "name or password refused" in complaints[0]
    assert "canary" not in done.stdout + done.stderr + out.read_text()
    environment = out.with_suffix(".env")
    assert stat.S_IMODE(environment.stat().st_mode) == 0o600
    config = load_config(out)
    assert [camera.name for camera in config.cameras] == ["gate", "camera2", "wrong", "closed"]
    sheet = cv2.imread(str(out.with_suffix(".png")))
    assert sheet is not None
    assert sheet.shape == (540, 960, 3)
    assert sheet[:270, :480].std() > 10, "a picture"
    again = omnitrack("init", "--rtsp", "rtsp://127.0.0.1:1/x", "--out", out, "--timeout", "1")
    assert again.returncode == 2
    assert "exists already" in again.stderr


def test_a_camera_that_accepts_and_never_answers_is_written_all_the_same(tmp_path: Path) -> None:
    mute, out = MuteServer(), tmp_path / "site.yaml"
    try:
        done = omnitrack("init", "--rtsp", f"mute={mute.url}", "--out", out, "--timeout", "1")
    finally:
        mute.stop()
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "mute: no picture within 1 s" in done.stderr
    assert load_config(out).cameras[0].name == "mute"
    assert not out.with_suffix(".png").exists()


def test_secrets_return_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"rtsp://eve:{SECRET}@10.0.0.2:554/one?channel=1&password=x%20y"
    shown, secrets = without_secrets("2nd gate", url)
    assert shown == (
        "rtsp://${CAMERA_2ND_GATE_USER}:${CAMERA_2ND_GATE_PASSWORD}@10.0.0.2:554/one"
        "?channel=1&password=${CAMERA_2ND_GATE_SECRET_1}"
    )
    for name, value in secrets.items():
        monkeypatch.setitem(os.environ, name, value)
    assert with_secrets(shown, "camera") == url


@pytest.mark.parametrize("url", ["rtsp://10.0.0.2/one", "0", "rtsp://10.0.0.2/a@b/one"])
def test_addresses_without_secrets_stay(url: str) -> None:
    assert without_secrets("gate", url) == (url, {})


@pytest.mark.parametrize(
    ("texts", "complaint"),
    [
        (["gate.mp4"], "is no address of a camera"),
        (["a b=rtsp://x/1"], "'a b' is no name"),
        (["a=rtsp://x/1", "A=rtsp://x/2"], "two cameras are named 'A'"),
        (["gate=ftp://eve:canary@x"], r"eve:\*\*\*@x: is no address"),
    ],
)
def test_bad_addresses_are_refused(texts: list[str], complaint: str) -> None:
    with pytest.raises(OmnitrackError, match=complaint):
        named(texts)


def test_a_sheet_of_cameras_that_did_not_answer_is_dark() -> None:
    assert contact_sheet([Seen("gate", "rtsp://x", problem="away")]).shape == (270, 480, 3)
