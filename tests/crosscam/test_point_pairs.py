"""Calibration from pairs of points, and what it is worth."""

import numpy as np
import pytest

from tests.crosscam.test_ground_plane import camera
from tracker.crosscam.point_pairs import calibrate, errors, left_out_errors, misfit

SIZE = (1000, 800)
METRES = np.array([[-2.0, 4.0], [2.0, 4.0], [-3.0, 10.0], [3.0, 9.0], [0.0, 6.0], [1.0, 11.0]])
PIXELS = camera().to_image(METRES)


def test_exact_points_give_the_camera_back() -> None:
    found = calibrate(PIXELS, METRES, SIZE)
    there = np.array([[0.5, 7.0], [-1.0, 12.0]])
    np.testing.assert_allclose(found.to_ground(camera().to_image(there)), there, atol=1e-6)
    assert errors(found, PIXELS, METRES).max() < 1e-6
    assert left_out_errors(PIXELS, METRES, SIZE).max() < 1e-6


def test_a_wrong_point_shows_when_it_is_left_out() -> None:
    wrong = METRES.copy()
    wrong[4] += [1.0, 0.0]
    missed = left_out_errors(PIXELS, wrong, SIZE)
    assert missed[4] == pytest.approx(1.0, abs=1e-6), "the others are right and agree"
    assert errors(calibrate(PIXELS, wrong, SIZE), PIXELS, wrong)[4] < missed[4]


@pytest.mark.parametrize("row", range(len(METRES)))
def test_the_point_that_does_not_fit_is_found(row: int) -> None:
    wrong = METRES.copy()
    wrong[row] += [2.0, 1.5]
    found = misfit(PIXELS, wrong, SIZE)
    assert found is not None
    assert found[0] == row
    assert found[1] == pytest.approx(0, abs=1e-6)
    assert misfit(PIXELS, METRES, SIZE) is None
    assert misfit(PIXELS[:5], wrong[:5], SIZE) is None, "five points cannot tell which one it is"


def test_points_that_are_all_a_little_off_are_nobodys_fault() -> None:
    rng = np.random.default_rng(3)
    metres = np.repeat(METRES, 2, axis=0) + rng.normal(0, 0.5, (12, 2))
    pixels = camera().to_image(np.repeat(METRES, 2, axis=0) + np.tile([[0.0, 0.0], [0.3, 0.4]], (6, 1)))
    assert misfit(pixels, metres, SIZE) is None


def test_four_points_cannot_test_each_other() -> None:
    assert np.isnan(left_out_errors(PIXELS[:4], METRES[:4], SIZE)).all()


def test_a_point_that_holds_the_others_up_has_no_error_of_its_own() -> None:
    line = np.array([[0.0, 4.0], [0.0, 6.0], [0.0, 8.0], [0.0, 10.0], [2.0, 5.0], [-2.0, 9.0]])
    missed = left_out_errors(camera().to_image(line), line, SIZE)
    assert np.isfinite(missed[:4]).all()
    assert np.isfinite(missed[4:]).sum() <= 2


@pytest.mark.parametrize(
    ("pixels", "metres", "complaint"),
    [
        (PIXELS[:3], METRES[:3], "at least 4"),
        (np.zeros((0, 2)), np.zeros((0, 2)), "at least 4"),
        (np.array([[0.0, 0], [1, 1], [2, 2], [3, 3], [5, 5]]), METRES[:5], "on one line"),
        (PIXELS[[0, 0, 0, 0]], METRES[[0, 0, 0, 0]], "on one line"),
        (PIXELS[:4], np.array([[0.0, 0], [1, 0], [2, 0], [3, 0]]), "line"),
    ],
)
def test_points_that_fix_nothing_are_refused(pixels: np.ndarray, metres: np.ndarray, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        calibrate(pixels, metres, SIZE)


def test_feet_behind_the_camera_are_refused() -> None:
    """The mathematics of a pinhole also draws what is behind it, above the horizon and upside down."""
    to_image = np.linalg.inv(camera().image_to_ground)
    metres = np.array([[-2.0, 4.0], [2.0, 4.0], [0.0, 9.0], [-1.0, -9.0], [1.5, -12.0]])
    drawn = np.column_stack([metres, np.ones(5)]) @ to_image.T
    with pytest.raises(ValueError, match="point 4, 5 would stand behind the camera"):
        calibrate(drawn[:, :2] / drawn[:, 2:], metres, SIZE)
