import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tests.store.walk import Stay, event, record
from tracker.cli.explain import explain
from tracker.core.types import IdentityEventKind
from tracker.errors import OmnitrackError
from tracker.store.corrections import rename_identity, split_identity
from tracker.store.session import open_store

app = typer.Typer()
app.command()(explain)
FIRST, SECOND = 1_000_000_001, 1_000_000_002


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "omnitrack.db"
    stays = [Stay("west", 1, 1, 0, 100), Stay("east", 1, 2, 150, 250)]
    with open_store(path) as store:
        record(store, stays, [event(IdentityEventKind.MERGED, 1, previous=2)])
        with store.write() as connection:
            split_identity(connection, 1, SECOND)
            rename_identity(connection, 1, "Anna")
    return path


def output(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_links_corrections_and_constraints_as_tables(database: Path) -> None:
    said = output(FIRST, "--db", database)
    assert f"tracklet {FIRST} is identity 1 (Anna)" in said
    (link,) = [line for line in said.splitlines() if "run 1" in line]
    for word in ("is 1", "west", "appearance", "0.90", "0.80", "transit 0.50", "7: 0.30"):
        assert word in link
    assert "split 1 and 3" in said
    assert "is never the same person as" in said
    moved = output(SECOND, "--db", database)
    assert "2 is 1" not in moved
    assert "a person" in moved


def test_the_same_as_json(database: Path) -> None:
    found = json.loads(output(1, "--db", database, "--json"))
    assert found["identity_id"] == 1
    assert [link["kind"] for link in found["links"]] == ["assigned", "assigned", "merged", "revised"]
    assert found["links"][0]["parts"] == {"transit": 0.5}


def test_an_unknown_number_is_an_error(database: Path) -> None:
    with pytest.raises(OmnitrackError, match="neither an identity nor a tracklet"):
        output(99, "--db", database)
