import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.core import boxes

BOX = st.tuples(st.integers(-50, 50), st.integers(-50, 50), st.integers(1, 60), st.integers(1, 60))
BOXES = st.lists(BOX, max_size=6).map(
    lambda rows: np.array([(x, y, x + w, y + h) for x, y, w, h in rows], np.float32).reshape(-1, 4)
)


def rasterised_iou(a: np.ndarray, b: np.ndarray) -> float:
    canvas = np.zeros((2, 200, 200), bool)
    for layer, (x1, y1, x2, y2) in zip(canvas, (a.astype(int) + 60, b.astype(int) + 60), strict=True):
        layer[y1:y2, x1:x2] = True
    return float((canvas[0] & canvas[1]).sum() / (canvas[0] | canvas[1]).sum())


@given(BOXES, BOXES)
def test_iou_counts_pixels(a: np.ndarray, b: np.ndarray) -> None:
    values = boxes.iou(a, b)
    assert values.shape == (len(a), len(b))
    for i, j in np.ndindex(*values.shape):
        assert values[i, j] == pytest.approx(rasterised_iou(a[i], b[j]), abs=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.filterwarnings("error")
def test_boxes_without_area_overlap_nothing(dtype: type) -> None:
    """As those are that lie outside of a picture to which they are cut."""
    lines: np.ndarray = np.array([[0, 10, 0, 60], [100, 100, 100, 100], [0, 10, 30, 60]], dtype)
    np.testing.assert_array_equal(boxes.iou(lines, lines), np.diag([0, 0, 1]))


@given(BOXES)
def test_centre_form_and_back(corners: np.ndarray) -> None:
    np.testing.assert_allclose(boxes.cxcywh_to_xyxy(boxes.xyxy_to_cxcywh(corners)), corners, atol=1e-5)


@given(BOXES, BOXES)
def test_boxes_are_within_a_box_when_they_overlap_once_both_have_grown(a: np.ndarray, b: np.ndarray) -> None:
    grown = np.array([1, 1, 2, 2])
    centres, others = boxes.xyxy_to_cxcywh(a), boxes.xyxy_to_cxcywh(b)
    overlap = boxes.iou(boxes.cxcywh_to_xyxy(centres * grown), boxes.cxcywh_to_xyxy(others * grown)) > 0
    np.testing.assert_array_equal(boxes.within_a_box(centres, others), overlap)


def test_only_the_farther_of_two_people_is_hidden() -> None:
    far, near = [0, 0, 10, 10], [5, 0, 15, 20]
    np.testing.assert_allclose(boxes.occlusion(np.array([far, near], np.float32)), [0.5, 0.0])


def test_of_two_who_are_cut_off_by_the_pictures_edge_either_may_be_hidden() -> None:
    one, other = [0, 0, 10, 20], [5, 10, 15, 20]
    np.testing.assert_allclose(boxes.occlusion(np.array([one, other], np.float32)), [0.25, 0.5])


def test_a_lone_box_is_not_hidden() -> None:
    assert boxes.occlusion(np.array([[0, 0, 1, 1]], np.float32)).tolist() == [0]
    assert boxes.occlusion(np.zeros((0, 4), np.float32)).shape == (0,)


@given(BOXES)
def test_only_whom_the_edge_cuts_is_not_wholly_within_the_picture(some: np.ndarray) -> None:
    size = (60, 60)
    shares = boxes.share_within(some, size)
    assert shares.shape == (len(some),)
    assert ((shares > 0) & (shares <= 1)).all()
    inside = ((some > boxes.EDGE_PIXELS) & (some < 60 - boxes.EDGE_PIXELS)).all(axis=1)
    assert (shares[inside] == 1).all()


def test_what_the_edge_leaves_of_somebody_tells_how_much_it_cuts() -> None:
    height, width = 100, 100 * boxes.USUAL_SHAPE
    cut_by = {0.25: [0, 50, width / 4, 50 + height], 0.75: [200, 150, 200 + width, 150 + 0.75 * height]}
    shares = boxes.share_within(np.array(list(cut_by.values()), np.float32), (400, 225))
    np.testing.assert_allclose(shares, list(cut_by), rtol=1e-6)
