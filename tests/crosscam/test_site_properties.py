"""What must hold in every world on the ground, however unlikely: look-alikes, misses, doubled boxes, lost cameras."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.crosscam.ground_world import CAMERAS, DIMENSION, STEP_SECONDS, detections
from tests.crosscam.ground_world import look as look_of
from tests.crosscam.test_restart import through_json
from tests.crosscam.test_site_matcher import SKY
from tracker.core.single_camera import SingleCameraTracker
from tracker.core.types import Detections, IdentityEvent, TrackletKey, TrackUpdate
from tracker.crosscam.following import Followers
from tracker.crosscam.ground.linking import SiteMatcher
from tracker.crosscam.ground.local_tracks import Seen
from tracker.crosscam.ground.site import GroundSite
from tracker.crosscam.matcher import CrossCameraMatcher, MatcherConfig

HALL = "hall"
"""A camera elsewhere, which is not calibrated."""
CONFIG = MatcherConfig(round_seconds=0.5, open_seconds=3.0, split_seconds=1.0, confirm_seconds=0.5)


@dataclass(frozen=True)
class World:
    """people: where each walks: from (x, y) metres, at (vx, vy) metres a second, from one step to another, and how he
    looks. missed: share of boxes. doubled: share of steps in which a box comes twice. blind: share of steps without a
    camera's picture.
    """

    people: tuple[tuple[float, float, float, float, int, int, int], ...]
    seed: int
    missed: float
    doubled: float
    blind: float
    steps: int = 24

    def scenes(self) -> Iterator[tuple[float, dict[str, Detections], dict[str, float]]]:
        """Seconds, what each camera saw, and the cameras that were lost."""
        rng = np.random.default_rng(self.seed)
        for number in range(self.steps):
            t = number * STEP_SECONDS
            here = {k: p for k, p in enumerate(self.people) if p[4] <= number <= p[5]}
            places = {k: (x + vx * t, y + vy * t) for k, (x, y, vx, vy, *_) in here.items()}
            found, whose = detections(places, rng, self.missed)
            seen = {camera: self._seen(found[camera], whose[camera], rng) for camera in CAMERAS}
            seen[HALL] = self._elsewhere(rng)
            gone = [camera for camera in seen if rng.random() < self.blind]
            lost = {camera: t for camera in gone if rng.random() < 0.3}
            yield t, {camera: one for camera, one in seen.items() if camera not in gone}, lost

    def _seen(self, found: Detections, whose: list[int], rng: np.random.Generator) -> Detections:
        """Everybody looks like whoever he resembles; a box may come twice, and one may stand in the sky."""
        rows = np.arange(len(found))
        if len(rows) and rng.random() < self.doubled:
            rows = np.append(rows, rng.integers(len(rows)))
        boxes = found.boxes_xyxy[rows] + rng.normal(0, 2, (len(rows), 4)).astype(np.float32)
        looks = [self._look(whose[row], rng) for row in rows.tolist()]
        if rng.random() < self.doubled:
            boxes, looks = np.vstack([boxes, SKY]), [*looks, self._look(0, rng)]
        return crowd(boxes, looks)

    def _elsewhere(self, rng: np.random.Generator) -> Detections:
        """Some of the people, or their doubles, in another place."""
        who = [k for k in range(len(self.people)) if (k + self.seed) % 3]
        boxes = [[100 + 150 * k, 100, 160 + 150 * k, 300] for k in who]
        return crowd(np.array(boxes, np.float32).reshape(-1, 4), [self._look(k, rng) for k in who])

    def _look(self, person: int, rng: np.random.Generator) -> np.ndarray:
        vector = look_of(self.people[person][6]) + rng.normal(0, 0.4 / np.sqrt(DIMENSION), DIMENSION)
        return np.asarray(vector / np.linalg.norm(vector))


def crowd(boxes: np.ndarray, looks: list[np.ndarray]) -> Detections:
    units = np.array(looks, np.float32).reshape(-1, DIMENSION)
    return Detections(boxes.astype(np.float32), np.full(len(boxes), 0.9, np.float32), units)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    metres, speed = st.integers(-8, 8).map(lambda n: n / 2), st.integers(-4, 4).map(lambda n: n / 4)
    people = []
    for _ in range(draw(st.integers(1, 5))):
        first = draw(st.integers(0, 6))
        last = first + draw(st.integers(3, 24))
        people.append((draw(metres), draw(metres), draw(speed), draw(speed), first, last, draw(st.integers(0, 2))))
    share = st.sampled_from([0.0, 0.1, 0.4])
    return World(tuple(people), draw(st.integers(0, 9999)), draw(share), draw(share), draw(share))


class Process:
    """Followers and matcher of one run."""

    def __init__(self, site: GroundSite, trackers: dict[str, SingleCameraTracker], matcher: SiteMatcher) -> None:
        self.site = site
        self.followers = Followers(trackers, site)
        self.matcher = matcher

    @classmethod
    def new(cls) -> "Process":
        site = GroundSite(CAMERAS)
        trackers = {name: SingleCameraTracker(name) for name in (*CAMERAS, HALL)}
        return cls(site, trackers, SiteMatcher(CrossCameraMatcher(CONFIG), site, 3600.0))

    def restarted(self) -> "Process":
        """The same in another process, which knows only what was saved."""
        site = GroundSite.restored(CAMERAS, through_json(self.site.state()))
        trackers = {
            name: SingleCameraTracker.restored(name, through_json(tracker.state()))
            for name, tracker in self.followers.trackers.items()
        }
        inner = CrossCameraMatcher.restored(CONFIG, through_json(self.matcher._matcher.state()))
        return Process(site, trackers, SiteMatcher.restored(inner, site, 3600.0, through_json(self.matcher.state())))

    def step(
        self, t: float, seen: dict[str, Detections], lost: dict[str, float], random: Random | None = None
    ) -> tuple[list[TrackUpdate], list[IdentityEvent]]:
        """random: cameras and updates arrive in any order."""
        cameras = list(seen)
        if random is not None:
            random.shuffle(cameras)
        told = self.followers.step(t, {camera: Seen(t, seen[camera]) for camera in cameras}, lost=lost)
        updates = [update for some in told.values() for update in some]
        if random is not None:
            random.shuffle(updates)
        return updates, self.matcher.update(t, updates)


@settings(max_examples=15)
@given(worlds())
def test_nobody_is_twice_in_one_picture(world: World) -> None:
    """Neither at once nor in the end, when everything is known."""
    process = Process.new()
    together: dict[tuple[float, str], list[TrackletKey]] = defaultdict(list)
    for t, seen, lost in world.scenes():
        updates, _ = process.step(t, seen, lost)
        for update in updates:
            if update.detection_index is not None:
                together[t, update.camera_id].append(update.key)
        for camera in seen:
            require_different([process.matcher.identity_of(key) for key in together[t, camera]])
    process.matcher.finish(t)
    for (t, _), keys in together.items():
        require_different([process.matcher.identity_at(key, t) for key in keys])


def require_different(identities: list[int | None]) -> None:
    known = [identity for identity in identities if identity is not None]
    assert len(known) == len(set(known))


@settings(max_examples=15)
@given(worlds(), st.randoms(use_true_random=False))
def test_order_of_arrival_changes_nothing_on_the_ground(world: World, random: Random) -> None:
    forward, shuffled = Process.new(), Process.new()
    for t, seen, lost in world.scenes():
        updates, events = forward.step(t, seen, lost)
        others, same = shuffled.step(t, seen, lost, random)
        assert same == events
        assert sorted(u.key for u in others) == sorted(u.key for u in updates)
        for update in updates:
            assert shuffled.matcher.identity_of(update.key) == forward.matcher.identity_of(update.key)
    assert shuffled.matcher.finish(t) == forward.matcher.finish(t)


@settings(max_examples=15)
@given(worlds(), st.integers(0, 23))
def test_a_run_that_is_stopped_at_any_step_goes_on_identically(world: World, cut: int) -> None:
    whole = running = Process.new()
    keys: set[TrackletKey] = set()
    for number, (t, seen, lost) in enumerate(world.scenes()):
        if number == cut:
            running = whole.restarted()
        updates, events = whole.step(t, seen, lost)
        keys |= {update.key for update in [*updates, *whole.site.latest.reports]}
        if running is whole:
            continue
        again, same = running.step(t, seen, lost)
        assert same == events
        assert [told_of(u) for u in again] == [told_of(u) for u in updates]
    assert running.matcher.finish(t) == whole.matcher.finish(t)
    assert all(running.matcher.identity_of(key) == whole.matcher.identity_of(key) for key in keys)


def told_of(update: TrackUpdate) -> tuple[object, ...]:
    """What can be compared."""
    return update.key, update.t_seconds, update.state, update.detection_index, update.confirmed, update.ground_metres


@settings(max_examples=15)
@given(worlds())
def test_events_tell_the_same_story_as_the_matcher_on_the_ground(world: World) -> None:
    """Who only reads events ends with the matcher's identities, and hears of no track on the ground."""
    process = Process.new()
    told: dict[TrackletKey, int] = {}
    merged: dict[int, int] = {}
    keys: set[TrackletKey] = set()
    for t, seen, lost in world.scenes():
        updates, events = process.step(t, seen, lost)
        keys |= {update.key for update in updates}
        hear(events, told, merged)
    hear(process.matcher.finish(t), told, merged)
    assert set(told) <= keys
    assert told == {key: process.matcher.identity_of(key) for key in told}


def hear(events: list[IdentityEvent], told: dict[TrackletKey, int], merged: dict[int, int]) -> None:
    for event in events:
        assert event.identity_id not in merged
        if event.kind.value == "merged":
            assert event.previous_identity_id is not None
            merged[event.previous_identity_id] = event.identity_id
            for key, identity in told.items():
                if identity == event.previous_identity_id:
                    told[key] = event.identity_id
        elif event.tracklet is not None:
            assert event.previous_identity_id == told.get(event.tracklet)
            told[event.tracklet] = event.identity_id
