"""A camera that pans over a street: its own motion must not tear people's tracks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.test_pipeline import FakeEmbedder
from tests.video.clips import write_clip
from tracker.bootstrap import build_run
from tracker.config import CameraConfig, Config, ModelsConfig
from tracker.core.presets import PRESETS
from tracker.core.single_camera import SingleCameraTracker
from tracker.core.types import Detections
from tracker.crosscam.matcher import CrossCameraMatcher
from tracker.pipeline import Pipeline
from tracker.ports import MotionEstimator
from tracker.video.frame import Frame, FrameBatch, Image
from tracker.video.motion_compensation import CameraMotionEstimator

WIDTH, HEIGHT, FRAMES = 320, 200, 60
COLOURS = ((0, 0, 255), (255, 0, 0))
"""Of the two people, red and blue, on a street without either."""


class ColourDetector:
    """Named a fake: finds the two people by their colours."""

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        return [self._people(image) for image in images]

    def _people(self, image: Image) -> Detections:
        boxes = []
        for colour in COLOURS:
            rows, columns = np.nonzero((image == colour).all(axis=2))
            if len(rows):
                boxes.append([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
        return Detections(np.array(boxes, np.float32).reshape(-1, 4), np.full(len(boxes), 0.9, np.float32))


def street() -> Image:
    """A long textured background without pure colours."""
    noise = np.random.default_rng(0).integers(60, 200, (50, 400, 3), dtype=np.uint8)
    return np.asarray(cv2.GaussianBlur(cv2.resize(noise, (1600, HEIGHT)), (0, 0), 2), np.uint8)


def panning() -> list[FrameBatch]:
    """Two people walk side by side while the camera swings over them, a box width or more from frame to frame."""
    background, batches = street(), []
    for index in range(FRAMES):
        left = int(500 + 80 * np.sin(index / 2.5))
        picture = background.copy()
        for start, colour in zip((600 + index // 2, 660 + index // 2), COLOURS, strict=True):
            picture[80:150, start : start + 24] = colour
        view = np.ascontiguousarray(picture[:, left : left + WIDTH])
        batches.append(FrameBatch(index / 10, {"a": Frame("a", index, index / 10, view)}))
    return batches


def tracks_of(movements: dict[str, MotionEstimator]) -> int:
    pipeline = Pipeline(
        detector=ColourDetector(),
        embedder=FakeEmbedder(),
        trackers={"a": SingleCameraTracker("a", PRESETS["iou"])},
        matcher=CrossCameraMatcher(),
        movements=movements,
    )
    return len({update.track_id for batch in panning() for update in pipeline.step(batch).updates["a"]})


def test_compensated_tracks_hold_where_others_tear() -> None:
    assert tracks_of({"a": CameraMotionEstimator()}) == 2
    assert tracks_of({}) > 4


def test_the_switch_of_a_camera_is_wired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMNITRACK_MODELS", raising=False)
    clip = str(write_clip(tmp_path / "x.mp4", [0.0, 0.1, 0.2]))
    cameras = (CameraConfig(name="fixed", source=clip), CameraConfig(name="carried", source=clip, moving=True))
    config = Config(cameras=cameras, models=ModelsConfig(download=False))
    given: dict[str, Any] = {}

    def recorded(**parts: Any) -> Pipeline:
        given.update(parts)
        return Pipeline(**parts)

    monkeypatch.setattr("tracker.bootstrap.Pipeline", recorded)
    with build_run(config, tmp_path / "out", str(tmp_path / "x.db"), notify=lambda line: None):
        assert set(given["movements"]) == {"carried"}
