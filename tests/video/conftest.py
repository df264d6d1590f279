from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.video.clips import write_clip
from tests.video.rtsp import RtspServer
from tests.video.watching import RATE, Serve, Watch, Watcher


@pytest.fixture(scope="session")
def minute(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("live") / "minute.ts", [n / RATE for n in range(60 * RATE)], gop=RATE)


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[RtspServer] = []

    def start(**options: object) -> RtspServer:
        servers.append(RtspServer(**options))  # type: ignore[arg-type]  # passed on as they are
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def watch() -> Iterator[Watch]:
    watchers: list[Watcher] = []

    def start(*arguments: object, **options: object) -> Watcher:
        watchers.append(Watcher(*arguments, **options))  # type: ignore[arg-type]  # passed on as they are
        return watchers[-1]

    yield start
    for watcher in watchers:
        watcher.close()
