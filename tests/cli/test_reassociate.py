import json
from datetime import timedelta
from pathlib import Path

import pytest
import typer
from sqlalchemy import select, update
from typer.testing import CliRunner

from tests.store.test_reassociating import STAYS, record_true
from tests.store.walk import EPOCH, Stay
from tracker.cli.corrections import undo
from tracker.cli.reassociate import reassociate
from tracker.errors import OmnitrackError
from tracker.store.models import Event, Link, RunCamera, Tracklet
from tracker.store.queries import identities
from tracker.store.session import open_store

app = typer.Typer()
app.command()(reassociate)
app.command()(undo)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "omnitrack.db"
    with open_store(path) as store:
        record_true(store, STAYS)
    (tmp_path / "long.yaml").write_text("matcher: {memory_seconds: 60}\n")
    (tmp_path / "ways.yaml").write_text(
        "matcher: {memory_seconds: 60}\ntopology: {connections: [{from: west, to: east, mean: 2, std: 1}]}\n"
    )
    return path


def output(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def people(database: Path) -> list[int]:
    with open_store(database) as store, store.read() as connection:
        return [row.id for row in identities(connection).rows]


def test_shown_then_applied_then_taken_back(database: Path) -> None:
    arguments = ("reassociate", "--db", database, "--config", database.parent / "long.yaml")
    said = output(*arguments)
    assert "7 sightings of 5 people would be sightings of 3 people" in said
    assert [line.split()[1:6:2] for line in said.splitlines() if "merged" in line] == [
        ["merged", "3", "2"],
        ["merged", "5", "1"],
    ]
    assert people(database) == [1, 2, 3, 4, 5]
    assert "are sightings of 3 people" in output(*arguments, "--apply")
    assert people(database) == [1, 2, 4]
    assert "no difference" in output(*arguments)
    assert "undone: the re-association of 0 sighting(s), 2 merged and 0 new identities" in output(
        "undo", "--db", database
    )
    assert people(database) == [1, 2, 3, 4, 5]


def test_as_json_of_one_run(database: Path) -> None:
    arguments = ("reassociate", "--db", database, "--run", 1, "--config", database.parent / "ways.yaml", "--json")
    found = json.loads(output(*arguments))
    assert (found["people_before"], found["people_after"], found["applied"]) == (5, 3, False)
    assert {change["kind"] for change in found["changes"]} == {"merged"}


def test_the_way_back_may_take_its_own_time(database: Path) -> None:
    ways = "{from: west, to: east, mean: 2, std: 1}, {from: east, to: west, mean: 9, std: 3}"
    (database.parent / "back.yaml").write_text(
        f"matcher: {{memory_seconds: 60}}\ntopology: {{connections: [{ways}]}}\n"
    )
    arguments = ("reassociate", "--db", database, "--config", database.parent / "back.yaml", "--json")
    assert json.loads(output(*arguments))["people_after"] == 3


def test_two_configurations_are_compared(database: Path) -> None:
    (database.parent / "short.yaml").write_text("matcher: {memory_seconds: 5}\n")
    compared = ("--config", database.parent / "short.yaml", "--compare", database.parent / "long.yaml")
    arguments = ("reassociate", "--db", database, *compared)
    found = json.loads(output(*arguments, "--json"))
    long = str(database.parent / "long.yaml")
    assert found["people"] == {"stored": 5, "configured": 4, long: 3}
    shares = {(row["one"], row["other"]): row["agreement"] for row in found["agreements"]}
    assert shares["configured", long] == pytest.approx(2 * 3 / (3 + 5))
    assert [change["kind"] for change in found["changes"]] == ["merged"]
    assert "75.0%" in output(*arguments)
    assert people(database) == [1, 2, 3, 4, 5]


def test_a_camera_of_the_topology_may_have_seen_nobody_in_the_part_compared(database: Path) -> None:
    """Only west saw somebody after the first 25 seconds; the ways to east are as known as ever."""
    since = (EPOCH + timedelta(seconds=25)).isoformat()
    arguments = (
        "reassociate",
        "--db",
        database,
        "--since",
        since,
        "--compare",
        database.parent / "ways.yaml",
        "--json",
    )
    assert set(json.loads(output(*arguments))["people"].values()) == {1}


def test_who_was_followed_on_the_ground_stays_together_and_that_is_said(database: Path) -> None:
    """West 3 and east 3, as if they had been in view at one time."""
    with open_store(database) as store, store.write() as connection:
        third = select(Tracklet.id).where(Tracklet.track_id == 3)
        connection.execute(update(Tracklet).where(Tracklet.id.in_(third)).values(end_us=Tracklet.end_us + 3_000_000))
        linked = select(Event.id).where(Event.tracklet_id.in_(third))
        connection.execute(update(Link).where(Link.event_id.in_(linked)).values(rule="ground"))
    result = CliRunner().invoke(app, ["reassociate", "--db", str(database)], catch_exceptions=False)
    assert "2 of these sightings were followed on the ground" in result.stderr


def test_ways_and_calibration_can_be_named(database: Path) -> None:
    ways, square = database.parent / "walks.yaml", database.parent / "square.yaml"
    ways.write_text("connections: [{from: west, to: east, mean: 2, std: 1}]\n")
    matrix = [[0.01, 0, 0], [0, 0.01, 0], [0, 0, 1]]
    square.write_text(json.dumps({"cameras": {"west": {"size": [500, 500], "image_to_ground": matrix}}}))
    long = ("--config", database.parent / "long.yaml")
    arguments = ("reassociate", "--db", database, *long, "--topology", ways, "--calibration", square, "--json")
    assert json.loads(output(*arguments))["people_after"] == 3


def test_each_side_of_a_comparison_goes_by_its_own_places(tmp_path: Path) -> None:
    """Who comes back to west after 3 s stands some 50 m from where the look-alike had left it."""
    database = tmp_path / "omnitrack.db"
    with open_store(database) as store:
        record_true(store, [*STAYS[:-1], Stay("west", 4, 5, 130, 230)])
        with store.write() as connection:
            connection.execute(update(RunCamera).values(width=600, height=600))
    wide, long, placed, moving = (tmp_path / f"{name}.yaml" for name in ("wide", "long", "placed", "moving"))
    matrix = [[0.2, 0, 0], [0, 0.2, 0], [0, 0, 1]]
    wide.write_text(json.dumps({"cameras": {"west": {"size": [600, 600], "image_to_ground": matrix}}}))
    long.write_text("matcher: {memory_seconds: 60}\n")
    placed.write_text(long.read_text() + f"ground: {{calibration: [{wide}]}}\n")
    moving.write_text(placed.read_text() + "cameras: [{name: west, source: west.mp4, moving: true}]\n")

    def counted(config: Path, *arguments: object) -> dict[str, int]:
        found = output("reassociate", "--db", database, "--config", config, "--json", *arguments)
        return dict(json.loads(found)["people"])

    assert counted(long, "--compare", placed) == {"stored": 5, "configured": 3, str(placed): 4}
    assert counted(placed, "--compare", long) == {"stored": 5, "configured": 4, str(long): 3}
    assert counted(long, "--calibration", wide, "--compare", long) == {"stored": 5, "configured": 4, str(long): 3}
    assert counted(placed, "--compare", moving)[str(moving)] == 3


def test_a_history_without_cameras_is_judged_with_a_calibration(tmp_path: Path) -> None:
    with open_store(tmp_path / "empty.db"):
        pass
    camera = {"size": [640, 360], "image_to_ground": [[0.01, 0, 0], [0, 0.01, 0], [0, 0, 1]]}
    (tmp_path / "site.yaml").write_text(json.dumps({"cameras": {"gate": camera}}))
    arguments = ("reassociate", "--db", tmp_path / "empty.db", "--calibration", tmp_path / "site.yaml", "--json")
    assert json.loads(output(*arguments))["people_after"] == 0


def test_bad_requests_are_named(database: Path) -> None:
    def refused(words: str, *arguments: object) -> None:
        with pytest.raises(OmnitrackError, match=words):
            output("reassociate", "--db", database, *arguments)

    refused("exclude each other", "--apply", "--compare", database.parent / "long.yaml")
    refused("run 9 is not in the database", "--run", 9)
    (database.parent / "strange.yaml").write_text(
        "topology: {connections: [{from: west, to: moon, mean: 2, std: 1}]}\n"
    )
    refused("moon", "--config", database.parent / "strange.yaml")
    refused("no such topology file", "--topology", database.parent / "nowhere.yaml")
    refused("cannot be read", "--calibration", database.parent / "nowhere.yaml")
    camera = {"size": [640, 360], "image_to_ground": [[0.01, 0, 0], [0, 0.01, 0], [0, 0, 1]]}
    for name, words in (("moon", "calibrates moon, but the cameras are"), ("west", "calibrated for pictures of 640 x")):
        file = database.parent / f"{name}.yaml"
        file.write_text(json.dumps({"cameras": {name: camera}}))
        refused(words, "--calibration", file)
