import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.core.types import Detections
from tracker.evaluation.detection import Judged, average_precision, calibration, judge

PEOPLE = np.array([[0, 0, 10, 20], [50, 0, 60, 20]], np.float32)


def found(boxes: list[list[float]], scores: list[float]) -> Detections:
    return Detections(np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32))


def test_exact_boxes_score_one() -> None:
    scores = judge(found(PEOPLE.tolist(), [0.9, 0.6]), PEOPLE).scored()
    assert (scores.ap50, scores.ap50_95, scores.precision, scores.recall) == (1, 1, 1, 1)
    assert scores.threshold == pytest.approx(0.6)


def test_nothing_found_and_nobody_there() -> None:
    assert judge(Detections.empty(), PEOPLE).scored().ap50 == 0
    alone = judge(found([[0, 0, 10, 20]], [0.5]), np.zeros((0, 4), np.float32))
    assert alone.people == 0
    assert not alone.right.any()
    assert Judged.joined([]).scored().ap50_95 == 0


def test_a_second_box_on_a_person_is_wrong() -> None:
    judged = judge(found([[0, 0, 10, 20], [0, 0, 10, 19]], [0.5, 0.9]), PEOPLE)
    assert judged.scores.tolist() == pytest.approx([0.9, 0.5])
    assert judged.right[:, 0].tolist() == [True, False]
    assert judged.precision_recall(0.7) == (1.0, 0.5)


def test_looser_boxes_count_at_lower_overlaps_only() -> None:
    judged = judge(found([[0, 0, 10, 13.5]], [0.9]), PEOPLE)
    assert judged.right[0].tolist() == [True] * 4 + [False] * 6  # 13.5 of 20 pixels: .675


def test_boxes_on_ignored_people_are_left_out() -> None:
    judged = judge(found(PEOPLE.tolist(), [0.9, 0.8]), PEOPLE, np.array([False, True]))
    assert (len(judged.scores), judged.people) == (1, 1)


def test_average_precision_by_hand() -> None:
    # right, wrong, right of two people: precision 1 up to recall .5, 2/3 beyond
    value = average_precision(np.array([0.9, 0.8, 0.7], np.float32), np.array([True, False, True]), 2)
    assert value == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_best_threshold_is_where_f1_is_highest() -> None:
    judged = Judged(np.array([0.9, 0.5, 0.2], np.float32), np.array([[True] * 10, [True] * 10, [False] * 10]), 2)
    assert judged.best_threshold() == pytest.approx(0.5)


@given(st.floats(0.5, 3), st.floats(-2, 2))
def test_calibration_recovers_a_known_distortion(slope: float, offset: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, 20_000)
    right = rng.random(20_000) < 1 / (1 + np.exp(-(slope * logits + offset)))
    scores = (1 / (1 + np.exp(-logits))).astype(np.float32)
    assert calibration(scores, right) == pytest.approx((slope, offset), abs=0.15)


def test_separable_boxes_stay_finite() -> None:
    slope, offset = calibration(np.array([0.1, 0.2, 0.8, 0.9], np.float32), np.array([False, False, True, True]))
    assert 0 < slope < 10
    assert abs(offset) < 10
