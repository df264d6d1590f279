import numpy as np
import pytest

from tracker.core.single_camera import SingleCameraTracker, TrackerConfig
from tracker.core.types import Detections, TrackState, TrackUpdate


def people(*lefts: float, score: float = 0.9, embeddings: np.ndarray | None = None) -> Detections:
    """People 40 px wide and 100 px tall whose boxes begin at the given x."""
    boxes = np.array([(x, 100, x + 40, 200) for x in lefts], np.float32).reshape(-1, 4)
    return Detections(boxes, np.full(len(lefts), score, np.float32), embeddings)


def walk(tracker: SingleCameraTracker, frames: list[Detections], start: int = 0) -> list[list[TrackUpdate]]:
    return [tracker.update(0.1 * (start + index), detections) for index, detections in enumerate(frames)]


def test_a_walking_person_keeps_one_id_from_tentative_to_ended() -> None:
    tracker = SingleCameraTracker("west", TrackerConfig(confirm_hits=3))
    steps = walk(tracker, [people(10 + 5 * i) for i in range(6)])
    assert [len(step) for step in steps] == [1] * 6
    assert {update.key for step in steps for update in step} == {("west", 1)}
    assert [step[0].state for step in steps] == [TrackState.TENTATIVE] * 2 + [TrackState.CONFIRMED] * 4
    (last,) = tracker.finish(0.6)
    assert (last.state, last.confirmed, last.t_seconds) == (TrackState.ENDED, True, 0.6)
    assert tracker.finish(0.7) == []


def test_lost_track_is_reported_once_comes_back_and_finally_ends_once() -> None:
    tracker = SingleCameraTracker("c", TrackerConfig(lost_seconds=0.55))
    walk(tracker, [people(10 + 10 * i) for i in range(5)])
    (lost,), *silence = walk(tracker, [Detections.empty()] * 3, start=5)
    assert (lost.state, lost.detection_index, lost.confirmed) == (TrackState.LOST, None, True)
    assert lost.box_xyxy[0] == pytest.approx(60, abs=3)
    assert silence == [[], []]
    (back,) = tracker.update(0.8, people(90))
    assert (back.track_id, back.state) == (1, TrackState.CONFIRMED)
    rest = [update for step in walk(tracker, [Detections.empty()] * 9, start=9) for update in step]
    assert [update.state for update in rest] == [TrackState.LOST, TrackState.ENDED]


def test_an_unconfirmed_track_ends_unconfirmed() -> None:
    tracker = SingleCameraTracker("c")
    walk(tracker, [people(10)])
    (update,) = tracker.update(0.5, Detections.empty())
    assert (update.state, update.confirmed) == (TrackState.ENDED, False)


def test_low_scores_continue_tracks_but_begin_none() -> None:
    tracker = SingleCameraTracker("c")
    assert walk(tracker, [people(10, score=0.2)] * 4) == [[]] * 4
    walk(tracker, [people(10)] * 4, start=4)
    (update,) = tracker.update(0.8, people(10, score=0.2))
    assert (update.state, update.detection_index) == (TrackState.CONFIRMED, 0)


@pytest.mark.parametrize("t_seconds", [0.3, 0.2, float("nan")])
def test_time_must_move_forward(t_seconds: float) -> None:
    tracker = SingleCameraTracker("door")
    tracker.update(0.3, people(10))
    with pytest.raises(ValueError, match="door"):
        tracker.update(t_seconds, people(10))


def test_embeddings_may_not_change_their_dimension() -> None:
    tracker = SingleCameraTracker("c")
    tracker.update(0.0, people(10, embeddings=np.eye(1, 8, dtype=np.float32)))
    with pytest.raises(ValueError, match="8 to 4"):
        tracker.update(0.1, people(10, embeddings=np.eye(1, 4, dtype=np.float32)))


def test_quality_falls_with_occlusion_and_is_zero_without_embedding() -> None:
    boxes = np.array([[0, 0, 40, 100], [20, 0, 60, 110], [300, 0, 340, 100]], np.float32)
    embeddings = np.eye(3, 8, dtype=np.float32)
    embeddings[2] = 0
    updates = SingleCameraTracker("c").update(0.0, Detections(boxes, np.full(3, 0.8, np.float32), embeddings))
    assert [update.quality for update in updates] == pytest.approx([0.4, 0.8, 0.0])
    (plain,) = SingleCameraTracker("c").update(0.0, people(10))
    assert (plain.quality, plain.embedding) == (0.0, None)


def test_a_crop_that_somebody_nearer_hides_teaches_the_track_nothing() -> None:
    """The second person walks before the first one, whose crop in the end shows both."""
    east, north = np.eye(2, dtype=np.float32)
    clear, mixed = np.array([east, north]), np.array([[0.8, 0.6], [-0.6, 0.8]], np.float32)
    tracker = SingleCameraTracker("c", TrackerConfig(appearance_memory=0.5))
    for step, left in enumerate((100, 80, 60, 40, 20)):
        boxes = np.array([[0, 0, 40, 100], [left, 0, left + 40, 104]], np.float32)
        looks = clear if left >= 40 else mixed
        updates = tracker.update(0.1 * step, Detections(boxes, np.full(2, 0.9, np.float32), looks))
        assert [update.detection_index for update in updates] == [0, 1]
    learned = np.array(tracker.state()["tracks"]["embeddings"])
    np.testing.assert_allclose(learned[0], east)
    assert learned[1] @ north < 0.99


def test_config_names_the_bad_field() -> None:
    with pytest.raises(ValueError, match="lost_seconds"):
        TrackerConfig(lost_seconds=-1)


def test_a_track_that_ends_tells_how_well_it_was_seen() -> None:
    tracker = SingleCameraTracker("c1")
    boxes = np.array([[10, 10, 50, 110]], np.float32)
    for index, (score, sharp) in enumerate([(0.9, 0.3), (0.8, 0.1), (0.7, 0.0)]):
        found = Detections(boxes, np.array([score], np.float32), sharpness=np.array([sharp], np.float32))
        updates = tracker.update(index / 10, found)
        assert [update.track_quality for update in updates] == [None]
    (ended,) = tracker.finish(0.5)
    quality = ended.track_quality
    assert quality is not None
    assert quality.observations == 3
    assert quality.sharpness is not None
    np.testing.assert_allclose(
        [quality.seconds, quality.score, quality.visible, quality.sharpness], [0.2, 0.8, 1.0, 0.2], rtol=1e-6
    )
