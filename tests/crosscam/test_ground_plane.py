"""Pixels to metres and back."""

import numpy as np
import pytest

from tracker.crosscam.ground_plane import GroundCamera, RadialLens, fit_homography, locate

CAMERA_MATRIX = np.array([[1000.0, 0, 500], [0, 1000, 400], [0, 0, 1]])
FORWARD_AND_DOWN = np.array([[1.0, 0, 0], [0, -0.6, -0.8], [0, 0.8, -0.6]])
HEIGHT = np.array([0.0, 2.4, 1.8])  # x_cam = R X + t; the camera stands 3 m above the origin


def camera(lens: RadialLens | None = None) -> GroundCamera:
    to_image = CAMERA_MATRIX @ np.column_stack([FORWARD_AND_DOWN[:, :2], HEIGHT])
    return GroundCamera(np.linalg.inv(to_image), (1000, 800), lens=lens)


NOISE = np.array([0.08, 0.05])
GROUND = np.array([[0.0, 5.0], [1.0, 4.0], [-1.5, 8.0], [2.0, 20.0]])


def test_ground_to_image_and_back() -> None:
    lens = RadialLens(np.array([480.0, 410.0]), np.array([0.005, 0.005]), 0.01)
    for seen in (camera(), camera(lens)):
        np.testing.assert_allclose(seen.to_ground(seen.to_image(GROUND)), GROUND, atol=1e-6)


def test_a_point_projects_as_the_pinhole_model_says() -> None:
    x, y, z = CAMERA_MATRIX @ (FORWARD_AND_DOWN @ [1.0, 4.0, 0.0] + HEIGHT)
    np.testing.assert_allclose(camera().to_image(np.array([[1.0, 4.0]])), [[x / z, y / z]])


def test_above_the_horizon_there_is_no_ground() -> None:
    horizon = camera().to_image(np.array([[0.0, 1e6]]))[0, 1]
    pixels = np.array([[500.0, horizon - 20], [500.0, horizon + 20]])
    assert np.isfinite(camera().to_ground(pixels)).all(axis=1).tolist() == [False, True]


def test_behind_the_camera_there_is_no_picture() -> None:
    assert np.isnan(camera().to_image(np.array([[0.0, -30.0]]))).all()


def test_stretched_pictures_are_unstretched() -> None:
    plain = camera()
    stretched = GroundCamera(plain.image_to_ground, (2000, 800), calibration_size=(1000, 800))
    pixels = np.array([[300.0, 700.0]])
    np.testing.assert_allclose(stretched.to_ground(pixels * [2, 1]), plain.to_ground(pixels))


def test_uncertainty_grows_with_distance_and_points_away_from_the_camera() -> None:
    feet = camera().to_image(np.array([[0.0, 5.0], [0.0, 20.0]]))
    heights = np.array([400.0, 120.0])
    boxes = np.column_stack([feet[:, 0] - 20, feet[:, 1] - heights, feet[:, 0] + 20, feet[:, 1]]).astype(np.float32)
    points = locate(camera(), boxes, NOISE)
    deviation = np.sqrt(points.covariance[:, [0, 1], [0, 1]])
    assert (deviation[1] > deviation[0]).all()
    assert deviation[1, 1] > 3 * deviation[1, 0]


def test_no_box_is_located_nowhere() -> None:
    points = locate(camera(), np.zeros((0, 4), np.float32), NOISE)
    assert points.xy.shape == (0, 2)
    assert points.covariance.shape == (0, 2, 2)


def test_homography_from_point_pairs() -> None:
    fitted = fit_homography(camera().to_image(GROUND), GROUND)
    other = np.array([[0.3, 6.0], [-2.0, 12.0]])
    np.testing.assert_allclose(GroundCamera(fitted, (1000, 800)).to_ground(camera().to_image(other)), other, atol=1e-6)


def test_points_on_one_line_give_no_homography() -> None:
    line = np.column_stack([np.arange(5.0), 2 * np.arange(5.0)])
    with pytest.raises(ValueError, match="line"):
        fit_homography(line, line)


def test_too_few_points_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 4"):
        fit_homography(np.zeros((3, 2)), np.zeros((3, 2)))


def test_a_singular_calibration_is_refused() -> None:
    with pytest.raises(ValueError, match="singular"):
        GroundCamera(np.ones((3, 3)), (100, 100))
