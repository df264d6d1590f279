"""The Python of docs/store.md runs as it is printed there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.walk import Stay, begin, record
from tests.web.server import serving
from tracker.store.session import open_store
from tracker.store.tables import TableFilter, write_tables

ROOT = Path(__file__).parents[1]
SCRIPTS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "store.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server over the database that a run would have left in the present folder."""
    monkeypatch.chdir(tmp_path)
    with open_store("omnitrack_output/omnitrack.db") as store:
        record(store, [Stay("gate", 1, 1, 0, 100), Stay("yard", 2, 1, 150, 250)], run=begin(store, ("gate", "yard")))
    with serving(tmp_path / "omnitrack_output" / "omnitrack.db") as server:
        yield server.url


def test_every_way_to_ask_is_shown() -> None:
    assert ["open_store" in script for script in SCRIPTS] == [True, False, False]
    assert "read_parquet" in SCRIPTS[1]
    assert "Client(" in SCRIPTS[2]


def test_the_examples_run(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with open_store("omnitrack_output/omnitrack.db") as store, store.read() as connection:
        write_tables(connection, Path("tables"), TableFilter())
    for script in SCRIPTS:
        exec(compile(script.replace("http://localhost:8000", url), "docs/store.md", "exec"), {})
    assert "gate" in capsys.readouterr().out
