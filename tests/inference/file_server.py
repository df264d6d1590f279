"""A local HTTP server whose answers can be made to fail in chosen ways."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class FileServer:
    """Serves files[path]; breaks: after how many bytes the next answers are cut off; ranges: the Range headers seen."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    breaks: list[int] = field(default_factory=list)
    failures: list[int] = field(default_factory=list)
    ranges: list[str | None] = field(default_factory=list)
    honours_ranges: bool = True

    def url(self, path: str) -> str:
        return f"{self.address}{path}"


def _handler(server: FileServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            server.ranges.append(wanted)
            if server.failures:
                self.send_error(server.failures.pop(0))
                return
            content = server.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and server.honours_ranges else 0
            if start >= len(content):
                self.send_error(416)
                return
            body = content[start:]
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: server.breaks.pop(0)] if server.breaks else body)

        def log_message(self, format: str, *args: object) -> None:
            """Keeps the test's output clean."""

    return Handler


@contextmanager
def serving() -> Iterator[FileServer]:
    """A server on a free port, running in a thread until the end of the block."""
    server = FileServer()
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
    server.address = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
