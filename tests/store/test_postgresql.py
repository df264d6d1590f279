"""The history on a PostgreSQL server: the tests of a file's history again, and what differs."""

import inspect
import json
import threading
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import create_engine, text
from typer.testing import CliRunner

from tests.store import (
    test_corrections,
    test_crops,
    test_presence,
    test_privacy,
    test_queries,
    test_similar,
    test_sink,
    test_stretches,
    test_tokens,
    test_ways,
)
from tests.store.postgres import Server, needs_postgresql, server
from tests.store.walk import Stay, crowd, event, record
from tests.web import test_routes
from tests.web.conftest import Api, fill
from tracker.cli.app import app as command_line
from tracker.core.types import IdentityEventKind
from tracker.errors import OmnitrackError
from tracker.store.catalogue import changes
from tracker.store.corrections import rename_identity
from tracker.store.location import StoreWaitError
from tracker.store.maintenance import backup, check
from tracker.store.migrations import migrate
from tracker.store.queries import identities
from tracker.store.scope import restrict
from tracker.store.session import REVISION, Store, open_store
from tracker.store.similar import AppearanceIndex

pytestmark = needs_postgresql


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Server]:
    with server() as running:
        open_store(running.new_database()).close()  # history1: empty, with all tables
        yield running


@pytest.fixture(scope="class")
def recorded(request: pytest.FixtureRequest, postgresql: Server) -> Iterator[Store]:
    """Filled as the module wants it whose tests the class repeats."""
    with open_store(postgresql.new_database("history1")) as opened:
        request.cls.fill(opened)
        yield opened


@pytest.fixture
def store(postgresql: Server) -> Iterator[Store]:
    with open_store(postgresql.new_database("history1")) as opened:
        yield opened


def repeating(module: ModuleType, leave_out: Collection[str] = ()) -> Callable[[type], type]:
    """Gives a class all tests of a module that take a store and do not make one of their own."""

    def repeat(case: type) -> type:
        for name, test in vars(module).items():
            if name.startswith("test_") and name not in leave_out:
                arguments = inspect.signature(test).parameters
                if not {"store", "recorded"}.isdisjoint(arguments):
                    setattr(case, name, staticmethod(test))
        return case

    return repeat


@repeating(test_sink, {"test_a_failure_of_the_writer_reaches_the_pipeline"})
class TestSink: ...


@repeating(test_ways)
class TestWays: ...


@repeating(test_stretches)
class TestStretches: ...


@repeating(test_queries)
class TestQueries: ...


@repeating(test_presence)
class TestPresence:
    @staticmethod
    def fill(store: Store) -> None:
        record(store, test_presence.STAYS, [event(IdentityEventKind.MERGED, 1, previous=4)])
        with store.write() as connection:
            rename_identity(connection, 3, "Anna")


@repeating(test_corrections)
class TestCorrections:
    @staticmethod
    def fill(store: Store) -> None:
        record(store, test_corrections.STAYS)


@repeating(test_privacy, {"test_nothing_of_a_forgotten_person_is_left_in_any_file"})
class TestPrivacy: ...


@repeating(test_tokens, {"test_the_secret_is_nowhere_in_the_file"})
class TestTokens: ...


@repeating(test_crops, {"test_forgetting_erases_every_byte_of_them"})
class TestCrops: ...


@repeating(test_similar, {"test_an_empty_database_has_nobody"})
class TestSimilar:
    @pytest.fixture
    def index(self, store: Store) -> Iterator[AppearanceIndex]:
        record(store, test_similar.STAYS)
        with AppearanceIndex(store) as opened:
            opened.refresh()
            yield opened


class TestApi:
    @pytest.fixture
    def api(self, store: Store) -> Api:
        fill(store)
        return Api(store)

    test_everybody_with_a_token_may_ask = staticmethod(test_routes.test_everybody_with_a_token_may_ask)
    test_who_sees_one_camera = staticmethod(test_routes.test_who_sees_one_camera_learns_nothing_of_others)


def test_every_revision_goes_down_and_up(store: Store) -> None:
    record(store, [Stay("west", 1, 1, 0, 80)])
    with store.write() as connection:
        for revision in ("base", REVISION):
            migrate(connection, revision)
        assert identities(connection).rows == ()


def test_who_sees_one_camera_sees_no_other(store: Store) -> None:
    record(store, [Stay("west", 1, 1, 0, 50), Stay("east", 2, 2, 0, 50)])
    for cameras, people in ((("west",), [1]), (None, [1, 2]), ((), []), (("east",), [2])):
        with store.read() as connection:
            if cameras is not None:
                restrict(connection, cameras)
            assert [person.id for person in identities(connection).rows] == people


def test_writers_come_one_after_the_other(store: Store) -> None:
    """Ids of events grow in the order of their commits: whoever resumes after the last one misses none."""
    record(store, crowd(1, 1))
    seen: list[int] = []

    def rename(person: int) -> None:
        for turn in range(5):
            with store.write() as connection:
                rename_identity(connection, person, f"turn {turn}")

    threads = [threading.Thread(target=rename, args=(person,)) for person in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as connection:
        seen = [change.id for change in changes(connection, 0)]
        assert seen == sorted(seen)
        assert connection.scalar(text("SELECT count(*) FROM audit")) == 20
        assert check(connection) == []


def test_the_command_line_takes_the_url(store: Store) -> None:
    record(store, [Stay("west", 1, 1, 0, 50)])
    url = store.name.replace("%2F", "/")
    found = CliRunner().invoke(command_line, ["identities", "--json", "--db", url])
    assert json.loads(found.stdout)["identities"][0]["id"] == 1
    assert "back it up with pg_dump" in CliRunner().invoke(command_line, ["db", "migrate", "--db", url]).stdout
    assert CliRunner().invoke(command_line, ["db", "check", "--db", url]).exit_code == 0


def test_what_a_server_does_itself_is_left_to_it(store: Store, tmp_path: Path) -> None:
    with pytest.raises(OmnitrackError, match="is on a server, use its own tools"):
        backup(store, tmp_path / "copy.db")


def test_a_database_that_cannot_be_used_is_named(postgresql: Server) -> None:
    for url, kind, words in (
        (postgresql.url("nothing"), OmnitrackError, "the server does not know it"),
        (f"postgresql://anna:secret@/history1?host={postgresql.folder}", OmnitrackError, "or not the user"),
        ("postgresql://anna:secret@127.0.0.1:1/history", StoreWaitError, "cannot be reached"),
        ("postgresql://anna:secret@127.0.0.1:1", OmnitrackError, "names no database"),
    ):
        with pytest.raises(kind, match=words) as refusal:
            open_store(url)
        assert "secret" not in str(refusal.value)
    with pytest.raises(OmnitrackError, match="is empty"):
        open_store(postgresql.new_database(), create=False)


def test_databases_of_other_programs_are_left_alone(postgresql: Server) -> None:
    url = postgresql.new_database()
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE theirs (id int)"))
    engine.dispose()
    with pytest.raises(OmnitrackError, match="belongs to another program"):
        open_store(url)
