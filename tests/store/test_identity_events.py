"""Events that are written together leave the same tables as one after the other."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from tests.store.walk import Stay, begin, record, unhurried
from tracker.core.types import IdentityEvent, IdentityEventKind, LinkEvidence
from tracker.store.corrections import merge_identities, rename_identity, split_identity
from tracker.store.identity_events import PlannedEvent, apply_events
from tracker.store.models import Base, Tracklet
from tracker.store.numbers import new_identity_id
from tracker.store.privacy import forget
from tracker.store.runs import ActiveRun
from tracker.store.session import Store, open_store

STAYS = [Stay("west", track_id, track_id, 0, 60) for track_id in range(1, 6)]
LINKS = (IdentityEventKind.ASSIGNED, IdentityEventKind.REVISED)

people = st.integers(1, 10)  # those from 7 on are new, their numbers reserved for the run
tracks = st.integers(1, 7)  # the last two are not stored


def linked(kind: IdentityEventKind, person: int, track_id: int, since: float | None) -> IdentityEvent:
    evidence = LinkEvidence("appearance", 0.9, 0.8, 7, 0.3, {"cosine": 0.8}) if person % 2 else None
    return IdentityEvent(kind, 6.0, person, ("west", track_id), None, evidence, since)


events = st.lists(
    st.builds(linked, st.sampled_from(LINKS), people, tracks, st.sampled_from([None, None, None, 1.0, 3.5]))
    | st.builds(lambda person: IdentityEvent(IdentityEventKind.CONFIRMED, 6.0, person), people)
    | st.builds(
        lambda person, other: IdentityEvent(IdentityEventKind.MERGED, 6.0, person, None, other), people, people
    ),
    max_size=12,
)


@pytest.fixture(scope="module")
def corrected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, ActiveRun]]:
    """Of five people one was erased, two were merged, one was split off, and two have names."""
    with open_store(tmp_path_factory.mktemp("store") / "omnitrack.db") as store:
        run = begin(store)
        record(store, [*STAYS, Stay("east", 1, 5, 100, 160)], run=run)
        with store.read() as connection:
            (later,) = connection.scalars(select(Tracklet.id).where(Tracklet.start_us > 0, Tracklet.camera_id == 2))
        with store.write() as connection:
            merge_identities(connection, 1, 2)
            split_identity(connection, 5, later)
            rename_identity(connection, 3, "Anna")
            rename_identity(connection, 1, "Berta")
            assert new_identity_id(connection, 4) == 7
        forget(store, 4)
        yield store, run


def outcome(store: Store, run: ActiveRun, batches: Sequence[Sequence[PlannedEvent]]) -> dict[str, list[object]]:
    run.people.begin()
    with store.write(dry_run=True) as connection:
        for batch in batches:
            apply_events(connection, run, batch)
        tables = ("identities", "tracklets", "observations", "events", "links", "constraints", "sequences")
        chosen = [Base.metadata.tables[name] for name in tables]
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for table in chosen
        }


@unhurried
@given(events)
def test_together_and_one_by_one_are_the_same(corrected: tuple[Store, ActiveRun], found: list[IdentityEvent]) -> None:
    store, run = corrected
    planned = [
        PlannedEvent(event, None if event.since_seconds is None else 900 + number) for number, event in enumerate(found)
    ]
    assert outcome(store, run, [planned]) == outcome(store, run, [[one] for one in planned])


def test_many_events_fit_into_one_batch(corrected: tuple[Store, ActiveRun]) -> None:
    store, run = corrected
    planned = [PlannedEvent(IdentityEvent(IdentityEventKind.CONFIRMED, 6.0, 100 + n)) for n in range(2500)]
    found = outcome(store, run, [planned])
    assert len(found["events"]) - len(outcome(store, run, [])["events"]) == 2500
    assert found["sequences"] == [("identity", 2600)]
