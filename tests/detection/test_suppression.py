import cv2
import numpy as np
import pytest

from tracker.core.types import FloatArray
from tracker.detection.suppression import iou_matrix, non_maximum_suppression


def crowd(seed: int, count: int) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    corner = rng.integers(0, 60, (count, 2))
    return np.hstack([corner, corner + rng.integers(8, 40, (count, 2))]).astype(np.float32), rng.random(
        count, np.float32
    )


def test_iou_of_known_boxes() -> None:
    boxes = np.array([[0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6], [4, 4, 4, 4]], np.float32)
    expected = np.array([[1, 1 / 3, 0, 0], [1 / 3, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]], np.float32)
    np.testing.assert_allclose(iou_matrix(boxes), expected, rtol=1e-6)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("max_iou", [0.3, 0.6])
def test_equals_opencv(seed: int, max_iou: float) -> None:
    boxes, scores = crowd(seed, 60)
    as_xywh = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]]).tolist()
    expected = np.asarray(cv2.dnn.NMSBoxes(as_xywh, scores.tolist(), 0.0, max_iou)).ravel()
    np.testing.assert_array_equal(non_maximum_suppression(boxes, scores, max_iou), expected)


def test_what_stays_is_sorted_and_does_not_overlap() -> None:
    boxes, scores = crowd(99, 200)
    kept = non_maximum_suppression(boxes, scores, 0.4)
    assert (np.diff(scores[kept]) <= 0).all()
    assert (iou_matrix(boxes[kept]) - np.eye(len(kept)) <= 0.4).all()


def test_of_equal_scores_the_earlier_row_stays() -> None:
    boxes = np.array([[0, 0, 9, 9], [0, 0, 9, 9.5]], np.float32)
    np.testing.assert_array_equal(non_maximum_suppression(boxes, np.array([0.5, 0.5], np.float32), 0.5), [0])


def test_nothing_in_nothing_out() -> None:
    kept = non_maximum_suppression(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), 0.5)
    assert kept.shape == (0,)
    assert kept.dtype == np.int64
