from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from tests.store.walk import Stay, record
from tracker.store import migrations
from tracker.store.migrations import migrate
from tracker.store.models import Base
from tracker.store.session import REVISION, Store, open_store
from tracker.store.ways import add_up

REVISIONS = [
    script.revision
    for script in reversed(list(ScriptDirectory(str(Path(migrations.__file__).parent)).walk_revisions()))
]


def test_the_migrations_end_in_the_models(store: Store) -> None:
    with store.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_the_program_knows_the_last_revision() -> None:
    assert REVISIONS[-1] == REVISION
    assert sorted(REVISIONS) == REVISIONS


def rows(store: Store) -> dict[str, int]:
    with store.read() as connection:
        return {
            table: connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            for table in Base.metadata.tables
        }


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_every_revision_goes_down_and_up_with_data(tmp_path: Path, revision: str) -> None:
    with open_store(tmp_path / "a.db") as store:
        record(store, [Stay("west", 1, 1, 0, 80), Stay("east", 1, 1, 100, 120)])
        with store.write() as connection:
            add_up(connection)
        before = rows(store)
        with store.rebuild() as connection:
            migrate(connection, revision)
    with open_store(tmp_path / "a.db") as store:
        assert rows(store) == before


def test_the_first_revision_goes_down_to_nothing(store: Store) -> None:
    record(store, [Stay("west", 1, 1, 0, 80)])
    with store.rebuild() as connection:
        migrate(connection, "base")
        left = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").scalars()
        assert left.all() == ["alembic_version"]
