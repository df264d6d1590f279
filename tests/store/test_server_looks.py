"""Search by the server itself: the tests of the index again on a PostgreSQL with pgvector, and what differs."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from tests.store import test_similar
from tests.store.postgres import Server, server, with_pgvector
from tests.store.test_postgresql import repeating
from tests.store.walk import Stay, crowd, embedding, record
from tracker.store import server_looks
from tracker.store.packing import pack_vector
from tracker.store.privacy import forget
from tracker.store.server_looks import ServerLooks
from tracker.store.session import Store, open_store
from tracker.store.similar import AppearanceIndex, open_looks, similar_people

PROGRAMS = with_pgvector()
pytestmark = pytest.mark.skipif(PROGRAMS is None, reason="Python's package pgserver is not installed")


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Server]:
    with server(PROGRAMS) as running:
        yield running


@pytest.fixture
def store(postgresql: Server) -> Iterator[Store]:
    with open_store(postgresql.new_database()) as opened:
        with opened.write() as connection:
            connection.execute(text("CREATE EXTENSION vector"))
        yield opened


@repeating(test_similar, {"test_an_empty_database_has_nobody", "test_more_sightings_than_are_looked_at_one_by_one"})
class TestSimilar:
    @pytest.fixture
    def index(self, store: Store) -> Iterator[ServerLooks]:
        record(store, test_similar.STAYS)
        with ServerLooks(store) as opened:
            opened.refresh()
            yield opened


def test_the_answer_is_that_of_the_index_in_memory(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_looks, "_AT_ONCE", 7)
    record(store, crowd(1, 5))
    look = embedding(Stay("", 0, 777, 0, 0))
    with ServerLooks(store) as server, AppearanceIndex(store) as memory, store.read() as connection:
        for index in (server, memory):
            index.refresh()
            assert len(index) == 50
        found, expected = (similar_people(connection, index, look, top=20) for index in (server, memory))
    assert [match.identity_id for match in found] == [match.identity_id for match in expected]
    np.testing.assert_allclose([m.score for m in found], [m.score for m in expected], atol=1e-6)


def test_looks_that_change_are_taken_in_again(store: Store) -> None:
    record(store, [Stay("west", 1, 1, 0, 50)])
    look = embedding(Stay("", 0, 5, 0, 0))
    with ServerLooks(store) as index:
        index.refresh()
        with store.write() as connection:
            connection.execute(text("UPDATE embeddings SET vector = :v, weight = weight + 1"), {"v": pack_vector(look)})
        index.refresh()
        assert index.nearest(look, 1)[1][0] == pytest.approx(1, abs=1e-3)


def test_nothing_of_the_forgotten_stays(store: Store) -> None:
    record(store, [Stay("west", 1, 1, 0, 50), Stay("west", 2, 2, 0, 50)])
    with ServerLooks(store) as index:
        index.refresh()
        forget(store, 1)
        assert len(index) == 1


def test_databases_without_it_are_searched_in_memory(postgresql: Server, store: Store, tmp_path: Path) -> None:
    with open_store(postgresql.new_database()) as plain, open_store(tmp_path / "a.db") as file:
        kinds = []
        for opened in (store, plain, file):
            with open_looks(opened) as index:
                index.refresh()
                assert len(index) == 0
                kinds.append(type(index))
    assert kinds == [ServerLooks, AppearanceIndex, AppearanceIndex]
