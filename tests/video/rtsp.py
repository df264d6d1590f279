"""Cameras for the tests: the RTSP server of rtsp_server.py, one that never answers, one that sends JPEGs."""

import os
import signal
import socket
import subprocess
import threading
import time
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import pytest

from tests.video.clips import picture

SYSTEM_PYTHON = Path("/usr/bin/python3")
_PROBE = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"


@cache
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


class JpegServer:
    """A web camera as of old: an endless multipart answer with a JPEG per part, ended after some pictures."""

    def __init__(self, pictures: int, rate: float) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # the base class's name
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=cut")
                self.end_headers()
                for number in range(pictures):
                    data = cv2.imencode(".jpg", picture(number))[1].tobytes()
                    head = f"--cut\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                    self.wfile.write(head.encode() + data + b"\r\n")
                    time.sleep(1 / rate)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/video"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
