"""Live cameras from the command line, against a real RTSP server."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.test_commands import EAST, ROOT, WEST, first_frames, omnitrack, tracklets_in
from tests.video.rtsp import RtspServer, need_rtsp_server

SECRET = "canary-7f3a"


@need_rtsp_server()
def test_live_cameras_are_followed_until_ctrl_c_and_the_password_goes_nowhere(tmp_path: Path) -> None:
    streams = {file.stem: first_frames(file, tmp_path / f"{file.stem}.ts", 795) for file in (WEST, EAST)}
    server = RtspServer(streams, user="eve", password=SECRET)
    config = tmp_path / "site.yaml"
    urls = {name: server.url(name, "eve:${CAMERA_PASSWORD}@") for name in ("west", "east")}
    config.write_text(
        "models: {download: false}\ncameras:\n"
        + "".join(f"- {{name: {name}, source: '{url}'}}\n" for name, url in urls.items()),
        encoding="utf-8",
    )
    out = tmp_path / "out"
    environment = {k: v for k, v in os.environ.items() if k != "OMNITRACK_MODELS"} | {"CAMERA_PASSWORD": SECRET}
    command = [sys.executable, str(ROOT / "main.py"), "run", "--config", str(config), "--out", str(out)]
    try:
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        ) as process:
            deadline = time.monotonic() + 300
            while time.monotonic() < deadline and process.poll() is None and not tracklets_in(out / "omnitrack.db"):
                time.sleep(0.2)
            processes = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout
            process.send_signal(signal.SIGINT)
            stdout, stderr = process.communicate(timeout=300)
    finally:
        server.stop()
    assert process.returncode == 0, stderr
    assert "Stopped; everything up to here is saved." in stdout
    assert "Traceback" not in stderr
    listed = omnitrack("identities", "--db", out / "omnitrack.db", "--csv")
    people = len(listed.stdout.splitlines()) - 1
    assert people > 0
    assert f"{people} {'person' if people == 1 else 'people'} in 2 cameras" in stdout, (
        "those known at the very end count"
    )
    assert not list(out.glob("*.mp4")), "annotated videos of live cameras are off unless asked for"
    program = [line for line in processes.splitlines() if "rtsp_server.py" not in line]
    stored = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
    assert SECRET not in stdout + stderr + "\n".join(program)
    assert SECRET.encode() not in stored


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["run", "cam=rtsp://127.0.0.1:1/x", "missing.mp4"], "missing.mp4: No such file"),
        (["run", "cam=rtsp://u:${OMNITRACK_UNSET_VARIABLE}@127.0.0.1:1/x"], "OMNITRACK_UNSET_VARIABLE is not set"),
    ],
)
def test_live_cameras_that_cannot_run_are_refused(tmp_path: Path, arguments: list[str], complaint: str) -> None:
    done = omnitrack(*arguments, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
