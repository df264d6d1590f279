"""Explanations, against a small history whose every decision is known."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, select, update

from tests.store.walk import Stay, event, record
from tracker.core.types import IdentityEvent, IdentityEventKind, LinkEvidence
from tracker.errors import OmnitrackError
from tracker.ports import Step
from tracker.store.corrections import merge_identities, rename_identity, split_identity, undo
from tracker.store.explanation import explain
from tracker.store.models import Link, Tracklet
from tracker.store.session import Store, open_store
from tracker.video.frame import FrameBatch

STAYS = [Stay("west", 1, 1, 0, 100), Stay("east", 1, 2, 150, 250), Stay("west", 2, 3, 200, 300)]


def vetoed() -> Step:
    """East 1 goes from 2 to 4, although 3 was likelier."""
    evidence = LinkEvidence("cannot-link", 1.5, 0.6, 3, 2.5, {"appearance": 1.0, "transit": 0.5})
    kind, key = IdentityEventKind.REVISED, ("east", 1)
    return Step(FrameBatch(100.0, {}), {}, [IdentityEvent(kind, 100.0, 4, key, 2, evidence)])


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """East 1 is identity 2, then 4, which is 1 in the end. Changed only in dry runs."""
    with open_store(tmp_path_factory.mktemp("store") / "omnitrack.db") as store:
        merged = event(IdentityEventKind.MERGED, 1, previous=4)
        record(store, STAYS, [vetoed(), event(IdentityEventKind.CONFIRMED, 1), merged])
        yield store


def tracklet(connection: Connection, camera_track: int) -> int:
    found = connection.scalars(select(Tracklet.id).order_by(Tracklet.start_us)).all()
    return found[camera_track]


def test_a_tracklet_is_explained_by_its_links_and_the_merges_that_follow(recorded: Store) -> None:
    with recorded.read() as connection:
        east = tracklet(connection, 1)
        found = explain(connection, east)
    assert (found.tracklet_id, found.identity_id) == (east, 1)
    assigned, revised, merged = found.links
    assert [link.kind for link in found.links] == ["assigned", "revised", "merged"]
    assert (assigned.identity_id, assigned.camera, assigned.rule, assigned.cosine) == (2, "east", "appearance", 0.8)
    assert (assigned.runner_up_identity_id, assigned.runner_up_score, assigned.vetoed_identity_id) == (7, 0.3, None)
    assert revised.parts == {"appearance": 1.0, "transit": 0.5}
    assert (revised.previous_identity_id, revised.identity_id, revised.vetoed_identity_id) == (2, 4, 3)
    assert (merged.previous_identity_id, merged.identity_id, merged.rule, merged.parts) == (4, 1, None, {})
    assert {link.run_id for link in found.links} == {1}


@pytest.mark.parametrize("rule", ["cannot-link", "same-instant", "out-of-reach"])
def test_every_veto_names_whom_it_kept_away(recorded: Store, rule: str) -> None:
    with recorded.write(dry_run=True) as connection:
        connection.execute(update(Link).where(Link.rule == "cannot-link").values(rule=rule))
        _, revised, _ = explain(connection, tracklet(connection, 1)).links
    assert (revised.rule, revised.vetoed_identity_id) == (rule, 3)


def test_an_identity_is_explained_by_the_links_of_all_its_sightings(recorded: Store) -> None:
    with recorded.read() as connection:
        found = explain(connection, 4)
        whole = explain(connection, 1)
    assert found == whole
    assert found.tracklet_id is None
    assert [(link.kind, link.identity_id) for link in found.links] == [
        ("assigned", 1),
        ("assigned", 2),
        ("revised", 4),
        ("merged", 1),
    ]


def test_what_people_said_is_part_of_it(recorded: Store) -> None:
    with recorded.write(dry_run=True) as connection:
        west, east, other = (tracklet(connection, number) for number in range(3))
        rename_identity(connection, 1, "Anna")
        merge_identities(connection, 1, 3)
        split_identity(connection, 1, east, only=True)
        found = explain(connection, 1)
        assert found.name == "Anna"
        assert [(said.action, said.other_identity_id, said.undone) for said in found.corrections] == [
            ("rename", None, False),
            ("merge", 3, False),
            ("split", 5, False),
        ]
        assert {(c.kind, c.tracklet_id, c.other_tracklet_id) for c in found.constraints} == {
            ("must-link", west, other),
            ("cannot-link", west, east),
        }
        moved = explain(connection, east)
        assert moved.identity_id == 5
        assert [(c.kind, c.other_tracklet_id) for c in moved.constraints] == [("cannot-link", west)]
        assert (moved.links[-1].kind, moved.links[-1].run_id, moved.links[-1].rule) == ("revised", None, None)
        undo(connection)
        assert explain(connection, 1).corrections[-1].undone


def test_an_unknown_number_is_refused(recorded: Store) -> None:
    with recorded.read() as connection, pytest.raises(OmnitrackError, match="77 is neither an identity nor a tracklet"):
        explain(connection, 77)
