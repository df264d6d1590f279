"""The joint ground tracker in a square with four cameras."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from tests.crosscam.ground_world import CAMERAS, STEP_SECONDS, detections
from tracker.core.types import Detections
from tracker.crosscam.ground.config import GroundConfig
from tracker.crosscam.ground.local_tracks import Seen
from tracker.crosscam.ground.site import SITE, GroundSite
from tracker.crosscam.ground.tracker import GroundTracker, GroundUpdate
from tracker.crosscam.matcher import CrossCameraMatcher

WALKS = {
    1: ((-3.0, -2.0), (0.5, 0.0)),
    2: ((3.0, 2.0), (-0.5, 0.0)),
    3: ((0.0, -3.0), (0.0, 0.5)),
    4: ((2, -2), (0, 0)),
}


def places(t: float) -> dict[int, tuple[float, float]]:
    return {p: (x + vx * t, y + vy * t) for p, ((x, y), (vx, vy)) in WALKS.items()}


def play(
    seed: int = 1, steps: int = 24, with_looks: bool = True
) -> tuple[list[list[GroundUpdate]], list[Counter[tuple[int, int]]]]:
    """Updates of every step, and per step how often (person, track) shared a box."""
    tracker, rng = GroundTracker(CAMERAS), np.random.default_rng(seed)
    history, shared = [], []
    for number in range(steps):
        t = number * STEP_SECONDS
        found, people = detections(places(t), rng)
        if not with_looks:
            found = {name: replace(seen, embeddings=None) for name, seen in found.items()}
        updates = tracker.update(t, found)
        history.append(updates)
        shared.append(Counter((people[c][row], u.track_id) for u in updates for c, row in u.boxes.items()))
    return history, shared


@pytest.mark.parametrize("with_looks", [True, False])
def test_every_person_is_one_track_in_all_cameras(with_looks: bool) -> None:
    history, shared = play(with_looks=with_looks)
    total: Counter[tuple[int, int]] = sum(shared[4:], Counter())
    owner = {person: max((t for p, t in total if p == person), key=lambda t: total[person, t]) for person in WALKS}
    assert len(set(owner.values())) == len(WALKS)
    right = sum(total[person, track] for person, track in owner.items())
    assert right >= 0.97 * sum(total.values())
    assert {u.track_id for u in history[-1] if u.confirmed} == set(owner.values())


def test_positions_are_right_to_a_few_decimetres() -> None:
    history, shared = play()
    for number in range(6, len(history)):
        truth = places(number * STEP_SECONDS)
        whose = {track: person for (person, track), n in shared[number].items() if n >= 2}
        for update in history[number]:
            if update.track_id in whose:
                assert np.linalg.norm(update.xy - truth[whose[update.track_id]]) < 0.6


def test_no_box_is_given_to_two_tracks() -> None:
    history, _ = play(seed=3)
    for updates in history:
        used = [(camera, row) for u in updates for camera, row in u.boxes.items()]
        assert len(used) == len(set(used))


def test_a_box_in_one_camera_only_does_not_become_a_person() -> None:
    tracker, rng = GroundTracker(CAMERAS), np.random.default_rng(5)
    for number in range(10):
        found, _ = detections({1: (0.0, 0.0)}, rng, miss=0.0)
        only = {name: seen if name == "c0" else Detections.empty() for name, seen in found.items()}
        assert not any(u.confirmed for u in tracker.update(number * STEP_SECONDS, only))


def test_equal_input_gives_equal_output() -> None:
    first, second = (play(seed=7)[0] for _ in range(2))
    assert [[(u.track_id, *u.xy) for u in step] for step in first] == [[(u.track_id, *u.xy) for u in s] for s in second]


def ids_after_a_swap(second: int) -> tuple[set[int], set[int]]:
    """Ids of people who count: of 1, who stands still and is hidden for a second, and of whoever stands there then."""
    tracker, rng = GroundTracker(CAMERAS), np.random.default_rng(6)
    ids: list[set[int]] = []
    for number in range(20):
        here = {} if number in (10, 11) else {1 if number < 10 else second: (0.0, 0.0)}
        found, _ = detections(here | {3: (3.0, 3.0), 4: (-3.0, 2.0)}, rng, miss=0.0)
        updates = tracker.update(number * STEP_SECONDS, found)
        ids.append({u.track_id for u in updates if u.confirmed and u.boxes and np.linalg.norm(u.xy) < 1})
    return ids[9], ids[-1]


def test_somebody_else_at_the_place_of_a_hidden_person_is_somebody_new() -> None:
    before, after = ids_after_a_swap(second=2)
    assert len(before) == len(after) == 1
    assert before != after


def test_a_hidden_person_who_shows_again_is_the_same() -> None:
    before, after = ids_after_a_swap(second=1)
    assert len(before) == 1
    assert before == after


def test_embeddings_of_another_dimension_are_refused() -> None:
    tracker = GroundTracker(CAMERAS)
    found, _ = detections({1: (0.0, 0.0)}, np.random.default_rng(1))
    tracker.update(0.0, found)
    shorter = {
        n: replace(d, embeddings=None if d.embeddings is None else d.embeddings[:, :8]) for n, d in found.items()
    }
    with pytest.raises(ValueError, match="8 dimensions, those before 32"):
        tracker.update(0.5, shorter)


def test_no_people_no_tracks() -> None:
    tracker = GroundTracker(CAMERAS)
    assert tracker.update(0.0, {}) == []
    assert tracker.update(1.0, {"c0": Detections.empty()}) == []


def test_time_must_not_run_backwards() -> None:
    tracker = GroundTracker(CAMERAS)
    tracker.update(1.0, {})
    with pytest.raises(ValueError, match="backwards"):
        tracker.update(0.9, {})


def test_a_camera_without_a_picture_says_nothing_and_one_that_sees_nobody_does() -> None:
    """Three cameras deny a person whom one sees; if they only gave no picture, that person counts."""
    counts = []
    for silent in (True, False):
        tracker, rng = GroundTracker(CAMERAS), np.random.default_rng(5)
        confirmed = False
        for number in range(10):
            found, _ = detections({1: (0.0, 0.0)}, rng, miss=0.0)
            seen = {"c0": found["c0"]} | ({} if silent else {name: Detections.empty() for name in ("c1", "c2", "c3")})
            confirmed |= any(person.confirmed for person in tracker.update(number * STEP_SECONDS, seen))
        counts.append(confirmed)
    assert counts == [True, False]


def test_cameras_that_take_turns_follow_everybody_as_one() -> None:
    """As live cameras do whose pictures are not taken at the same instants; a late one comes at the same time."""
    tracker, rng = GroundTracker(CAMERAS), np.random.default_rng(8)
    whose: dict[int, Counter[int]] = {}
    for number in range(80):
        found, people = detections(places(number * 0.125), rng, miss=0.0)
        name = f"c{number % 4}"
        for person in tracker.update(0.25 * (number // 2), {name: found[name]}):
            if person.confirmed and person.boxes:
                whose.setdefault(people[name][person.boxes[name]], Counter())[person.track_id] += 1
    assert set(whose) == set(WALKS)
    mine = {person: tracks.most_common(1)[0][0] for person, tracks in whose.items()}
    assert len(set(mine.values())) == len(WALKS)
    assert all(tracks[mine[person]] >= 0.9 * tracks.total() for person, tracks in whose.items())


def test_a_site_needs_cameras() -> None:
    with pytest.raises(ValueError, match="at least one"):
        GroundTracker({})


@pytest.mark.parametrize("field", ["gate", "acceleration", "merge_overlap", "lost_seconds", "merge_intervals"])
def test_bad_settings_name_the_field(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        GroundConfig(**{field: -1})  # type: ignore[arg-type]


def test_a_site_is_one_camera_of_the_matcher() -> None:
    matcher, rng = CrossCameraMatcher(), np.random.default_rng(2)
    site = GroundSite(CAMERAS)
    for number in range(24):
        t = number * STEP_SECONDS
        found, _ = detections(places(t), rng)
        step = site.update(t, {name: Seen(t, seen) for name, seen in found.items()})
        matcher.update(t, step.reports)
    identities = {matcher.identity_of((SITE, person.track_id)) for person in step.people if person.confirmed}
    assert None not in identities
    assert len(identities) == len(WALKS)
