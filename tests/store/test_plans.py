"""A query that reads a whole table is as slow as the history is long: what SQLite says it will do."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event

from tests.store.walk import EPOCH, Stay, record
from tracker.store import presence, queries
from tracker.store.session import Store
from tracker.store.stored_tracks import tracklets

HOUR = (EPOCH, EPOCH + timedelta(hours=1))

QUESTIONS: dict[str, Callable[[Connection], object]] = {
    "identities": queries.identities,
    "identities in an hour": lambda c: queries.identities(c, queries.IdentityFilter(None, *HOUR)),
    "identities of a camera in an hour": lambda c: queries.identities(c, queries.IdentityFilter("west", *HOUR)),
    "identities since a moment": lambda c: queries.identities(c, queries.IdentityFilter(since=EPOCH)),
    "identities of a zone": lambda c: queries.identities(c, queries.IdentityFilter(place="till")),
    "identities of a name": lambda c: queries.identities(c, queries.IdentityFilter(name="Anna")),
    "identities seen often": lambda c: queries.identities(c, queries.IdentityFilter(min_sightings=5)),
    "history": lambda c: queries.history(c, 1),
    "tracklets of a run": lambda c: list(tracklets(c, 1)),
    "present": lambda c: presence.present(c, "west", *HOUR),
    "together": lambda c: presence.together(c, 1),
    "transitions in an hour": lambda c: presence.transitions(c, *HOUR),
    "transitions of all time": presence.transitions,
    "occupancy": lambda c: presence.occupancy(c, *HOUR, timedelta(minutes=1), camera="west"),
    "latest": presence.latest,
}


def plan(store: Store, question: Callable[[Connection], object]) -> list[str]:
    steps: list[str] = []
    with store.read() as connection:

        def explain(_: Connection, cursor: Any, statement: str, parameters: Any, *rest: object) -> None:
            rows = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            steps.extend(str(row[3]) for row in rows)

        event.listen(connection, "before_cursor_execute", explain)
        question(connection)
    return steps


@pytest.mark.parametrize("name", QUESTIONS)
def test_no_question_reads_a_whole_table(store: Store, name: str) -> None:
    record(store, [Stay("west", 1, 1, 0, 50)])
    steps = plan(store, QUESTIONS[name])
    assert any(step.startswith("SEARCH") for step in steps)
    large = ("tracklets", "observations", "embeddings", "events", "links")
    assert [step for step in steps if step.startswith(tuple(f"SCAN {table}" for table in large))] == []


def test_last_seen_reads_the_index_backwards_until_it_has_enough(store: Store) -> None:
    record(store, [Stay("west", 1, 1, 0, 50)])
    steps = plan(store, presence.last_seen)
    assert "SCAN tracklets USING COVERING INDEX ix_tracklets_end_us" in steps
    assert not any("TEMP B-TREE" in step for step in steps)
