"""What a run keeps of itself, repeated: cameras of two rates, of which one is late and has only every third picture."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from tests.test_pipeline import FakeDetector, FakeEmbedder
from tests.test_pipeline import RecordingSink as StepsKept
from tracker.core.single_camera import SingleCameraTracker
from tracker.crosscam.matcher import CrossCameraMatcher, MatcherConfig
from tracker.pipeline import Pipeline
from tracker.recorded.files import Recording, read_recording
from tracker.recorded.run import track_recordings
from tracker.recorded.sink import RecordingSink
from tracker.video.batching import StepBatcher
from tracker.video.frame import Frame

MATCHER = MatcherConfig(memory_seconds=3.0)
Seen = set[tuple[str, int, int]]
"""Camera, number of the picture from 1, identity."""


@dataclass(frozen=True)
class Walker:
    """A camera that sees one person at a time: from .. to seconds of its own clock, which is late."""

    camera_id: str
    frames_per_second: float
    visits: tuple[tuple[float, float], ...]
    every: int = 1
    late_seconds: float = 0.0
    total_frames: int | None = None
    picture_size: tuple[int, int] | None = None
    lost_frames: int = 0
    damaged_frames: int = 0

    def __iter__(self) -> Iterator[Frame]:
        for number in range(round(20 * self.frames_per_second)):
            t_seconds = number / self.frames_per_second
            here = any(first <= t_seconds <= last for first, last in self.visits)
            x = 20 + round(4 * t_seconds) if here else 0
            image = np.full((120, 200, 3), x, np.uint8)
            yield Frame(self.camera_id, number * self.every, t_seconds + self.late_seconds, image)

    def close(self) -> None:
        pass


LATE_SECONDS = 0.35
CAMERAS = (
    Walker("gate", 10.0, ((0.0, 5.0), (16.0, 19.0))),
    Walker("yard", 4.0, ((7.0, 9.0), (14.5, 17.0)), every=3, late_seconds=LATE_SECONDS),
)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Seen]:
    """The folder of a run, and what it saw."""
    folder = tmp_path_factory.mktemp("run")
    matcher, kept = CrossCameraMatcher(MATCHER), StepsKept()
    recording = RecordingSink(folder, {"gate": 0.0, "yard": LATE_SECONDS}, "fake")
    trackers = {camera.camera_id: SingleCameraTracker(camera.camera_id) for camera in CAMERAS}
    pipeline = Pipeline(
        detector=FakeDetector(), embedder=FakeEmbedder(), trackers=trackers, matcher=matcher, sinks=[recording, kept]
    )
    for _ in pipeline.steps(StepBatcher(CAMERAS)):
        pass
    pipeline.finish()
    pipeline.close()
    seen = set()
    for step in kept.steps:
        for update in [u for updates in step.updates.values() for u in updates if u.detection_index is not None]:
            identity = matcher.identity_at(update.key, update.t_seconds)
            if identity is not None:
                seen.add((update.camera_id, step.batch.frames[update.camera_id].index + 1, identity))
    return folder, seen


def repeated(recordings: list[Recording], frames_per_second: float | None) -> Seen:
    tracks = track_recordings(recordings, frames_per_second, matcher=MATCHER, delay_seconds=None)
    return {
        (camera, int(frame), int(identity))
        for camera, rows in tracks.cameras.items()
        for frame, identity in zip(rows.frames, rows.ids, strict=True)
    }


def test_identities_are_those_of_the_run(ran: tuple[Path, Seen]) -> None:
    folder, seen = ran
    recordings = [read_recording(camera.camera_id, folder / f"{camera.camera_id}.npz") for camera in CAMERAS]
    late = replace(recordings[1], t_seconds=recordings[1].times(None) + LATE_SECONDS)
    assert repeated([recordings[0], late], None) == seen
    assert 1 < len({identity for _, _, identity in seen}) < 4, "some of the four visits are one person, not all"
    assert {frame % 3 for camera, frame, _ in seen if camera == "yard"} == {1}
    even = [Recording(r.camera_id, tuple(s for s in r.looked_at() if s is not None)) for r in recordings]
    assert repeated(even, 10.0) != seen, "pictures counted without their times tell another story"


def test_the_clock_of_a_camera_is_kept_as_it_was(ran: tuple[Path, Seen]) -> None:
    times = read_recording("yard", ran[0] / "yard.npz").times(None)
    np.testing.assert_allclose(times[::3], np.arange(80) / 4, atol=1e-9)
    assert np.isnan(times[1::3]).all()
