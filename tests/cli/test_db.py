import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.store.walk import Stay, record
from tracker.cli import db
from tracker.cli.output import size
from tracker.store.location import stored_revision
from tracker.store.migrations import migrate
from tracker.store.session import REVISION, open_store


@pytest.fixture
def database(tmp_path: Path) -> Path:
    with open_store(tmp_path / "omnitrack.db") as store:
        record(store, [Stay("west", 1, 1, 0, 50)])
    return tmp_path / "omnitrack.db"


def output(*arguments: object, exit_code: int = 0) -> str:
    result = CliRunner().invoke(db.app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == exit_code
    return result.stdout


def test_backup(database: Path, tmp_path: Path) -> None:
    said = output("backup", tmp_path / "copy.db", "--db", database)
    assert said == f"{tmp_path / 'copy.db'}: {size((tmp_path / 'copy.db').stat().st_size)}\n"


def test_check(database: Path) -> None:
    assert "all is well" in output("check", "--db", database)
    with sqlite3.connect(database) as raw:
        raw.execute("UPDATE tracklets SET observation_count = 50")
    raw.close()
    assert "should have 50 boxes and has 51" in output("check", "--db", database, exit_code=1)


def test_migrate_keeps_a_backup_of_the_old_schema(database: Path, tmp_path: Path) -> None:
    assert "is up to date" in output("migrate", "--db", database)
    with open_store(database) as store, store.rebuild() as connection:
        migrate(connection, "0001")
    assert f"schema {REVISION}" in output("migrate", "--db", database)
    assert stored_revision(database) == REVISION
    assert stored_revision(tmp_path / "omnitrack.db.schema-0001") == "0001"


def test_vacuum(database: Path) -> None:
    assert " -> " in output("vacuum", "--db", database)


def test_sizes_are_readable() -> None:
    assert [size(n) for n in (0, 999, 1_000, 1_234_567, 5_000_000_000)] == [
        "0 bytes",
        "999 bytes",
        "1.0 kB",
        "1.2 MB",
        "5.0 GB",
    ]
