"""Search and watchlist on the command line, with the networks that need no download."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from tests.resources import MODELS, needs_models
from tests.store.test_crops import film
from tests.store.walk import Stay
from tests.uploads import photo
from tracker.cli.app import app
from tracker.cli.search import settings
from tracker.networks import build_embedder
from tracker.photos import read_photo
from tracker.store.packing import pack_vector
from tracker.store.session import open_store

pytestmark = needs_models


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Identity 2 looks like the photo."""
    folder = tmp_path_factory.mktemp("store")
    (folder / "photo.jpg").write_bytes(photo())
    config = f"models:\n  folders: ['{MODELS}']\n  download: false\n"
    (folder / "config.yaml").write_text(config)
    embedder = build_embedder(settings(folder / "config.yaml"), print)
    picture = read_photo(folder / "photo.jpg")
    height, width = picture.shape[:2]
    (looks,) = embedder.embed([picture], [np.array([[0, 0, width, height]], np.float32)])
    with open_store(folder / "omnitrack.db") as store:
        film(store, [Stay("west", 1, 1, 0, 60), Stay("west", 2, 2, 0, 60)], 1)
        with store.write() as connection:
            change = "UPDATE embedders SET name = ?, dimension = ?"
            connection.exec_driver_sql(change, (embedder.name, embedder.dimension))
            for tracklet, vector in ((1_000_000_001, -looks[0]), (1_000_000_002, looks[0])):
                connection.exec_driver_sql(
                    "UPDATE embeddings SET vector = ? WHERE tracklet_id = ?", (pack_vector(vector), tracklet)
                )
    return folder / "omnitrack.db"


def run(database: Path, *arguments: str) -> Result:
    options = ("--db", str(database))
    return CliRunner().invoke(app, [*arguments, *options])


def test_who_looks_like_the_photo(database: Path, tmp_path: Path) -> None:
    folder, sheet = database.parent, tmp_path / "sheet.jpg"
    options = ("--config", str(folder / "config.yaml"), "--out", str(sheet), "--json")
    found = run(database, "search", str(folder / "photo.jpg"), *options)
    assert found.exit_code == 0, found.output
    first, second = json.loads(found.stdout)
    assert (first["identity_id"], second["identity_id"]) == (2, 1)
    assert first["score"] == pytest.approx(1, abs=0.01)
    picture = cv2.imread(str(sheet))
    assert picture is not None
    assert picture.shape[1] == 3 * 176


def test_bad_searches_are_named(database: Path, tmp_path: Path) -> None:
    config = ("--config", str(database.parent / "config.yaml"))
    assert "none.jpg: cannot be read" in str(run(database, "search", str(tmp_path / "none.jpg"), *config).exception)
    (tmp_path / "wide.png").write_bytes(photo("PNG", (300, 100)))
    assert "nobody is on the photo" in str(run(database, "search", str(tmp_path / "wide.png"), *config).exception)


def test_the_watchlist(database: Path) -> None:
    config = ("--config", str(database.parent / "config.yaml"))
    shot = str(database.parent / "photo.jpg")
    assert run(database, "watchlist", "list").exit_code == 1
    assert run(database, "watchlist", "add", "thief", shot, shot, *config).exit_code == 0
    assert run(database, "watchlist", "add", "guest", "--identity", "1").exit_code == 0
    rows = json.loads(run(database, "watchlist", "list", "--json").stdout)
    assert [(row["name"], row["identity_id"], row["looks"]) for row in rows] == [("guest", 1, 1), ("thief", None, 2)]
    assert "name photos, or a person" in str(run(database, "watchlist", "add", "nobody").exception)
    assert run(database, "watchlist", "remove", "thief", "--dry-run").stdout == "thief would be off the watchlist\n"
    assert run(database, "watchlist", "remove", "thief").stdout == "thief is off the watchlist\n"
