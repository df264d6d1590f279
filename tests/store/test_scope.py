"""Whoever sees one camera gets the answers of a database that only this camera ever filled."""

from collections.abc import Callable, Collection
from dataclasses import fields, is_dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from tests.store.walk import EPOCH, Stay, begin, record, unhurried
from tracker.errors import NotFoundError
from tracker.store import presence, queries
from tracker.store.models import Base
from tracker.store.scope import restrict
from tracker.store.session import Store, open_store

CAMERAS = ("west", "east", "north")
SOME = queries.IdentityFilter(None, EPOCH + timedelta(seconds=3), EPOCH + timedelta(seconds=20), 2)
QUESTIONS: dict[str, Callable[[Connection], object]] = {
    "identities": lambda c: queries.identities(c),
    "some identities": lambda c: queries.identities(c, SOME),
    "history": lambda c: [queries.history(c, person) for person in people(c)],
    "together": lambda c: [presence.together(c, person) for person in people(c)],
    "transitions": lambda c: presence.transitions(c),
    "occupancy": lambda c: presence.occupancy(c, EPOCH, EPOCH + timedelta(seconds=30), timedelta(seconds=3)),
    "last seen": lambda c: presence.last_seen(c),
    "latest": presence.latest,
}


def people(connection: Connection) -> list[int]:
    return [row.id for row in queries.identities(connection).rows]


def without_row_numbers(answer: object) -> Any:
    """Rows are numbered as they come in, so those of two databases differ."""
    if is_dataclass(answer) and not isinstance(answer, type):
        names = [field.name for field in fields(answer) if field.name != "tracklet_id"]
        return {name: without_row_numbers(getattr(answer, name)) for name in names}
    if isinstance(answer, list | tuple):
        return [without_row_numbers(item) for item in answer]
    return answer


def asked(store: Store, cameras: Collection[str] | None) -> dict[str, Any]:
    with store.read() as connection:
        if cameras is not None:
            restrict(connection, cameras)
        return {name: without_row_numbers(ask(connection)) for name, ask in QUESTIONS.items()}


@st.composite
def walks(draw: st.DrawFn) -> list[Stay]:
    ends = st.tuples(st.integers(0, 200), st.integers(4, 120))
    stays = draw(st.lists(st.tuples(st.sampled_from(CAMERAS), st.integers(1, 4), ends), min_size=1, max_size=9))
    return [
        Stay(camera, number, person, first, first + length)
        for number, (camera, person, (first, length)) in enumerate(stays)
    ]


@settings(unhurried, max_examples=20)
@given(walks(), st.sets(st.sampled_from(CAMERAS), max_size=2))
def test_answers_are_those_of_a_database_without_the_other_cameras(
    tmp_path_factory: pytest.TempPathFactory, stays: list[Stay], cameras: set[str]
) -> None:
    folder = tmp_path_factory.mktemp("store")
    with open_store(folder / "all.db") as everything, open_store(folder / "some.db") as some:
        record(everything, stays, run=begin(everything, CAMERAS))
        seen = [stay for stay in stays if stay.camera in cameras]
        run = begin(some, [camera for camera in CAMERAS if camera in cameras]) if cameras else None
        if seen:
            record(some, seen, run=run)
        assert asked(everything, cameras) == asked(some, None)


@pytest.fixture
def filled(tmp_path: Path) -> Store:
    with open_store(tmp_path / "omnitrack.db") as store:
        record(store, [Stay("west", 1, 1, 0, 50), Stay("east", 2, 2, 0, 50)])
    return open_store(tmp_path / "omnitrack.db")


def counts(connection: Connection) -> dict[str, int]:
    tables = Base.metadata.tables
    return {table: connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0 for table in tables}


def test_nothing_of_other_cameras_is_in_any_table(filled: Store) -> None:
    with filled as store, store.read() as connection:
        every = counts(connection)
        restrict(connection, ("west",))
        some = counts(connection)
    for table in ("cameras", "run_cameras", "tracklets", "identities", "observations", "embeddings", "events"):
        assert every[table] == 2 * some[table] > 0, table
    assert (some["runs"], some["embedders"]) == (1, 1)
    assert {some[table] for table in ("links", "audit", "tokens", "constraints", "sequences", "wanted")} == {0}


def test_people_elsewhere_do_not_exist(filled: Store) -> None:
    with filled as store, store.read() as connection:
        restrict(connection, ("west",))
        for ask in (queries.history, presence.together):
            with pytest.raises(NotFoundError, match="identity 2 does not exist"):
                ask(connection, 2)
        with pytest.raises(NotFoundError, match="camera east: is not in the database; it knows west"):
            presence.present(connection, "east")


def test_unknown_cameras_and_none_at_all_show_nothing(filled: Store) -> None:
    with filled as store:
        for cameras in ((), ("north", "west') --")):
            with store.read() as connection:
                restrict(connection, cameras)
                assert sum(counts(connection).values()) == 1  # the embedder


def test_the_restriction_ends_with_the_transaction(filled: Store) -> None:
    with filled as store:
        for cameras, number in ((("west",), 1), (None, 2), (("west", "east"), 2), (("east",), 1), (None, 2)) * 3:
            with store.read() as connection:
                if cameras is not None:
                    restrict(connection, cameras)
                assert len(queries.identities(connection).rows) == number
