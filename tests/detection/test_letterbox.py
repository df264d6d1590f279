import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.detection.letterbox import GREY, letterbox


def canvas() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.full((64, 96, 3), 7, np.uint8)


@pytest.mark.parametrize(("height", "width", "inner"), [(64, 96, (64, 96)), (32, 96, (32, 96)), (128, 64, (64, 32))])
def test_picture_fills_the_top_left_and_grey_the_rest(height: int, width: int, inner: tuple[int, int]) -> None:
    drawn = canvas()
    placement = letterbox(np.full((height, width, 3), 200, np.uint8), drawn)
    assert (drawn[: inner[0], : inner[1]] == 200).all()
    assert (drawn[inner[0] :] == GREY).all()
    assert (drawn[:, inner[1] :] == GREY).all()
    assert placement.scale == pytest.approx(inner[0] / height)


@given(st.integers(1, 500), st.integers(1, 500))
def test_any_size_fits_and_its_corners_come_back(height: int, width: int) -> None:
    drawn = canvas()
    placement = letterbox(np.zeros((height, width, 3), np.uint8), drawn)
    network = np.array([[0, 0, width * placement.scale, height * placement.scale]], np.float32)
    assert network.max() <= 96.001
    np.testing.assert_allclose(placement.to_original(network), [[0, 0, width, height]], rtol=1e-4)


def test_boxes_are_clipped_to_the_picture() -> None:
    placement = letterbox(np.zeros((128, 192, 3), np.uint8), canvas())
    boxes = np.array([[-5, 10, 200, 70], [10, 20, 30, 40]], np.float32)
    expected = np.array([[0, 20, 192, 128], [20, 40, 60, 80]], np.float32)
    restored = placement.to_original(boxes)
    np.testing.assert_array_equal(restored, expected)
    assert restored.dtype == np.float32
    assert placement.to_original(np.zeros((0, 4), np.float32)).shape == (0, 4)
