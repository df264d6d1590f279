from collections.abc import Iterator

import pytest

from tests.inference.file_server import FileServer, serving


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving() as running:
        yield running
