from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tests.store.walk import Stay, record
from tracker.cli import corrections
from tracker.store.queries import identities
from tracker.store.session import open_store

app = typer.Typer()
for command in (corrections.merge, corrections.split, corrections.rename, corrections.undo):
    app.command()(command)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "omnitrack.db"
    with open_store(path) as store:
        record(store, [Stay("west", 1, 1, 0, 50), Stay("east", 1, 1, 60, 90), Stay("west", 2, 2, 60, 90)])
    return path


def output(database: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, [*arguments, "--db", str(database)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout.strip()


def ids(database: Path) -> list[int]:
    with open_store(database) as store, store.read() as connection:
        return [row.id for row in identities(connection).rows]


def test_each_command_says_what_it_did(database: Path) -> None:
    assert output(database, "merge", "2", "1") == "identity 1 is identity 2 from now on"
    assert ids(database) == [2]
    assert output(database, "undo") == "undone: identity 1 is identity 2 from now on"
    assert ids(database) == [1, 2]
    said = output(database, "split", "1", "1000000003", "--only")
    assert said == "1 sighting(s) of identity 1 belong to the new identity 3"
    assert ids(database) == [1, 2, 3]
    assert output(database, "rename", "2", "Anna") == "identity 2 is called 'Anna'"
    assert output(database, "rename", "2", "") == "identity 2 has no name"


def test_a_dry_run_changes_nothing(database: Path) -> None:
    assert output(database, "merge", "2", "1", "--dry-run") == "would do: identity 1 is identity 2 from now on"
    assert ids(database) == [1, 2]
