"""What must hold for any input."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.world import World
from tracker.core.presets import PRESETS
from tracker.core.selection import SelectionConfig
from tracker.core.single_camera import SingleCameraTracker
from tracker.core.types import Detections, TrackUpdate

Frames = list[tuple[float, Detections]]


def crowd(seed: int, frames: int = 25, people: int = 8) -> Frames:
    """People who walk, hide one another and are missed, at ten frames per second."""
    return [(t, views["c1"].detections) for t, views in World(people, seed=seed).frames(frames, 10)]


def permuted(detections: Detections, order: np.ndarray) -> Detections:
    assert detections.embeddings is not None
    return Detections(detections.boxes_xyxy[order], detections.scores[order], detections.embeddings[order])


def paths(tracker: SingleCameraTracker, frames: Frames, orders: list[np.ndarray] | None = None) -> set[object]:
    """The tracks without their numbers: which detection, by its place in the unpermuted frame, follows which."""
    found: dict[int, list[tuple[float, str, int]]] = {}
    for index, (t_seconds, detections) in enumerate(frames):
        order = np.arange(len(detections)) if orders is None else orders[index]
        for update in tracker.update(t_seconds, permuted(detections, order)):
            original = -1 if update.detection_index is None else int(order[update.detection_index])
            found.setdefault(update.track_id, []).append((t_seconds, update.state, original))
    return {tuple(path) for path in found.values()}


def comparable(updates: list[TrackUpdate]) -> list[object]:
    return [(u.key, u.state, u.t_seconds, u.box_xyxy.tolist(), u.detection_index, u.quality) for u in updates]


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.sampled_from(sorted(PRESETS)))
def test_the_order_of_detections_changes_nothing_but_the_numbering(seed: int, preset: str) -> None:
    frames = crowd(seed)
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(detections)) for _, detections in frames]
    config = PRESETS[preset]
    assert paths(SingleCameraTracker("c", config), frames, orders) == paths(SingleCameraTracker("c", config), frames)


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.sampled_from([0.25, 0.5, 2.0, 4.0]))
def test_the_resolution_of_the_picture_does_not_matter(seed: int, scale: float) -> None:
    frames = crowd(seed)
    larger = [(t, Detections(d.boxes_xyxy * np.float32(scale), d.scores, d.embeddings)) for t, d in frames]
    assert paths(SingleCameraTracker("c"), larger) == paths(SingleCameraTracker("c"), frames)
    plain, scaled = SingleCameraTracker("c"), SingleCameraTracker("c")
    for (t_seconds, detections), (_, enlarged) in zip(frames, larger, strict=True):
        pairs = zip(scaled.update(t_seconds, enlarged), plain.update(t_seconds, detections), strict=True)
        for there, here in pairs:
            np.testing.assert_allclose(there.box_xyxy, here.box_xyxy * scale, atol=0.01 * scale)


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.integers(0, 24))
def test_a_restored_tracker_goes_on_as_if_nothing_had_happened(seed: int, cut: int) -> None:
    frames = crowd(seed)
    first = SingleCameraTracker("c")
    for t_seconds, detections in frames[:cut]:
        first.update(t_seconds, detections)
    second = SingleCameraTracker.restored("c", json.loads(json.dumps(first.state(), allow_nan=False)))
    for t_seconds, detections in frames[cut:]:
        expected, got = first.update(t_seconds, detections), second.update(t_seconds, detections)
        assert comparable(got) == comparable(expected)
    assert second.state() == first.state()
    assert comparable(second.finish(100.0)) == comparable(first.finish(100.0))


def test_a_restored_tracker_knows_who_was_described() -> None:
    """Else everybody would be described anew, who was known well enough."""
    selection, frames = SelectionConfig(), crowd(3)
    first = SingleCameraTracker("c", selection=selection)
    for t_seconds, detections in frames[:-1]:
        first.update(t_seconds, detections)
    second = SingleCameraTracker.restored("c", json.loads(json.dumps(first.state())), selection=selection)
    wanted = first.wants_embedding(*frames[-1])
    assert not wanted.all()
    assert second.wants_embedding(*frames[-1]).tolist() == wanted.tolist()


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.integers(1, 20_000))
def test_when_the_clock_began_changes_nothing(seed: int, tenths: int) -> None:
    """Limits like .1 s are often exactly some frames; the last digit of a time must not decide."""
    here, there = SingleCameraTracker("c"), SingleCameraTracker("c")
    for index, (_, detections) in enumerate(crowd(seed)):
        now = here.update(index * 0.1, detections)
        then = there.update((index + tenths) * 0.1, detections)
        assert [(u.key, u.state, u.detection_index) for u in then] == [(u.key, u.state, u.detection_index) for u in now]


def test_a_frame_that_was_refused_can_be_given_again() -> None:
    tracker = SingleCameraTracker("door")
    (t_first, first), (t_second, second) = crowd(1)[:2]
    tracker.update(t_first, first)
    wrong = Detections(second.boxes_xyxy, second.scores, np.ones((len(second), 3), np.float32))
    with pytest.raises(ValueError, match="camera door"):
        tracker.update(t_second, wrong)
    assert tracker.update(t_second, second)


@pytest.mark.parametrize("version", [None, 1, 99])
def test_a_state_of_another_version_is_refused(version: int | None) -> None:
    state = {**SingleCameraTracker("door").state(), "version": version}
    with pytest.raises(ValueError, match=f"camera door: the saved tracker is of version {version}"):
        SingleCameraTracker.restored("door", state)


@settings(max_examples=10)
@given(st.integers(0, 10_000))
def test_trackers_alive_at_once_share_nothing(seed: int) -> None:
    mine, other = crowd(seed), crowd(seed + 1)
    alone, beside, neighbour = (SingleCameraTracker(name) for name in ("a", "a", "b"))
    for (t_seconds, detections), (_, elsewhere) in zip(mine, other, strict=True):
        neighbour.update(t_seconds, elsewhere)
        assert comparable(beside.update(t_seconds, detections)) == comparable(alone.update(t_seconds, detections))


@given(st.lists(st.floats(0.001, 100), max_size=8))
def test_frames_without_people_give_no_updates(gaps_seconds: list[float]) -> None:
    tracker = SingleCameraTracker("c")
    for t_seconds in np.cumsum(gaps_seconds):
        assert tracker.update(float(t_seconds), Detections.empty()) == []
    assert tracker.finish(1e4) == []


@given(st.integers(0, 3), st.sampled_from([np.nan, np.inf, -np.inf]))
def test_a_box_that_is_not_finite_is_refused(column: int, value: float) -> None:
    boxes = np.array([[0, 0, 10, 20], [0, 0, 10, 20]], np.float32)
    boxes[1, column] = value
    with pytest.raises(ValueError, match="box 1"):
        Detections(boxes, np.ones(2, np.float32))


@pytest.mark.parametrize("box", [[10, 0, 0, 20], [0, 20, 10, 0], [5, 0, 5, 20]])
def test_a_box_without_positive_size_is_refused(box: list[float]) -> None:
    with pytest.raises(ValueError, match="box 0"):
        Detections(np.array([box], np.float32), np.ones(1, np.float32))


@given(st.floats(-100, 100), st.floats(0, 100))
def test_time_that_stands_or_runs_backwards_is_refused(now: float, back: float) -> None:
    tracker = SingleCameraTracker("door")
    tracker.update(now, Detections.empty())
    with pytest.raises(ValueError, match="camera door"):
        tracker.update(now - back, Detections.empty())
    if now - back < now:
        with pytest.raises(ValueError, match="camera door"):
            tracker.finish(now - back)
