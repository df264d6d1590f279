"""The people detector that needs no model file, on the project's own sample clips."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tracker.detection.hog import HOGDetector
from tracker.detection.suppression import iou_matrix
from tracker.video.frame import Image

SAMPLES = Path(__file__).resolve().parents[2] / "sample_videos"


def frames(name: str, indices: list[int]) -> list[Image]:
    video = cv2.VideoCapture(str(SAMPLES / f"{name}.mp4"))
    pictures: list[Image] = []
    for index in indices:
        video.set(cv2.CAP_PROP_POS_FRAMES, index)
        pictures.append(np.asarray(video.read()[1], np.uint8))
    return pictures


def test_most_people_of_a_sample_clip_are_found_and_little_else() -> None:
    truth = np.loadtxt(SAMPLES / "gt_east.txt", delimiter=",")
    found = right = people = 0
    indices = list(range(0, 790, 79))
    for index, detections in zip(indices, HOGDetector(0.5).detect(frames("east", indices)), strict=True):
        rows = truth[(truth[:, 0] == index + 1) & (truth[:, 6] == 1)]
        boxes = np.hstack([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]]).astype(np.float32)
        iou = iou_matrix(np.concatenate([detections.boxes_xyxy, boxes]))[: len(detections), len(detections) :]
        found += len(detections)
        right += int((iou >= 0.5).any(axis=0).sum())
        people += len(rows)
    assert people > 20
    assert right / people > 0.7
    assert right / found > 0.8


def test_scores_are_sorted_and_a_higher_confidence_only_drops_the_unsure() -> None:
    pictures = frames("east", [100])
    (lenient,), (strict,) = HOGDetector(0.1).detect(pictures), HOGDetector(0.6).detect(pictures)
    assert (np.diff(lenient.scores) <= 0).all()
    sure = lenient.scores >= 0.6
    np.testing.assert_array_equal(strict.boxes_xyxy, lenient.boxes_xyxy[sure])
    assert len(strict) < len(lenient)


def test_people_are_found_alike_at_twice_the_resolution() -> None:
    (picture,) = frames("east", [100])
    double = cv2.resize(picture, None, fx=2, fy=2)
    (small,) = HOGDetector(0.6).detect([picture])
    (large,) = HOGDetector(0.6).detect([np.asarray(double, np.uint8)])
    iou = iou_matrix(np.concatenate([small.boxes_xyxy, large.boxes_xyxy / 2]))[: len(small), len(small) :]
    assert len(small) >= 3
    assert (iou.max(axis=1) > 0.7).mean() > 0.7


@pytest.mark.parametrize("shape", [(576, 330, 3), (40, 80, 3), (400, 20, 3), (1, 1, 3)])
def test_empty_pictures_of_any_shape_hold_nobody(shape: tuple[int, int, int]) -> None:
    (found,) = HOGDetector().detect([np.full(shape, 90, np.uint8)])
    assert found.boxes_xyxy.shape == (0, 4)


def test_no_pictures() -> None:
    assert HOGDetector().detect([]) == []


def test_sizes_must_be_in_order() -> None:
    with pytest.raises(ValueError, match=r"smallest 0\.5 and largest 0\.2"):
        HOGDetector(smallest=0.5, largest=0.2)
