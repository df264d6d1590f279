"""People followed on the ground, stored, and judged afresh by where they stood."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
from sqlalchemy import select, update

from tests.crosscam.ground_world import CAMERAS, DIMENSION, SIZE, STEP_SECONDS, detections
from tests.store.walk import EPOCH, Stay, begin, event, record
from tracker.core.single_camera import SingleCameraTracker
from tracker.core.types import IdentityEventKind, LinkEvidence
from tracker.crosscam.following import Followers
from tracker.crosscam.ground.linking import SiteMatcher
from tracker.crosscam.ground.local_tracks import Seen
from tracker.crosscam.ground.site import GroundSite
from tracker.crosscam.ground_plane import GroundCamera
from tracker.crosscam.matcher import CrossCameraMatcher, MatcherConfig
from tracker.errors import OmnitrackError
from tracker.ports import Step
from tracker.store.corrections import split_identity
from tracker.store.ground import ground_partners
from tracker.store.models import Camera, Event, Identity, Link, RunCamera, Tracklet
from tracker.store.queries import history
from tracker.store.reassociating import judge_afresh
from tracker.store.runs import CameraOrigin, begin_run
from tracker.store.session import Store, open_store
from tracker.store.sightings import HistoryPart, read_sightings
from tracker.store.sink import StoreSink
from tracker.video.frame import Frame, FrameBatch

EVERYTHING = HistoryPart()
PICTURE = np.broadcast_to(np.zeros((1, 1, 3), np.uint8), (SIZE[1], SIZE[0], 3))


def places(t: float) -> dict[int, tuple[float, float]]:
    return {1: (-3 + 0.4 * t, -1.0), 2: (3 - 0.4 * t, 1.0), 3: (0.0, 3.0)}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Three people before four cameras for ten seconds. Changed only in dry runs."""
    with open_store(tmp_path_factory.mktemp("store") / "omnitrack.db") as store:
        site, rng = GroundSite(CAMERAS), np.random.default_rng(3)
        followers = Followers({name: SingleCameraTracker(name) for name in CAMERAS}, site)
        matcher = SiteMatcher(CrossCameraMatcher(), site, 3600.0)
        origins = {name: CameraOrigin(name, EPOCH) for name in CAMERAS}
        sink = StoreSink(store, begin_run(store, origins, embedder_name="osnet", embedder_dimension=DIMENSION))
        for number in range(20):
            t = number * STEP_SECONDS
            found, _ = detections(places(t), rng, miss=0.0)
            updates = followers.step(t, {name: Seen(t, people) for name, people in found.items()})
            events = matcher.update(t, list(chain.from_iterable(updates.values())))
            frames = {name: Frame(name, number, t, PICTURE) for name in found}
            sink.write(Step(FrameBatch(t, frames), updates, events, found))
        sink.close()
        yield store


def test_the_size_of_the_pictures_is_stored(recorded: Store) -> None:
    with recorded.read() as connection:
        sizes = connection.execute(select(RunCamera.width, RunCamera.height))
        assert {(width, height) for width, height in sizes} == {SIZE}


def test_it_is_known_where_people_stood_and_with_whom_they_were_followed(recorded: Store) -> None:
    with recorded.read() as connection:
        found = read_sightings(connection, EVERYTHING, CAMERAS)
        assert all(len(sighting.places) == 0 for sighting in read_sightings(connection, EVERYTHING))
    assert len(found) == 3 * len(CAMERAS)
    of_number = {sighting.number: sighting for sighting in found}
    for sighting in found:
        errors = [
            min(np.hypot(x - true[0], y - true[1]) for true in places(t - EPOCH.timestamp()).values())
            for t, x, y, *_ in sighting.places.tolist()
        ]
        assert np.median(errors) < 0.3
        partners = [of_number[number] for number in sighting.ground_partners]
        assert {partner.camera_id for partner in partners} == CAMERAS.keys() - {sighting.camera_id}
        assert {partner.identity_id for partner in partners} == {sighting.identity_id}


@pytest.mark.parametrize("cameras", [None, CAMERAS])
def test_what_the_ground_found_stays(recorded: Store, cameras: dict[str, GroundCamera] | None) -> None:
    with recorded.read() as connection:
        found = judge_afresh(connection, EVERYTHING, MatcherConfig(), None, cameras)
    assert found.differences() == []
    assert ("ground" in found.people.evidence[-1].parts) is (cameras is not None)


def test_places_mend_what_was_mixed_up(recorded: Store) -> None:
    """In one camera two people have each other's identity, although they are never within 1.5 m of each other."""
    with recorded.write(dry_run=True) as connection:
        rows = {s.number: s for s in read_sightings(connection, EVERYTHING) if s.camera_id == "c0"}
        (one, other, *_) = sorted(rows)
        for number, whose in ((one, rows[other].identity_id), (other, rows[one].identity_id)):
            connection.execute(update(Tracklet).where(Tracklet.id == number).values(identity_id=whose))
        changes = judge_afresh(connection, EVERYTHING, MatcherConfig(), None, CAMERAS).differences()
    assert {(change.before, change.after) for change in changes} == {
        (rows[one].identity_id, rows[other].identity_id),
        (rows[other].identity_id, rows[one].identity_id),
    }


def test_a_calibration_of_pictures_of_another_shape_is_refused(recorded: Store) -> None:
    square = {"c0": replace(CAMERAS["c0"], calibration_size=(1000, 1000), image_size=(1000, 1000))}
    with recorded.read() as connection, pytest.raises(OmnitrackError, match=r"c0: calibrated for pictures of 1000"):
        read_sightings(connection, EVERYTHING, square)


def test_tracks_that_became_one_on_the_ground_are_partners_until_people_part_them(store: Store) -> None:
    """West 1 and east 1 were found to be one after each had an identity; east 2 was linked to west 1 by looks only."""
    stays = [Stay("west", 1, 1, 0, 100), Stay("east", 1, 2, 50, 150), Stay("east", 2, 1, 60, 90)]
    step = event(IdentityEventKind.MERGED, 1, previous=2)
    joined = replace(step.events[0], evidence=LinkEvidence(rule="same-track", score=0.0))
    record(store, stays, [replace(step, events=[joined])])
    with store.write() as connection:
        numbers = {
            (row.track_id, row.person): row.id
            for row in connection.execute(
                select(Tracklet.id, Tracklet.track_id, Identity.id.label("person")).join(
                    Identity, Identity.id == Tracklet.identity_id
                )
            )
        }
        west, east = numbers[1, 1], numbers[1, 2]
        assert ground_partners(connection, list(numbers.values())) == {west: (east,), east: (west,)}
        assert ground_partners(connection, [west]) == {}
        split_identity(connection, 1, history(connection, 1).visits.rows[1].tracklet_id, only=True)
        assert ground_partners(connection, list(numbers.values())) == {}


def test_whom_looks_linked_in_a_camera_that_is_not_on_the_ground_was_not_followed_there(store: Store) -> None:
    """West and east are on the ground; the door's track was linked by looks, at the same time."""
    stays = [Stay("west", 1, 1, 0, 100), Stay("east", 1, 1, 20, 120), Stay("door", 1, 1, 30, 90)]
    record(store, stays, run=begin(store, ("west", "east", "door")))
    with store.write() as connection:
        of = {
            name: number
            for number, name in connection.execute(
                select(Tracklet.id, Camera.name).join(Camera, Camera.id == Tracklet.camera_id)
            )
        }
        for name, rule in (("west", "new"), ("east", "ground")):
            said = select(Event.id).where(Event.tracklet_id == of[name])
            connection.execute(update(Link).where(Link.event_id.in_(said)).values(rule=rule))
        assert ground_partners(connection, list(of.values())) == {of["west"]: (of["east"],), of["east"]: (of["west"],)}
