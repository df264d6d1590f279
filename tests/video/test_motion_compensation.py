import cv2
import numpy as np

from tracker.video.frame import Image
from tracker.video.motion_compensation import CameraMotionEstimator


def texture() -> Image:
    """A (300, 400, 3) picture of random blobs."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (75, 100, 3), dtype=np.uint8)
    return np.asarray(cv2.GaussianBlur(cv2.resize(noise, (400, 300)), (0, 0), 2), np.uint8)


def test_finds_a_known_shift_and_rotation() -> None:
    image = texture()
    truth = cv2.getRotationMatrix2D((200.0, 150.0), 1.0, 1.0)
    truth[:, 2] += [4, -3]
    moved = np.asarray(cv2.warpAffine(image, truth, (400, 300), borderMode=cv2.BORDER_REFLECT), np.uint8)
    estimator = CameraMotionEstimator()
    np.testing.assert_array_equal(estimator.estimate(image), np.eye(2, 3))
    affine = estimator.estimate(moved)
    corners = np.array([[50, 50, 1], [350, 50, 1], [50, 250, 1], [350, 250, 1]]).T
    np.testing.assert_allclose(affine @ corners, truth @ corners, atol=0.7)


def test_people_who_move_do_not_move_the_camera() -> None:
    image = texture()
    moved = image.copy()
    moved[50:250, 110:310] = image[50:250, 100:300]
    estimator = CameraMotionEstimator()
    estimator.estimate(image)
    affine = estimator.estimate(moved, np.array([[90, 40, 320, 260]], np.float32))
    np.testing.assert_allclose(affine, np.eye(2, 3), atol=0.05)


def test_a_blank_wall_stands_still() -> None:
    estimator = CameraMotionEstimator()
    blank = np.full((100, 100, 3), 128, np.uint8)
    estimator.estimate(blank)
    np.testing.assert_array_equal(estimator.estimate(blank), np.eye(2, 3))
