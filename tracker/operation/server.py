"""A small port for whoever watches over a run: /health and /metrics."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from tracker.errors import OmnitrackError
from tracker.operation.metrics import RunCollector
from tracker.operation.status import RunStatus


@contextmanager
def status_server(status: RunStatus, host: str, port: int) -> Iterator[int]:
    """Serve while the context lasts; yields the port (port 0 takes a free one). /health answers 503 while failing.

    Raises OmnitrackError when the port cannot be had.
    """
    registry = CollectorRegistry()
    registry.register(RunCollector(status))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the base class's name
            if self.path == "/health":
                health = status.health()
                code = 503 if health["status"] == "failing" else 200
                self._answer(code, "application/json", json.dumps(health).encode())
            elif self.path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest(registry))
            else:
                self._answer(404, "text/plain", b"/health or /metrics\n")

        def _answer(self, code: int, kind: str, body: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Somebody asks every few seconds: nothing to tell."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Whoever hangs up early does not matter."""

    try:
        server = Server((host, port), Handler)
    except OSError as error:
        raise OmnitrackError(
            f"operation.port: {host}:{port} cannot be had ({error.strerror}); choose another port"
        ) from None
    thread = Thread(target=server.serve_forever, args=(0.1,), name="status server", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
