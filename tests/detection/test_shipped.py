"""The detector that comes with the project, on its sample videos, which it was never trained on."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tracker.core.types import Detections, FloatArray
from tracker.detection.opening import SHIPPED_DETECTOR, open_detector_session
from tracker.detection.yolo import YOLODetector
from tracker.evaluation.detection import Judged, judge
from tracker.inference.registry import load_registry
from tracker.inference.spec import ModelKind
from tracker.video.frame import Image

SAMPLES = Path(__file__).parents[2] / "sample_videos"
FIGURES = json.loads(SHIPPED_DETECTOR.with_suffix(".json").read_text())


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> YOLODetector:
    cache = tmp_path_factory.mktemp("cache")
    model = load_registry().resolve(ModelKind.DETECTOR, "omnitrack-person", [], cache, False, print)
    return YOLODetector(open_detector_session(model, cache, threads=1), model.spec)


def labelled(clip: str, step: int) -> list[tuple[Image, FloatArray, NDArray[np.bool_]]]:
    """Every step-th frame of a clip with the boxes (n, 4) xyxy of its people, and who is to be ignored."""
    truth = np.loadtxt(SAMPLES / f"gt_{clip}.txt", delimiter=",")
    video, number, frames = cv2.VideoCapture(str(SAMPLES / f"{clip}.mp4")), 0, []
    while video.grab():
        number += 1
        if number % step == 0:
            rows = truth[truth[:, 0] == number]
            boxes = np.hstack([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]]).astype(np.float32)
            frames.append((np.asarray(video.retrieve()[1], np.uint8), boxes, rows[:, 6] == 0))
    return frames


@pytest.mark.parametrize("clip", ["west", "east"])
def test_finds_most_people_and_little_else(detector: YOLODetector, clip: str) -> None:
    frames = labelled(clip, 25)
    found = detector.detect([image for image, _, _ in frames])
    judged = Judged.joined(
        [judge(seen, boxes, ignored) for seen, (_, boxes, ignored) in zip(found, frames, strict=True)]
    )
    precision, recall = judged.precision_recall(FIGURES["threshold"])
    assert precision > 0.55  # people far away in the west are not in the ground truth
    assert recall > 0.7


def test_an_empty_picture_and_no_picture(detector: YOLODetector) -> None:
    (nobody,) = detector.detect([np.full((120, 160, 3), 128, np.uint8)])
    assert (nobody.scores < FIGURES["threshold"]).all()
    assert detector.detect([]) == []


def test_the_registry_states_the_size_of_the_files(detector: YOLODetector) -> None:
    model = load_registry().resolve(ModelKind.DETECTOR, "omnitrack-person", [], Path(), False, print)
    assert model.spec.input.size == (FIGURES["height"], FIGURES["width"])
    assert sum(file.stat().st_size for file in SHIPPED_DETECTOR.parent.iterdir()) < 6_000_000


def test_boxes_stay_in_pictures_of_any_shape(detector: YOLODetector) -> None:
    image = cv2.resize(labelled("west", 200)[0][0], (900, 200))
    (found,) = detector.detect([np.asarray(image, np.uint8)])
    assert isinstance(found, Detections)
    assert (found.boxes_xyxy >= 0).all()
    assert (found.boxes_xyxy <= [900, 200, 900, 200]).all()
