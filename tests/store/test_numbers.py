"""Numbers of identities: never the same twice, whoever draws them."""

import sqlite3
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.store.walk import begin, unhurried
from tracker.store.location import StoreError
from tracker.store.numbers import BLOCK, IdentityNumbers, new_identity_id
from tracker.store.session import Store, open_store


def test_a_new_database_counts_from_one(store: Store) -> None:
    begin(store)
    numbers = IdentityNumbers(store)
    assert [numbers() for _ in range(2 * BLOCK + 1)] == list(range(1, 2 * BLOCK + 2))
    numbers.give_back()
    assert IdentityNumbers(store)() == 2 * BLOCK + 2


@unhurried
@given(st.lists(st.sampled_from(["one", "two", "split", "end one"]), max_size=60))
def test_nobody_ever_gets_the_number_of_another(tmp_path_factory: pytest.TempPathFactory, actions: list[str]) -> None:
    with open_store(tmp_path_factory.mktemp("numbers") / "a.db") as store:
        begin(store)
        sources = {"one": IdentityNumbers(store), "two": IdentityNumbers(store)}
        given_out = []
        for action in actions:
            if action == "end one":
                sources["one"].give_back()
            elif action == "split":
                with store.write() as connection:
                    given_out.append(new_identity_id(connection))
            else:
                given_out.append(sources[action]())
    assert len(set(given_out)) == len(given_out)


def test_a_locked_database_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracker.store.session._PRAGMAS", ("PRAGMA busy_timeout = 20", "PRAGMA journal_mode = WAL"))
    monkeypatch.setattr("tracker.store.patience.RETRY_SECONDS", 0.01)
    with open_store(tmp_path / "a.db") as store:
        begin(store)
        other = sqlite3.connect(store.path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.3, lambda: other.execute("ROLLBACK"))
        release.start()
        assert IdentityNumbers(store)() == 1
        release.join()
        other.close()


def test_a_locked_database_is_not_waited_for_when_the_run_is_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracker.store.session._PRAGMAS", ("PRAGMA busy_timeout = 20", "PRAGMA journal_mode = WAL"))
    monkeypatch.setattr("tracker.store.patience.LAST_SECONDS", 0.1)
    with open_store(tmp_path / "a.db") as store, sqlite3.connect(store.path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        store.patience.hurry()
        with pytest.raises(StoreError, match=r"holds it locked.*was to end"):
            IdentityNumbers(store)()
    other.close()
