import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tests.store.walk import Stay, event, record
from tracker.cli.explain import explain
from tracker.core.types import IdentityEvent, IdentityEventKind, LinkEvidence
from tracker.errors import OmnitrackError
from tracker.ports import Step
from tracker.store.corrections import rename_identity, split_identity
from tracker.store.session import open_store
from tracker.video.frame import FrameBatch

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


def test_whom_a_veto_kept_away_is_in_the_last_cell(tmp_path: Path) -> None:
    """East 1 is 2, although the likelier 7 was in view of the same camera."""
    vetoed = LinkEvidence("same-instant", 0.4, 0.6, 7, 1.3, {"appearance": 0.4})
    revised = IdentityEvent(IdentityEventKind.REVISED, 100.0, 2, ("east", 1), 3, vetoed)
    with open_store(tmp_path / "omnitrack.db") as store:
        record(store, [Stay("east", 1, 3, 0, 100)], [Step(FrameBatch(100.0, {}), {}, [revised])])
    said = output(FIRST, "--db", tmp_path / "omnitrack.db")
    (link,) = [line.split("│") for line in said.splitlines() if "same-instant" in line]
    assert [cell.strip() for cell in link[-3:-1]] == ["7: 1.30", "7"]


def test_the_same_as_json(database: Path) -> None:
    found = json.loads(output(1, "--db", database, "--json"))
    assert found["identity_id"] == 1
    assert [link["kind"] for link in found["links"]] == ["assigned", "assigned", "merged", "revised"]
    assert found["links"][0]["parts"] == {"transit": 0.5}


def test_an_unknown_number_is_an_error(database: Path) -> None:
    with pytest.raises(OmnitrackError, match="neither an identity nor a tracklet"):
        output(99, "--db", database)
