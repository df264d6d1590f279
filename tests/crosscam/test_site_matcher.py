"""People on the ground and people in pictures only, followed and linked together."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from tests.crosscam.ground_world import CAMERAS, DIMENSION, STEP_SECONDS, detections, look
from tests.crosscam.test_matcher import seen
from tests.crosscam.test_restart import through_json
from tracker.core.single_camera import SingleCameraTracker
from tracker.core.types import Detections, IdentityEvent, IdentityEventKind, TrackletKey, TrackState, TrackUpdate
from tracker.crosscam.constraints import Constraint, ConstraintKind, Withdrawal
from tracker.crosscam.following import Followers
from tracker.crosscam.ground.linking import SiteMatcher
from tracker.crosscam.ground.local_tracks import Seen
from tracker.crosscam.ground.site import SITE, GroundSite, GroundStep
from tracker.crosscam.ground.tracker import GroundUpdate
from tracker.crosscam.matcher import CrossCameraMatcher, MatcherConfig

SKY = np.array([600.0, 5.0, 660.0, 200.0], np.float32)
"""A box whose feet stand above the horizon: no place on the ground."""


def places(t: float) -> dict[int, tuple[float, float]]:
    return {1: (-3 + 0.4 * t, -1.0), 2: (3 - 0.4 * t, 1.0), 3: (0.0, 3.0)}


@dataclass
class Played:
    """What was said of a world over time."""

    matcher: SiteMatcher
    followers: Followers
    updates: list[TrackUpdate] = field(default_factory=list)
    events: list[IdentityEvent] = field(default_factory=list)
    whose: dict[TrackletKey, set[int]] = field(default_factory=dict)
    t_seconds: float = 0.0

    def step(
        self, t: float, found: dict[str, Detections], people: dict[str, list[int]], lost: dict[str, float] | None = None
    ) -> None:
        updates = self.followers.step(t, {name: Seen(t, seen) for name, seen in found.items()}, lost=lost)
        everything = [update for some in updates.values() for update in some]
        self.events += self.matcher.update(t, everything)
        self.updates += everything
        self.t_seconds = t
        for update in everything:
            if update.detection_index is not None and update.confirmed:
                person = people[update.camera_id][update.detection_index]
                self.whose.setdefault(update.key, set()).add(person)

    def identities(self, person: int) -> set[int | None]:
        """Of all tracks that held a person."""
        return {self.matcher.identity_of(key) for key, people in self.whose.items() if person in people}


def new_world(config: MatcherConfig | None = None) -> Played:
    config = config or MatcherConfig()
    site = GroundSite(CAMERAS)
    followers = Followers({name: SingleCameraTracker(name) for name in CAMERAS}, site)
    return Played(SiteMatcher(CrossCameraMatcher(config), site, config.answer_seconds), followers)


def play(
    steps: int = 24,
    change: Callable[[int, dict[str, Detections], dict[str, list[int]]], None] = lambda *_: None,
    world: Played | None = None,
    first: int = 0,
) -> Played:
    """change(number, found, people) may take a step's detections apart."""
    rng, world = np.random.default_rng(3 + first), world or new_world()
    for number in range(first, first + steps):
        t = number * STEP_SECONDS
        found, people = detections(places(t), rng, miss=0.0)
        change(number, found, people)
        world.step(t, found, people)
    return world


def with_box(seen: Detections, box: np.ndarray, person: int) -> Detections:
    embeddings = np.zeros((0, DIMENSION), np.float32) if seen.embeddings is None else seen.embeddings
    return Detections(
        np.vstack([seen.boxes_xyxy, box]),
        np.append(seen.scores, np.float32(0.9)),
        np.vstack([embeddings, look(person)]),
    )


def test_everybody_on_the_ground_has_one_identity_and_a_track_in_each_camera() -> None:
    world = play()
    for person in (1, 2, 3):
        assert len(world.identities(person)) == 1
        cameras = [key[0] for key, people in world.whose.items() if people == {person}]
        assert sorted(cameras) == sorted(CAMERAS), "one track a camera, of nobody else"
    assert len({i for person in (1, 2, 3) for i in world.identities(person)}) == 3


def test_cameras_that_come_later_show_whom_the_others_follow() -> None:
    def two_at_first(number: int, found: dict[str, Detections], people: dict[str, list[int]]) -> None:
        for name in ("c2", "c3") if number < 12 else ():
            del found[name]

    world = play(steps=30, change=two_at_first)
    for person in (1, 2, 3):
        assert len(world.identities(person)) == 1
        cameras = [key[0] for key, people in world.whose.items() if people == {person}]
        assert sorted(cameras) == sorted(CAMERAS), "one track a camera, of nobody else"


def test_a_camera_that_moves_is_left_to_its_own_tracker() -> None:
    def c0_moves(number: int, found: dict[str, Detections], people: dict[str, list[int]]) -> None:
        if number == 12:
            world.followers.leave_ground("c0")

    world = new_world()
    play(change=c0_moves, world=world)
    assert "c0" not in world.followers.ground.cameras  # type: ignore[union-attr]  # the world has one
    later = {u.camera_id for u in world.updates if u.t_seconds > 12 * STEP_SECONDS and u.ground_metres is None}
    assert later == {"c0"}, "the others' people have places on the ground"


def test_links_say_that_they_come_from_the_ground() -> None:
    world = play()
    told: dict[int, list[IdentityEvent]] = {}
    for event in world.events:
        if event.kind is IdentityEventKind.ASSIGNED:
            told.setdefault(event.identity_id, []).append(event)
    assert len(told) == 3
    for events in told.values():
        rules = [event.evidence.rule for event in events if event.evidence is not None]
        assert rules == ["new", "ground", "ground", "ground"], "the first says who it is, the others follow"
        for event in events[1:]:
            assert event.evidence is not None
            assert event.evidence.parts["ground"] == event.evidence.score > 0
            assert event.evidence.parts["metres"] < 1


def test_whom_the_ground_cannot_place_is_followed_in_the_picture_under_a_number_of_its_own() -> None:
    def one_more(number: int, found: dict[str, Detections], people: dict[str, list[int]]) -> None:
        found["c0"] = with_box(found["c0"], SKY, 9)
        people["c0"].append(9)

    world = play(change=one_more)
    (alone,) = [key for key, people in world.whose.items() if 9 in people]
    assert alone[0] == "c0"
    assert world.whose[alone] == {9}
    assert world.identities(9).isdisjoint({i for person in (1, 2, 3) for i in world.identities(person)})
    rows = [u.detection_index for u in world.updates if u.key == alone]
    assert rows == [3] * len(rows), "rows are those of the picture, not of what was left"


def test_nobody_is_twice_in_one_picture() -> None:
    """A second box that looks exactly like somebody whom the ground places in that camera is somebody else."""

    def twin(number: int, found: dict[str, Detections], people: dict[str, list[int]]) -> None:
        found["c0"] = with_box(found["c0"], SKY, 1)
        people["c0"].append(9)

    world = play(change=twin)
    assert None not in world.identities(9)
    assert world.identities(9).isdisjoint(world.identities(1))


def test_whom_the_ground_cannot_place_may_be_somebody_whom_other_cameras_see() -> None:
    """The same box, while that camera sees the person nowhere else, is linked by looks."""

    def hidden(number: int, found: dict[str, Detections], people: dict[str, list[int]]) -> None:
        keep = np.array([person != 1 for person in people["c0"]], bool)
        found["c0"] = with_box(found["c0"].take(keep), SKY, 1)
        people["c0"] = [person for person in people["c0"] if person != 1] + [9]

    world = play(change=hidden)
    assert world.identities(9) == world.identities(1)


def test_tracks_of_a_lost_camera_end_and_begin_anew_as_the_same_people() -> None:
    world = play(12)
    before = {key for key in world.whose if key[0] == "c1"}
    world.step(6.0, {}, {}, lost={"c1": 5.5})
    ended = {u.key for u in world.updates if u.state is TrackState.ENDED}
    assert ended == before
    play(8, world=world, first=13)
    after = {key for key in world.whose if key[0] == "c1"} - before
    assert len(after) == 3
    for person in (1, 2, 3):
        assert len(world.identities(person)) == 1


def test_the_end_ends_every_track_once() -> None:
    world = play(12)
    ended = [u.key for some in world.followers.finish(6.0).values() for u in some if u.state is TrackState.ENDED]
    assert sorted(ended) == sorted(world.whose)


def test_a_decision_on_one_camera_s_track_holds_for_the_person_on_the_ground() -> None:
    world = play()
    one, other = (min(key for key, people in world.whose.items() if people == {person}) for person in (1, 2))
    world.matcher.constrain(12.0, [Constraint(ConstraintKind.MUST_LINK, one, other)])
    play(4, world=world, first=24)
    assert len(world.identities(1) | world.identities(2)) == 1
    assert world.identities(3).isdisjoint(world.identities(1))


@pytest.mark.parametrize("undone", [False, True])
def test_a_track_that_people_take_out_of_its_person_leaves_it_until_they_take_that_back(undone: bool) -> None:
    world = play()
    (before,) = world.identities(1)
    assert before is not None
    gone, *others = sorted(key for key, people in world.whose.items() if people == {1})
    said = (
        Constraint(ConstraintKind.MUST_LINK, gone, 77),
        Constraint(ConstraintKind.CANNOT_LINK, before, 77),
    )
    events = world.matcher.constrain(12.0, said)
    assert [(e.tracklet, e.identity_id, e.previous_identity_id) for e in events if e.tracklet] == [(gone, 77, before)]
    play(4, world=world, first=24)
    assert world.matcher.identity_of(gone) == 77
    assert {world.matcher.identity_of(key) for key in others} == {before}
    if undone:
        world.matcher.constrain(14.0, [Withdrawal(said, ((gone, before),), (77, before))])
        play(4, world=world, first=28)
        assert world.identities(1) == {before}


def test_what_was_said_about_people_whom_nobody_remembers_is_let_go() -> None:
    """Reviews come every 2 s; what means nobody at two of them, one after the other, is gone at the next."""
    world = new_world(MatcherConfig(answer_seconds=2.0, memory_seconds=2.0))
    nobody = [Constraint(ConstraintKind.MUST_LINK, ("c0", 90 + k), ("c1", 90 + k)) for k in range(5)]
    lasting = Constraint(ConstraintKind.CANNOT_LINK, ("c0", 1), ("c1", 2))
    sizes = []
    for number in range(28):
        if number in (3, 27):
            world.matcher.constrain(number * STEP_SECONDS, [lasting, *nobody] if number == 3 else [])
        play(1, world=world, first=number)
        sizes.append(len(world.matcher.state()["said"]))
    assert sizes[2:4] == [0, 6]
    assert sizes[-1] == 1
    assert world.matcher.state()["said"][0][0][1] == ("c0", 1)


def joined_at_the_end(members: dict[int, tuple[str, ...]], elsewhere: str) -> tuple[SiteMatcher, list[IdentityEvent]]:
    """Three people on the ground, of whom the second turns out to be the first. members: cameras that see each, always.

    elsewhere: a camera that sees all three beside the ground. Returns what the last step told, too.
    """
    site, events = GroundSite(CAMERAS), []
    matcher = SiteMatcher(CrossCameraMatcher(), site, 3600.0)
    for number in range(40):
        t, joined = number * 0.1, number == 39
        on_ground = [
            GroundUpdate(
                k, t, np.zeros(2), np.eye(2), dict.fromkeys(where, k), dict.fromkeys(where, (1.0, 0.1)), None, True
            )
            for k, where in members.items()
        ]
        site.latest = GroundStep(
            reports=[seen(SITE, k, k, t) for k in ((1, 3) if joined else (1, 2, 3))],
            joined=[((SITE, 1), (SITE, 2))] if joined else [],
            members=[((camera, one.track_id), one) for one in on_ground for camera in one.boxes],
        )
        local = [seen(camera, k, k, t) for k, where in members.items() for camera in where]
        events = matcher.update(t, [*local, *(seen(elsewhere, k, k, t) for k in members)])
    return matcher, events


def test_people_whom_another_camera_saw_at_one_instant_stay_two_when_the_ground_joins_their_tracks() -> None:
    """The cameras' tracks follow whom they joined, and nobody outside hears of tracks on the ground."""
    matcher, events = joined_at_the_end({1: ("c1",), 2: ("c0",), 3: ("c0",)}, "hall")
    one, other = matcher.identity_of(("hall", 1)), matcher.identity_of(("hall", 2))
    assert [(e.kind, e.tracklet, e.identity_id, e.previous_identity_id) for e in events] == [
        (IdentityEventKind.REVISED, ("c0", 2), one, other)
    ]
    assert one != other
    assert [matcher.identity_of(key) for key in (("c1", 1), ("c0", 2))] == [one, one]


def test_a_camera_s_track_that_was_seen_beside_the_other_stays_who_it_was_when_the_ground_joins_them() -> None:
    matcher, events = joined_at_the_end({1: ("c0",), 2: ("c0", "c1"), 3: ("c0",)}, "c2")
    one, other = matcher.identity_of(("c0", 1)), matcher.identity_of(("c0", 2))
    assert None is not one != other is not None
    assert [(e.kind, e.tracklet, e.identity_id, e.previous_identity_id) for e in events] == [
        (IdentityEventKind.REVISED, ("c1", 2), one, other)
    ]
    assert matcher.identity_of(("c1", 2)) == one
    assert matcher.identity_at(("c0", 2), 3.9) == other


def restarted(world: Played) -> Played:
    """The same world in another process, which knows only what was saved."""
    site, matcher = world.followers.ground, world.matcher
    assert site is not None
    again = GroundSite.restored(CAMERAS, through_json(site.state()))
    trackers = {
        name: SingleCameraTracker.restored(name, through_json(tracker.state()))
        for name, tracker in world.followers.trackers.items()
    }
    inner = CrossCameraMatcher.restored(None, through_json(matcher._matcher.state()))
    linked = SiteMatcher.restored(inner, again, 3600.0, through_json(matcher.state()))
    return Played(linked, Followers(trackers, again))


@pytest.mark.parametrize("cut", [0, 1, 2, 5, 11, 23])
def test_a_stopped_and_continued_run_tells_the_same(cut: int) -> None:
    """People come, stay unseen for a while, and stand where the ground cannot place them, before and after the cut."""

    def lively(number: int, found: dict[str, Detections], people: dict[str, list[int]]) -> None:
        for camera in found:
            keep = np.array([person != 2 or not 8 <= number < 14 for person in people[camera]], bool)
            found[camera] = found[camera].take(keep)
            people[camera] = [person for person, kept in zip(people[camera], keep.tolist(), strict=True) if kept]
        if number % 7 != 3:
            found["c0"] = with_box(found["c0"], SKY, 9)
            people["c0"].append(9)

    def told(world: Played) -> list[list[Any]]:
        updates = [
            (u.key, u.t_seconds, u.state, u.detection_index, u.confirmed, u.ground_metres) for u in world.updates
        ]
        return [updates, world.events]

    whole, first = new_world(), new_world()
    said = Constraint(ConstraintKind.CANNOT_LINK, ("c0", 1), ("c1", 2))
    for number in range(28):
        if number == cut:
            second = restarted(first)
        running = first if number < cut else second
        for world in (whole, running):
            if number == 3:
                world.matcher.constrain(number * STEP_SECONDS, [said])
            play(1, lively, world, number)
    assert told(whole) == [one + other for one, other in zip(told(first), told(second), strict=True)]
    assert whole.matcher.finish(14.0) == second.matcher.finish(14.0)
    assert len(whole.events) > 10


def test_the_state_of_other_cameras_is_refused() -> None:
    state = GroundSite(CAMERAS).state()
    with pytest.raises(ValueError, match=r"c0, c1, c2, c3, these cameras are c0, c1; start without it"):
        GroundSite.restored({name: CAMERAS[name] for name in ("c0", "c1")}, state)
