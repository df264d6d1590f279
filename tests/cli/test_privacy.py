from pathlib import Path
from zipfile import is_zipfile

import pytest
import typer
from typer.testing import CliRunner

from tests.store.walk import Stay, record
from tracker.cli import privacy
from tracker.errors import OmnitrackError
from tracker.store.queries import identities
from tracker.store.session import open_store

app = typer.Typer()
for command in (privacy.forget, privacy.retain, privacy.export):
    app.command()(command)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    with open_store(tmp_path / "omnitrack.db") as store:
        record(store, [Stay("west", 1, 1, 0, 50), Stay("west", 2, 2, 0, 50)])
    return tmp_path / "omnitrack.db"


def output(database: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, [*arguments, "--db", str(database)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout.strip()


def ids(database: Path) -> list[int]:
    with open_store(database) as store, store.read() as connection:
        return [row.id for row in identities(connection).rows]


def test_forget_erases_only_when_it_is_confirmed(database: Path) -> None:
    with pytest.raises(OmnitrackError, match="add --yes"):
        output(database, "forget", "1")
    assert output(database, "forget", "1", "--dry-run") == "would erase 1 person, 1 sighting, 51 boxes, 1 embedding"
    assert ids(database) == [1, 2]
    assert output(database, "forget", "1", "--yes") == "erased 1 person, 1 sighting, 51 boxes, 1 embedding"
    assert ids(database) == [2]


def test_retain_counts_in_days(database: Path) -> None:
    assert output(database, "retain", "--days", "36500") == "erased 0 people, 0 sightings, 0 boxes, 0 embeddings"
    assert output(database, "retain", "--days", "0", "--dry-run").startswith("would erase 2 people")
    assert output(database, "retain", "--days", "0").startswith("erased 2 people")
    assert ids(database) == []


def test_export_writes_an_archive(database: Path, tmp_path: Path) -> None:
    target = tmp_path / "anna.zip"
    assert output(database, "export", "2", "--out", str(target)) == f"{target}: 1 sighting of identity 2"
    assert is_zipfile(target)
