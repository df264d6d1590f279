import csv
import json
from datetime import datetime
from io import StringIO
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tests.store.walk import Stay, record
from tracker.cli import presence
from tracker.errors import OmnitrackError
from tracker.store.session import open_store

app = typer.Typer()
for command in (presence.who, presence.together, presence.transitions, presence.occupancy, presence.last_seen):
    app.command()(command)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "omnitrack.db"
    with open_store(path) as store:
        record(store, [Stay("west", 1, 1, 0, 100), Stay("west", 2, 2, 50, 120), Stay("east", 1, 1, 150, 250)])
    return path


def output(database: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, [*arguments, "--db", str(database)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


COMMANDS = [("who", "west"), ("together", "1"), ("transitions",), ("occupancy", "--bucket", "1h"), ("last-seen",)]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_answer_is_the_same_as_table_json_and_csv(database: Path, command: tuple[str, ...]) -> None:
    rows = json.loads(output(database, *command, "--json"))
    lines = list(csv.DictReader(StringIO(output(database, *command, "--csv"))))
    table = [line for line in output(database, *command).splitlines() if line.startswith("│")]
    assert len(rows) == len(lines) == len(table) > 0
    assert list(rows[0]) == list(lines[0])


def test_what_the_answers_say(database: Path) -> None:
    assert [row["identity_id"] for row in json.loads(output(database, "who", "west", "--json"))] == [1, 2]
    (company,) = json.loads(output(database, "together", "1", "--json"))
    assert (company["identity_id"], company["seconds"]) == (2, 5.0)
    (way,) = json.loads(output(database, "transitions", "--json"))
    assert (way["from_camera"], way["to_camera"], way["mean_seconds"]) == ("west", "east", 5.0)
    assert [row["camera"] for row in json.loads(output(database, "last-seen", "--json"))] == ["east", "west"]


def test_occupancy_ends_with_the_data(database: Path) -> None:
    rows = json.loads(output(database, "occupancy", "--bucket", "1h", "--camera", "west", "--json"))
    assert len(rows) == 25
    assert [row["people"] for row in rows][-2:] == [0, 2]
    assert datetime.fromisoformat(rows[0]["start"]).minute == 0


def test_nobody_is_exit_code_1(database: Path) -> None:
    arguments = ["who", "west", "--since", "2026-12-24", "--db", str(database)]
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert (result.exit_code, json.loads(result.stdout)) == (1, [])
    assert "nobody was seen" in result.stderr
    assert CliRunner().invoke(app, arguments).stdout == ""


def test_a_bad_bucket_is_refused(database: Path) -> None:
    with pytest.raises(OmnitrackError, match='length "15": not understood'):
        output(database, "occupancy", "--bucket", "15")


def test_an_unknown_camera_is_named(database: Path) -> None:
    with pytest.raises(OmnitrackError, match="camera north: is not in the database; it knows east, west"):
        output(database, "who", "north")


@pytest.mark.parametrize("style", ["--json", "--csv"])
def test_programs_are_told_on_standard_error_that_more_rows_follow(database: Path, style: str) -> None:
    arguments = ["who", "west", style, "--limit", "1", "--db", str(database)]
    first = CliRunner().invoke(app, arguments, catch_exceptions=False)
    last = CliRunner().invoke(app, [*arguments, "--page", "2"], catch_exceptions=False)
    beyond = CliRunner().invoke(app, [*arguments, "--page", "3"], catch_exceptions=False)
    assert "--page 2 shows them" in first.stderr
    assert "--page" not in first.stdout
    assert last.stderr == ""
    assert (beyond.exit_code, beyond.stderr) == (1, "there are not so many pages\n")
