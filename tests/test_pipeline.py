"""The pipeline over fakes of the two networks (named so): what flows where, and that the end is always clean."""

import time
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from tracker.core.single_camera import SingleCameraTracker
from tracker.core.types import Detections, FloatArray, IdentityEventKind, TrackState
from tracker.crosscam.constraints import Constraint, ConstraintKind
from tracker.crosscam.matcher import CrossCameraMatcher
from tracker.operation.timing import StageTimes
from tracker.pipeline import Pipeline
from tracker.ports import MotionEstimator, Step
from tracker.video.areas import CameraAreas
from tracker.video.frame import Frame, FrameBatch, Image
from tracker.video.motion_gate import MotionGate


class FakeDetector:
    """Finds one person wherever the picture's first pixel says so: value v > 0 is a person at x = v."""

    def __init__(self) -> None:
        self.batch_sizes: list[int] = []

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        self.batch_sizes.append(len(images))
        return [self._person(int(image[0, 0, 0])) for image in images]

    def _person(self, x: int) -> Detections:
        if not x:
            return Detections.empty()
        return Detections(np.array([[x, 20, x + 30, 110]], np.float32), np.array([0.9], np.float32))


class FakeEmbedder:
    """Everybody looks alike."""

    name, dimension = "fake", 4

    def embed(self, images: Sequence[Image], boxes_xyxy: Sequence[FloatArray]) -> list[FloatArray]:
        return [np.tile(np.array([1, 0, 0, 0], np.float32), (len(boxes), 1)) for boxes in boxes_xyxy]


class RecordingSink:
    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.closed = 0

    def write(self, step: Step) -> None:
        self.steps.append(step)

    def close(self) -> None:
        self.closed += 1


class FailingSink(RecordingSink):
    def close(self) -> None:
        super().close()
        raise RuntimeError("disk on fire")


def batch(index: int, people: dict[str, int], lost: frozenset[str] = frozenset()) -> FrameBatch:
    t_seconds = index / 10
    frames = {c: Frame(c, index, t_seconds, np.full((120, 200, 3), x, np.uint8)) for c, x in people.items()}
    return FrameBatch(t_seconds, frames, lost)


def pipeline_with(*sinks: RecordingSink) -> tuple[Pipeline, FakeDetector]:
    detector = FakeDetector()
    trackers = {camera: SingleCameraTracker(camera) for camera in ("a", "b")}
    return (
        Pipeline(
            detector=detector,
            embedder=FakeEmbedder(),
            trackers=trackers,
            matcher=CrossCameraMatcher(),
            sinks=sinks,
        ),
        detector,
    )


def test_one_call_of_the_detector_serves_all_cameras_of_a_step() -> None:
    pipeline, detector = pipeline_with()
    pipeline.step(batch(0, {"a": 10, "b": 50}))
    pipeline.step(batch(1, {"a": 12}))
    assert detector.batch_sizes == [2, 1]


def test_trackers_know_how_large_the_picture_is_whose_edge_may_cut_people() -> None:
    pipeline, _ = pipeline_with()
    assert pipeline.step(batch(0, {"a": 10})).detections["a"].image_size == (200, 120)


class UnevenDetector(FakeDetector):
    """Some pictures take long, so that later ones are done before."""

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        time.sleep(0.02 if images and int(images[0][0, 0, 0]) % 3 == 0 else 0.0)
        return super().detect(images)


def signature(step: Step) -> tuple[object, ...]:
    """All that a step says of tracks and identities."""
    updates = [
        (u.key, u.t_seconds, u.state, u.box_xyxy.tobytes(), u.score, u.detection_index, u.quality)
        for us in step.updates.values()
        for u in us
    ]
    return step.batch.t_seconds, updates, list(step.events)


def test_tracking_and_matching_are_measured_in_every_step() -> None:
    times = StageTimes()
    pipeline = Pipeline(
        detector=FakeDetector(),
        embedder=FakeEmbedder(),
        trackers={"a": SingleCameraTracker("a")},
        matcher=CrossCameraMatcher(),
        measured=times.measured,
    )
    for index in range(3):
        pipeline.step(batch(index, {"a": 10}))
    assert {stage: calls for stage, (calls, _) in times.totals().items()} == {"select": 3, "track": 3, "match": 3}


def test_what_users_say_meanwhile_reaches_the_matcher_once() -> None:
    pipeline, _ = pipeline_with()
    heard: list[Constraint] = []
    pipeline.decisions = lambda: [heard.pop() for _ in range(len(heard))]
    for index in range(30):
        pipeline.step(batch(index, {"a": 10, "b": 50}))
    tracks = [("a", 1), ("b", 1)]
    one, other = (pipeline.matcher.identity_of(track) for track in tracks)
    assert one is not None
    kind = ConstraintKind.CANNOT_LINK if one == other else ConstraintKind.MUST_LINK
    heard.append(Constraint(kind, *tracks))
    steps = [pipeline.step(batch(index, {"a": 10, "b": 50})) for index in range(30, 45)]
    one_now, other_now = (pipeline.matcher.identity_of(track) for track in tracks)
    assert (one_now == other_now) is (one != other)
    assert any(step.events for step in steps)
    assert heard == []


@pytest.mark.parametrize("ahead", [1, 4])
def test_overlapped_steps_equal_single_ones(ahead: int) -> None:
    batches = [batch(index, {"a": 10 + index, "b": 90 - index}) for index in range(40)]
    alone, _ = pipeline_with()
    expected = [signature(alone.step(one)) for one in batches]
    overlapped, _ = pipeline_with()
    overlapped.detector = UnevenDetector()
    assert [signature(step) for step in overlapped.steps(batches, ahead)] == expected


def test_detection_runs_ahead_of_tracking() -> None:
    """The second step's pictures are looked at although nobody has asked for the first step's successor."""
    pipeline, detector = pipeline_with()
    steps = pipeline.steps([batch(index, {"a": 10}) for index in range(9)], ahead=2)
    next(steps)
    deadline = time.monotonic() + 5
    while len(detector.batch_sizes) < 3 and time.monotonic() < deadline:
        time.sleep(0.001)
    assert len(detector.batch_sizes) == 3
    steps.close()


def test_where_nothing_moved_nobody_is_sought_and_people_are_where_they_were() -> None:
    batches = [batch(index, {"a": 10, "b": 90 - 10 * index}) for index in range(8)]
    expected, _ = pipeline_with()
    gated, detector = pipeline_with()
    gated.gate = MotionGate(5)
    assert [signature(s) for s in gated.steps(batches, 2)] == [signature(expected.step(one)) for one in batches]
    assert detector.batch_sizes.count(2) == 1
    assert detector.batch_sizes.count(1) == 7


def test_an_error_of_the_detector_comes_in_its_turn() -> None:
    class FailingDetector(FakeDetector):
        def detect(self, images: Sequence[Image]) -> list[Detections]:
            if int(images[0][0, 0, 0]) == 13:
                raise RuntimeError("network on fire")
            return super().detect(images)

    pipeline, _ = pipeline_with()
    pipeline.detector = FailingDetector()
    steps = pipeline.steps([batch(index, {"a": 10 + index}) for index in range(9)], ahead=3)
    assert [next(steps).batch.t_seconds for _ in range(3)] == [0.0, 0.1, 0.2]
    with pytest.raises(RuntimeError, match="network on fire"):
        next(steps)


def test_what_a_camera_masks_is_black_for_everybody_and_who_stands_outside_is_nobody() -> None:
    corner = ((0.0, 0.0), (0.2, 0.0), (0.2, 0.2), (0.0, 0.2))
    lower = ((0.0, 0.95), (1.0, 0.95), (1.0, 1.0), (0.0, 1.0))
    pipeline, _ = pipeline_with()
    pipeline.areas = {"a": CameraAreas(masks=[corner]), "b": CameraAreas([lower])}
    step = pipeline.step(batch(0, {"a": 10, "b": 10}))
    assert int(step.batch.frames["a"].image[0, 0, 0]) == 0  # where the fake detector looks
    assert [len(step.detections[camera]) for camera in ("a", "b")] == [0, 0]
    assert [len(step.everybody_xyxy[camera]) for camera in ("a", "b")] == [0, 1], "who does not count is hidden, too"
    pipeline.areas = {}
    assert len(pipeline.step(batch(1, {"a": 10})).detections["a"]) == 1


def test_a_region_that_changes_counts_at_once_also_where_nothing_moves() -> None:
    lower = ((0.0, 0.95), (1.0, 0.95), (1.0, 1.0), (0.0, 1.0))
    pipeline, _ = pipeline_with()
    pipeline.gate = MotionGate(5)
    assert len(pipeline.step(batch(0, {"b": 10})).detections["b"]) == 1
    pipeline.areas = {"b": CameraAreas([lower])}
    assert len(pipeline.step(batch(1, {"b": 10})).detections["b"]) == 0


class FakeMovement:
    """Says that the camera stands still."""

    def estimate(self, image: Image, boxes_xyxy: FloatArray) -> NDArray[np.float64]:
        return np.eye(2, 3)


class Vanishing(dict[str, MotionEstimator]):
    """Another thread takes away what was just found to be there."""

    def __contains__(self, key: object) -> bool:
        return self.pop(str(key), None) is not None


def test_a_camera_that_stops_moving_while_its_picture_is_followed_ends_nothing() -> None:
    pipeline, _ = pipeline_with()
    pipeline.movements = Vanishing(a=FakeMovement())
    assert len(pipeline.step(batch(0, {"a": 10})).detections["a"]) == 1


def test_a_step_without_frames_flows_through() -> None:
    sink = RecordingSink()
    pipeline, _ = pipeline_with(sink)
    step = pipeline.step(FrameBatch(0.0, {}))
    assert step.updates == {}
    assert sink.steps == [step]


def test_every_track_ends_and_gets_an_identity() -> None:
    sink = RecordingSink()
    pipeline, _ = pipeline_with(sink)
    for index in range(30):
        pipeline.step(batch(index, {"a": 10 + index, "b": 0}))
    pipeline.finish()
    pipeline.close()
    updates = [u for step in sink.steps for us in step.updates.values() for u in us]
    events = [event for step in sink.steps for event in step.events]
    assert [u.key for u in updates if u.state is TrackState.ENDED] == [("a", 1)]
    assert IdentityEventKind.ASSIGNED in {event.kind for event in events}
    assert sink.closed == 1


def test_a_lost_camera_ends_its_tracks_and_no_other() -> None:
    sink = RecordingSink()
    pipeline, _ = pipeline_with(sink)
    for index in range(10):
        pipeline.step(batch(index, {"a": 10 + index, "b": 50}))
    step = pipeline.step(batch(10, {"b": 50}, lost=frozenset({"a"})))
    assert [u.state for u in step.updates["a"]] == [TrackState.ENDED]
    assert [u.state for u in step.updates["b"]] == [TrackState.CONFIRMED]
    later = pipeline.step(batch(11, {"a": 20, "b": 50}))
    assert [u.track_id for u in later.updates["a"]] == [2]


def test_time_may_begin_before_zero() -> None:
    """A camera's clock correction may be negative; matching must not wait for t = 0."""
    sink = RecordingSink()
    pipeline, _ = pipeline_with(sink)
    for index in range(30):
        frame = Frame("a", index, index / 10 - 100, np.full((120, 200, 3), 10 + index, np.uint8))
        pipeline.step(FrameBatch(frame.t_seconds, {"a": frame}))
    assert IdentityEventKind.ASSIGNED in {event.kind for step in sink.steps for event in step.events}


def test_a_run_without_a_single_step_can_be_finished() -> None:
    sink = RecordingSink()
    pipeline, _ = pipeline_with(sink)
    pipeline.finish()
    assert sink.steps == []


def test_a_picture_that_was_under_way_when_its_camera_was_lost_is_no_error() -> None:
    pipeline, _ = pipeline_with()
    pipeline.step(batch(0, {"a": 10, "b": 50}))
    pipeline.step(batch(20, {"b": 50}))
    pipeline.step(batch(21, {"b": 50}, lost=frozenset({"a"})))
    step = pipeline.step(batch(5, {"a": 12}))
    assert len(step.updates["a"]) == 1


def test_all_sinks_are_closed_although_one_fails() -> None:
    first, failing, last = RecordingSink(), FailingSink(), RecordingSink()
    pipeline, _ = pipeline_with(first, failing, last)
    with pytest.raises(RuntimeError, match="disk on fire"):
        pipeline.close()
    assert (first.closed, failing.closed, last.closed) == (1, 1, 1)
