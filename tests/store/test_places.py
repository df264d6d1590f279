"""What happened at zones and lines: who it was then and today; moved with cut tracks, gone with the forgotten."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zipfile import ZipFile

import pytest
from sqlalchemy import func, select

from tests.store.test_plans import plan
from tests.store.walk import EPOCH, Stay, assigned, begin, event, steps
from tracker.core.types import IdentityEventKind
from tracker.core.zones import Line, PlaceEvent, PlaceEventKind, Zone
from tracker.errors import NotFoundError
from tracker.ports import Step
from tracker.store.export import export_person
from tracker.store.models import PlaceEventRow
from tracker.store.place_queries import PlaceEntry, PlaceFilter, place_events, places
from tracker.store.privacy import forget, retain
from tracker.store.queries import IdentityFilter, identities
from tracker.store.runs import CameraOrigin, begin_run, change_cameras
from tracker.store.scope import restrict
from tracker.store.session import Store
from tracker.store.sink import StoreSink

WALK = Stay("west", 1, 1, 0, 120)
OTHER = Stay("east", 1, 2, 0, 60)
CROSSED = PlaceEvent(PlaceEventKind.CROSSED, "gate", 4.0, 1, "left")
LEFT = PlaceEvent(PlaceEventKind.LEFT, "till", 9.0, 1, dwell_seconds=3.5)
FULL = PlaceEvent(PlaceEventKind.OVER_LIMIT, "till", 5.0, count=4)


def recorded(store: Store, extra: tuple[Step, ...] = ()) -> None:
    """Two people; both events of the first, and one of a zone as a whole, are noted when they happen."""
    run = begin(store)
    sink = StoreSink(store, run)
    for step in [*steps(["west", "east"], [WALK, OTHER]), *extra]:
        sink.write(step)
        for camera, one, identity_id in (("west", CROSSED, 1), ("west", LEFT, 1), ("east", FULL, None)):
            if step.batch.t_seconds == one.t_seconds:
                sink.note(camera, one, identity_id)
    sink.close()


def stored(store: Store, chosen: PlaceFilter | None = None) -> tuple[PlaceEntry, ...]:
    with store.read() as connection:
        return place_events(connection, chosen or PlaceFilter()).rows


def test_an_event_says_where_when_and_who(store: Store) -> None:
    recorded(store)
    crossed, full, left = stored(store)
    assert (crossed.camera, crossed.place, crossed.kind, crossed.direction) == ("west", "gate", "crossed", "left")
    assert crossed.at == EPOCH + timedelta(seconds=4)
    assert (crossed.identity_id, crossed.identity_then) == (1, 1)
    assert left.dwell_seconds == 3.5
    assert (full.count, full.tracklet_id, full.identity_id) == (4, None, None)


def test_a_revised_identity_shows_in_old_events(store: Store) -> None:
    recorded(store, (event(IdentityEventKind.REVISED, 2, 1, WALK),))
    crossed = stored(store)[0]
    assert (crossed.identity_then, crossed.identity_id) == (1, 2)


def test_a_merged_identity_shows_in_old_events(store: Store) -> None:
    recorded(store, (event(IdentityEventKind.MERGED, 2, 1),))
    assert stored(store)[0].identity_id == 2
    assert [entry.kind for entry in stored(store, PlaceFilter(identity_id=2))] == ["crossed", "left"]
    assert [entry.kind for entry in stored(store, PlaceFilter(identity_id=1))] == ["crossed", "left"]


def test_events_go_with_the_part_of_a_track_that_was_cut_off(store: Store) -> None:
    revision = replace(assigned(WALK, 100.0), kind=IdentityEventKind.REVISED, identity_id=2, since_seconds=6.0)
    cut = event(IdentityEventKind.REVISED, 2)
    recorded(store, (replace(cut, events=[revision]),))
    crossed, _, left = stored(store)
    assert crossed.tracklet_id != left.tracklet_id
    assert (crossed.identity_id, left.identity_id) == (1, 2)


@pytest.mark.parametrize(
    ("chosen", "kinds"),
    [
        (PlaceFilter(camera="east"), ["over_limit"]),
        (PlaceFilter(place="till"), ["over_limit", "left"]),
        (PlaceFilter(kind="left"), ["left"]),
        (PlaceFilter(since=EPOCH + timedelta(seconds=4.5), until=EPOCH + timedelta(seconds=6)), ["over_limit"]),
        (PlaceFilter(identity_id=7), []),
    ],
)
def test_events_are_found(store: Store, chosen: PlaceFilter, kinds: list[str]) -> None:
    recorded(store)
    assert [entry.kind for entry in stored(store, chosen)] == kinds


def test_pages(store: Store) -> None:
    recorded(store)
    with store.read() as connection:
        page = place_events(connection, PlaceFilter(), limit=2)
        rest = place_events(connection, PlaceFilter(), limit=2, after=page.rows[-1].id)
    assert (len(page.rows), page.has_more) == (2, True)
    assert (len(rest.rows), rest.has_more) == (1, False)


def test_an_unknown_camera_is_said(store: Store) -> None:
    recorded(store)
    with pytest.raises(NotFoundError, match="camera north: is not in the database"):
        stored(store, PlaceFilter(camera="north"))


def test_the_forgotten_leave_no_event(store: Store) -> None:
    recorded(store)
    forget(store, 1)
    assert [entry.kind for entry in stored(store)] == ["over_limit"]


def test_they_are_in_the_archive_of_a_person(store: Store, tmp_path: Path) -> None:
    recorded(store)
    with store.read() as connection:
        export_person(connection, 1, tmp_path / "ann.zip")
    with ZipFile(tmp_path / "ann.zip") as archive:
        _, *lines = archive.read("places.csv").decode().splitlines()
    assert [line.split(",")[2:5] for line in lines] == [["west", "gate", "crossed"], ["west", "till", "left"]]


def test_what_is_too_old_goes(store: Store) -> None:
    recorded(store)
    retain(store, EPOCH + timedelta(seconds=5.5), camera="west")
    assert len(stored(store)) == 3
    retain(store, EPOCH + timedelta(hours=1))
    with store.read() as connection:
        assert connection.scalar(select(func.count()).select_from(PlaceEventRow)) == 0


def test_asking_for_a_camera_in_time_uses_an_index(store: Store) -> None:
    recorded(store)
    chosen = PlaceFilter("west", since=EPOCH, until=EPOCH + timedelta(hours=1))
    steps_of_plan = plan(store, lambda connection: place_events(connection, chosen))
    assert any("SEARCH place_events" in step for step in steps_of_plan)
    assert not any(step.startswith("SCAN place_events") for step in steps_of_plan)


TILL = Zone("till", ((0.1, 0.2), (0.5, 0.2), (0.5, 0.9)), most_people=3)
GATE = Line("gate", (0.0, 0.5), (1.0, 0.5))


def origins(*places: Zone | Line) -> dict[str, CameraOrigin]:
    return {"west": CameraOrigin("west.mp4", EPOCH, places=places), "east": CameraOrigin("east.mp4", EPOCH)}


def known(store: Store) -> list[tuple[str, str, str]]:
    with store.read() as connection:
        return [(place.camera, place.name, place.kind) for place in places(connection)]


def test_zones_and_lines_are_those_of_the_latest_run(store: Store) -> None:
    begin_run(store, origins(TILL, GATE), embedder_name=None)
    with store.read() as connection:
        gate, till = places(connection)
    assert (gate.kind, gate.points, gate.most_people) == ("line", ((0.0, 0.5), (1.0, 0.5)), None)
    assert (till.kind, till.points, till.most_people) == ("zone", TILL.polygon, 3)
    assert till.since == EPOCH
    run = begin_run(store, origins(TILL), embedder_name=None)
    assert known(store) == [("west", "till", "zone")]
    change_cameras(store, run, {"west": CameraOrigin("west.mp4", EPOCH, places=(GATE,))}, 90.0)
    assert known(store) == [("west", "gate", "line")]
    with store.read() as connection:
        assert [place.since for place in places(connection)] == [EPOCH + timedelta(seconds=90)]
        restrict(connection, ("east",))
        assert places(connection) == ()
    change_cameras(store, run, {"west": CameraOrigin("west.mp4", EPOCH)}, 95.0)
    assert known(store) == []


def test_people_are_found_by_zone_and_time(store: Store) -> None:
    def found(
        place: str, since: float | None = None, until: float | None = None, camera: str | None = None
    ) -> list[int]:
        first, last = (None if t is None else EPOCH + timedelta(seconds=t) for t in (since, until))
        with store.read() as connection:
            return [row.id for row in identities(connection, IdentityFilter(camera, first, last, place=place)).rows]

    recorded(store)
    assert found("gate") == found("till") == found("till", camera="west") == [1]
    assert found("door") == found("gate", camera="east") == []
    assert found("gate", 3.0, 5.0) == [1]
    assert found("gate", 5.0) == found("gate", None, 3.0) == []
    with store.read() as connection:
        chosen = IdentityFilter(place="gate", min_sightings=2)
        assert identities(connection, chosen).rows == ()
    steps_taken = plan(store, lambda c: identities(c, IdentityFilter(place="gate")))
    assert any("ix_place_events_place (place=?" in step for step in steps_taken)
