"""A live run as a service: watched over HTTP, its cameras changed while it goes on, ended by SIGTERM."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from socket import create_server
from time import monotonic
from types import SimpleNamespace
from typing import Any, cast
from urllib.error import URLError
from urllib.request import urlopen

from tests.cli.test_commands import EAST, ROOT, WEST, first_frames
from tests.events.receiver import Receiver
from tests.video.rtsp import RtspServer, need_rtsp_server
from tracker.cli.execute import reread_on_hangup
from tracker.config import Config
from tracker.run import Run

SECRET, WRONG = "canary-2c8d", "canary-77e1"


def until(condition: Callable[[], bool], seconds: float = 300.0) -> bool:
    deadline = monotonic() + seconds
    while not condition() and monotonic() < deadline:
        time.sleep(0.2)
    return condition()


class Site:
    """A configuration that can change, and what its run says of itself. One camera, `shut`, refuses the password."""

    def __init__(self, folder: Path, server: RtspServer, hook: str) -> None:
        with create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.file = folder / "site.yaml"
        self._server, self._hook = server, hook

    def write(self, *cameras: str) -> None:
        source = self._server.url("{name}", "eve:${{CAMERA_PASSWORD}}@")
        line = "- {{name: {name}, source: '" + source + "', zones: [{{name: all of it, polygon: {all}}}]}}\n"
        area = "[[0, 0], [1, 0], [1, 1], [0, 1]]"
        self.file.write_text(
            f"models: {{download: false}}\noperation: {{port: {self.port}, log: json}}\n"
            f"events: {{webhook: {{url: '{self._hook}', secret: '${{HOOK_SECRET}}'}}}}\ncameras:\n"
            + "".join(line.format(name=name, all=area) for name in cameras)
            + f"- {{name: shut, source: '{self._server.url('west', 'eve:${WRONG_PASSWORD}@')}'}}\n",
            encoding="utf-8",
        )

    def health(self) -> dict[str, Any]:
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5) as answer:
                health: dict[str, Any] = json.loads(answer.read())
                return health
        except URLError:
            return {"status": "not there", "cameras": {}}

    def bodies(self) -> str:
        """Whatever it answers."""
        answers = []
        for path in ("health", "metrics"):
            with urlopen(f"http://127.0.0.1:{self.port}/{path}", timeout=60) as answer:
                answers.append(answer.read().decode())
        return "\n".join(answers)

    def online(self) -> set[str]:
        return {name for name, camera in self.health()["cameras"].items() if camera["state"] == "online"}


class Applied:
    """A roster that keeps what it was asked for."""

    def __init__(self) -> None:
        self.configs: list[Config] = []

    def apply(self, config: Config) -> list[str]:
        self.configs.append(config)
        return []


def test_a_hangup_while_a_run_begins_or_ends_does_not_kill_it() -> None:
    run = cast(Run, SimpleNamespace(roster=Applied()))
    applied = cast(Applied, run.roster).configs
    with reread_on_hangup(Config) as request:
        os.kill(os.getpid(), signal.SIGHUP)
        assert applied == []
        with request.served(run):
            assert until(lambda: len(applied) == 1)
            os.kill(os.getpid(), signal.SIGHUP)
            assert until(lambda: len(applied) == 2)
        os.kill(os.getpid(), signal.SIGHUP)
    assert len(applied) == 2


@need_rtsp_server()
def test_cameras_come_and_go_while_the_others_stay(tmp_path: Path) -> None:
    streams = {file.stem: first_frames(file, tmp_path / f"{file.stem}.ts", 795) for file in (WEST, EAST)}
    server = RtspServer(streams, user="eve", password=SECRET)
    environment = {k: v for k, v in os.environ.items() if k != "OMNITRACK_MODELS"}
    environment |= {"CAMERA_PASSWORD": SECRET, "HOOK_SECRET": SECRET, "WRONG_PASSWORD": WRONG}
    out, log = tmp_path / "out", tmp_path / "log"
    with Receiver() as receiver, log.open("w") as stderr:
        site = Site(tmp_path, server, receiver.url)
        site.write("west")
        command = [sys.executable, str(ROOT / "main.py"), "run", "--config", str(site.file), "--out", str(out)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=environment)
        try:
            assert until(lambda: site.online() == {"west"}), log.read_text()
            site.write("west", "east")
            process.send_signal(signal.SIGHUP)
            assert until(lambda: site.online() == {"west", "east"}), log.read_text()
            assert site.health()["cameras"]["west"]["losses"] == 0
            assert until(lambda: "password refused" in site.health()["cameras"]["shut"]["problem"]), log.read_text()
            answered = site.bodies()
            assert 'omnitrack_camera_online{camera="shut"} 0.0' in answered
            assert until(lambda: any(request.message["kind"] == "entered" for request in receiver.requests))
            site.file.write_text("cameras: [{name: west}]")
            process.send_signal(signal.SIGHUP)
            assert until(lambda: "stays as it is" in log.read_text())
            site.write("east")
            process.send_signal(signal.SIGHUP)
            assert until(lambda: site.online() == {"east"}), log.read_text()
            process.send_signal(signal.SIGTERM)
            stdout, _ = process.communicate(timeout=300)
        finally:
            process.kill()
            process.wait()
            server.stop()
    assert process.returncode == 0, log.read_text()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    said = [line["event"] for line in lines]
    assert "camera east: added" in said
    assert "camera west: removed" in said
    assert sum("name or password refused" in line for line in said) == 1
    assert {line["level"] for line in lines if "stays as it is" in line["event"]} == {"error"}
    with sqlite3.connect(out / "omnitrack.db") as database:
        assert {name for (name,) in database.execute("SELECT name FROM cameras")} == {"west", "east", "shut"}
        zones = database.execute("SELECT c.name, z.name FROM zones z JOIN cameras c ON c.id = z.camera_id")
        assert set(zones) == {("west", "all of it"), ("east", "all of it")}
        assert database.execute("SELECT finished_us FROM runs").fetchone()[0] is not None
    database.close()
    sent = "".join(f"{request.headers}{request.message}" for request in receiver.requests)
    stored = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
    for secret in (SECRET, WRONG):
        assert secret not in stdout + log.read_text() + sent + answered
        assert secret.encode() not in stored
