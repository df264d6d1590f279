import numpy as np
import pytest

from tests.store.walk import Stay, embedding, event, record
from tracker.core.types import IdentityEventKind
from tracker.store import lookout, wanted
from tracker.store.lookout import Lookout
from tracker.store.privacy import forget
from tracker.store.session import Store

ANN, BOB = Stay("west", 1, 1, 0, 80), Stay("east", 1, 2, 0, 80)


def test_the_list_is_known_by_number_and_by_look(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookout, "REFRESH_SECONDS", 0.0)
    run = record(store, [ANN, BOB])
    watch = Lookout(store, run)
    assert watch.by_identity(1) is None
    assert watch.by_look(embedding(ANN)) is None
    with store.write() as connection:
        wanted.add_from_identity(connection, "the thief", 1)
        wanted.add_from_looks(connection, "her friend", [embedding(BOB)])
    assert (watch.by_identity(1), watch.by_identity(2)) == ("the thief", None)
    found = watch.by_look(embedding(BOB))
    assert found is not None
    assert found[0] == "her friend"
    assert found[1] == pytest.approx(1.0, abs=1e-3)
    assert watch.by_look(np.ones(3, np.float32)) is None, "of another network"
    forget(store, 1)
    assert watch.by_identity(1) is None


def test_who_was_merged_with_somebody_wanted_is_wanted(store: Store) -> None:
    run = record(store, [ANN, BOB], [event(IdentityEventKind.MERGED, 2, 1)])
    with store.write() as connection:
        wanted.add_from_identity(connection, "the thief", 1)
    watch = Lookout(store, run)
    assert (watch.by_identity(1), watch.by_identity(2)) == ("the thief", "the thief")
