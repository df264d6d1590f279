from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tests.store.walk import DIMENSION, EPOCH, Stay, begin, crowd, embedding, event, record, unhurried
from tracker.core.types import FloatArray, IdentityEventKind
from tracker.errors import NotFoundError, OmnitrackError
from tracker.store.models import Embedding, Identity, Tracklet
from tracker.store.packing import unpack_vector
from tracker.store.privacy import forget
from tracker.store.scope import restrict
from tracker.store.session import Store, open_store
from tracker.store.similar import AppearanceIndex, MatchFilter, require_network, similar_people

STAYS = [
    Stay("west", 1, 1, 0, 60),
    Stay("east", 1, 1, 100, 150),
    Stay("west", 2, 2, 0, 60),
    Stay("east", 2, 3, 200, 260),
    Stay("west", 3, None, 0, 60),
]
ANNA, BOB, EVE = (embedding(Stay("", 0, person, 0, 0)) for person in (1, 2, 3))


@pytest.fixture
def index(store: Store) -> Iterator[AppearanceIndex]:
    record(store, STAYS)
    with AppearanceIndex(store) as opened:
        opened.refresh()
        yield opened


def ids(store: Store, index: AppearanceIndex, look: FloatArray, *conditions: object, top: int = 10) -> list[int]:
    with store.read() as connection:
        chosen = MatchFilter(*conditions)  # type: ignore[arg-type]
        return [match.identity_id for match in similar_people(connection, index, look, chosen, top=top)]


def test_the_most_similar_comes_first_and_everybody_once(store: Store, index: AppearanceIndex) -> None:
    with store.read() as connection:
        found = similar_people(connection, index, BOB)
    assert (found[0].identity_id, found[0].camera, found[0].start) == (2, "west", EPOCH)
    assert found[0].score == pytest.approx(1, abs=1e-3)
    assert [match.score for match in found] == sorted((match.score for match in found), reverse=True)
    assert sorted(match.identity_id for match in found) == [1, 2, 3]
    assert ids(store, index, ANNA, top=1) == [1]


def test_where_and_when(store: Store, index: AppearanceIndex) -> None:
    late = EPOCH + timedelta(seconds=18)
    assert sorted(ids(store, index, ANNA, "west")) == [1, 2]
    assert ids(store, index, ANNA, None, late) == [3]
    assert sorted(ids(store, index, ANNA, None, None, late)) == [1, 2]
    assert ids(store, index, ANNA, "west", late) == []
    with pytest.raises(NotFoundError, match="camera north"):
        ids(store, index, ANNA, "north")


def test_hidden_cameras_are_not_searched(store: Store, index: AppearanceIndex) -> None:
    with store.read() as connection:
        restrict(connection, ("west",))
        found = similar_people(connection, index, EVE)
    assert {match.identity_id for match in found} == {1, 2}
    assert {match.camera for match in found} == {"west"}


def test_the_index_follows_what_is_written_merged_and_erased(store: Store, index: AppearanceIndex) -> None:
    assert len(index) == 4
    record(store, [Stay("west", 9, 9, 0, 50)], [event(IdentityEventKind.MERGED, 1, previous=2)])
    index.refresh()
    assert sorted(ids(store, index, ANNA)) == [1, 3, 9]
    assert len(index) == 5
    forget(store, 1)
    assert sorted(ids(store, index, ANNA)) == [3, 9]  # even before it is told
    index.refresh()
    assert len(index) == 2
    forget(store, 3)  # the index holds no old view open, so that the log can be emptied


@settings(unhurried, max_examples=15)
@given(st.lists(st.tuples(st.integers(1, 5), st.integers(4, 40)), min_size=1, max_size=8), st.integers(1, 6))
def test_the_answer_is_that_of_all_products(
    tmp_path_factory: pytest.TempPathFactory, people: list[tuple[int, int]], top: int
) -> None:
    look = embedding(Stay("", 0, 77, 0, 0))
    with open_store(tmp_path_factory.mktemp("store") / "a.db") as store, AppearanceIndex(store) as index:
        record(store, [Stay("west", number, person, 0, last) for number, (person, last) in enumerate(people)])
        index.refresh()
        best: dict[int, float] = {}
        with store.read() as connection:
            rows = select(Identity.survivor_id, Embedding.vector).select_from(Embedding)
            rows = rows.join(Tracklet, Tracklet.id == Embedding.tracklet_id)
            for person, vector in connection.execute(rows.join(Identity, Identity.id == Tracklet.identity_id)):
                best[person] = max(best.get(person, -1.0), float(unpack_vector(vector) @ look))
            found = similar_people(connection, index, look, top=top)
    expected = sorted(best.values(), reverse=True)[:top]
    np.testing.assert_allclose([match.score for match in found], expected, atol=1e-6)
    np.testing.assert_allclose([best[match.identity_id] for match in found], expected, atol=1e-6)


def test_more_sightings_than_are_looked_at_one_by_one(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracker.store.similar._FEW", 3)
    monkeypatch.setattr("tracker.store.similar._PER_PERSON", 1)
    record(store, [*crowd(1, 3), *[Stay("east", number, 50, 10 * number, 10 * number + 8) for number in range(9)]])
    with AppearanceIndex(store) as index:
        index.refresh()
        assert len(ids(store, index, embedding(Stay("", 0, 50, 0, 0)), top=25)) == 25
        assert len(ids(store, index, ANNA, "west", top=5)) == 5


def test_an_empty_database_has_nobody(tmp_path: Path) -> None:
    with open_store(tmp_path / "a.db") as store, AppearanceIndex(store) as index:
        index.refresh()
        assert ids(store, index, ANNA) == []
        begin(store)
        index.refresh()
        assert ids(store, index, ANNA) == []


def test_a_database_without_appearance_says_so(store: Store) -> None:
    with store.read() as connection, pytest.raises(OmnitrackError, match="holds no appearance"):
        require_network(connection, "osnet", DIMENSION)


def test_vectors_of_another_network_are_refused(store: Store, index: AppearanceIndex) -> None:
    with store.read() as connection:
        require_network(connection, "osnet", DIMENSION)
        for name, dimension in (("other", DIMENSION), ("osnet", 512)):
            with pytest.raises(OmnitrackError, match=f"appearance by osnet .dimension {DIMENSION}., the photo"):
                require_network(connection, name, dimension)
    with pytest.raises(ValueError, match="look must have shape"):
        index.nearest(np.zeros(512, np.float32), 1)
