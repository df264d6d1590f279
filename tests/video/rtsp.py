"""Starting, freezing and killing the RTSP server of rtsp_server.py; fixtures for the tests of live cameras."""

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

SYSTEM_PYTHON = Path("/usr/bin/python3")
_PROBE = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"


def need_rtsp_server() -> pytest.MarkDecorator:
    """A mark that skips where the RTSP server cannot run."""
    there = SYSTEM_PYTHON.exists() and not subprocess.call([SYSTEM_PYTHON, "-c", _PROBE], stderr=subprocess.DEVNULL)
    reason = "needs Debian's gir1.2-gst-rtsp-server-1.0, python3-gi and gstreamer1.0-plugins-good and -bad"
    return pytest.mark.skipif(not there, reason=reason)


class RtspServer:
    """One server process; a port is kept over restarts."""

    def __init__(self, mounts: dict[str, Path], user: str | None = None, password: str = "", port: int = 0) -> None:
        self._arguments = [f"{name}={path}" for name, path in mounts.items()]
        if user is not None:
            self._arguments += ["--user", user, "--password", password]
        self.port = port
        self.start()

    def start(self) -> None:
        script = Path(__file__).with_name("rtsp_server.py")
        command = [str(SYSTEM_PYTHON), str(script), *self._arguments, "--port", str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def url(self, name: str, credentials: str = "") -> str:
        return f"rtsp://{credentials}127.0.0.1:{self.port}/{name}"

    def freeze(self) -> None:
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)

    def stop(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
            self._process.communicate()


class MuteServer:
    """Accepts connections and never answers."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self._socket.getsockname()[1]}/mute"

    def stop(self) -> None:
        self._socket.close()
