from collections.abc import Iterator
from pathlib import Path

import pytest

from tracker.store.session import Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "omnitrack.db") as opened:
        yield opened
