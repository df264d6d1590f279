import csv
import json
from io import StringIO
from pathlib import Path

import cv2
import pytest
import typer
from typer.testing import CliRunner

from tests.store.test_crops import film
from tests.store.walk import Stay, event, record
from tracker.cli import history, identities
from tracker.core.types import IdentityEventKind
from tracker.errors import OmnitrackError
from tracker.store.session import open_store

app = typer.Typer()
app.command()(identities.identities)
app.command()(history.history)
runner = CliRunner()


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "omnitrack.db"
    stays = [Stay("west", 1, 1, 0, 100), Stay("east", 1, 1, 150, 250), Stay("west", 2, 2, 200, 300)]
    with open_store(path) as store:
        record(store, stays, [event(IdentityEventKind.MERGED, 1, previous=2)])
    return path


def output(*arguments: object) -> str:
    result = runner.invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_identities_as_a_table(database: Path) -> None:
    lines = output("identities", "--db", database).splitlines()
    (row,) = [line for line in lines if "provisional" in line]
    assert "east, west" in row
    assert "30.0 s" in row


def test_identities_as_json_and_csv(database: Path) -> None:
    (person,) = json.loads(output("identities", "--db", database, "--json"))["identities"]
    (row,) = csv.DictReader(StringIO(output("identities", "--db", database, "--csv")))
    assert (person["id"], person["sightings"], person["cameras"]) == (1, 3, ["east", "west"])
    assert (row["id"], row["sightings"], row["cameras"]) == ("1", "3", "east west")
    assert row["first_seen"] == person["first_seen"]


def test_nobody_is_exit_code_1(database: Path) -> None:
    result = runner.invoke(app, ["identities", "--db", str(database), "--since", "2026-12-24", "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["identities"] == []
    assert "nobody was seen" in result.stderr


def test_history_of_a_merged_identity_says_so(database: Path) -> None:
    result = runner.invoke(app, ["history", "2", "--db", str(database)])
    assert "identity 2 was merged into 1" in result.stderr
    assert "identity 1, provisional, seen 3 times" in result.stdout
    assert "meanwhile" in result.stdout


def test_history_as_json_and_csv(database: Path) -> None:
    found = json.loads(output("history", 1, "--db", database, "--json"))
    rows = list(csv.DictReader(StringIO(output("history", 1, "--db", database, "--csv"))))
    assert [visit["next_camera"] for visit in found["visits"]] == ["east", "west", None]
    assert [row["next_camera"] for row in rows] == ["east", "west", ""]
    assert [row["start"] for row in rows] == [visit["start"] for visit in found["visits"]]


def test_bad_requests_are_named(database: Path, tmp_path: Path) -> None:
    def refused(words: str, *arguments: object) -> None:
        with pytest.raises(OmnitrackError, match=words):
            output(*arguments)

    refused("identity 77 does not exist", "history", 77, "--db", database)
    refused("none.db: does not exist", "identities", "--db", tmp_path / "none.db")
    refused("exclude each other", "identities", "--db", database, "--json", "--csv")
    refused('time "noonish"', "identities", "--db", database, "--since", "noonish")


def test_pictures_of_each_sighting(tmp_path: Path) -> None:
    with open_store(tmp_path / "omnitrack.db") as store:
        film(store, [Stay("west", 1, 1, 0, 60), Stay("east", 1, 1, 100, 160), Stay("west", 2, 1, 200, 260)], 2)
    shown = output("history", 1, "--db", tmp_path / "omnitrack.db", "--out", tmp_path / "sheet.jpg", "--json")
    assert [visit["crops"] for visit in json.loads(shown)["visits"]] == [2, 2, 2]
    picture = cv2.imread(str(tmp_path / "sheet.jpg"))
    assert picture is not None
    assert picture.shape[1] == 3 * 176


def test_pictures_that_were_not_kept_are_missed(database: Path, tmp_path: Path) -> None:
    with pytest.raises(OmnitrackError, match="no pictures were kept"):
        output("history", 1, "--db", database, "--out", tmp_path / "sheet.jpg")
    assert not (tmp_path / "sheet.jpg").exists()
