from pathlib import Path

import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from tests.store.walk import Stay, record
from tracker.cli.tables import tables
from tracker.errors import OmnitrackError
from tracker.store.session import open_store

app = typer.Typer()
app.command()(tables)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    with open_store(tmp_path / "omnitrack.db") as store:
        record(store, [Stay("west", 1, 1, 0, 100), Stay("east", 2, 1, 150, 250)])
    return tmp_path / "omnitrack.db"


def write(database: Path, folder: Path, *options: str) -> str:
    arguments = [str(folder), "--db", str(database), *options]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_the_whole_history(database: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert write(database, out).splitlines() == [
        f"{out}/sightings: 2 rows",
        f"{out}/boxes: 202 rows",
        f"{out}/events: 2 rows",
        f"{out}/places: 0 rows",
        f"{out}/embeddings: 2 rows",
    ]
    assert pl.read_parquet(out / "sightings")["camera"].to_list() == ["west", "east"]


def test_a_part_of_it(database: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ("--only", "boxes", "--camera", "east", "--since", "2026-11-01T12:00:10Z", "--until", "2026-11-02")
    assert write(database, out, *options) == f"{out}/boxes: 101 rows\n"


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--only", "faces"], "--only faces: there are sightings, boxes"), (["--camera", "north"], "camera north")],
)
def test_what_is_not_there_is_named(database: Path, tmp_path: Path, options: list[str], words: str) -> None:
    with pytest.raises(OmnitrackError, match=words):
        write(database, tmp_path / "out", *options)
    assert not (tmp_path / "out").exists()
