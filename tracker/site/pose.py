"""A camera's intrinsics and pose -> how it sees the ground."""

import numpy as np
from numpy.typing import NDArray

from tracker.crosscam.ground_plane import GroundCamera, RadialLens

Array = NDArray[np.float64]

LEAST_HEIGHT_METRES = 1e-6


def posed_camera(
    camera_matrix: Array,
    rotation: Array,
    translation: Array,
    size: tuple[int, int],
    image_size: tuple[int, int] | None,
    lens: RadialLens | None = None,
) -> GroundCamera:
    """The camera with K = camera_matrix (3, 3) in pixels and x_cam = R X + t: rotation (3, 3), translation (3,) metres.

    size: (width, height) of the calibrated pictures; image_size: of the tracked ones, where they are stretched. Raises
    ValueError for a camera at the height of the ground, and where feet would stand behind it.
    """
    if abs(float(rotation[:, 2] @ translation)) < LEAST_HEIGHT_METRES:
        raise ValueError("the camera stands at the height of the ground and cannot look down on it: check translation")
    try:
        camera = GroundCamera(_plane_homography(camera_matrix, rotation, translation), image_size or size, size, lens)
    except ValueError as error:
        raise ValueError(f"{error}: check rotation and sign") from None
    return _looking_down(camera)


def tsai_rotation(rx: float, ry: float, rz: float) -> Array:
    """Rz Ry Rx, angles in radians."""
    (sx, sy, sz), (cx, cy, cz) = np.sin([rx, ry, rz]), np.cos([rx, ry, rz])
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    rotation: Array = about_z @ about_y @ about_x
    return rotation


def _plane_homography(camera_matrix: Array, rotation: Array, translation: Array) -> Array:
    """Undistorted pixels -> plane z = 0, the inverse of K [r1 r2 t].

    The third coordinate of a point ahead of the camera is one over its depth, so positive.
    """
    homography = np.linalg.inv(camera_matrix @ np.column_stack([rotation[:, :2], translation]))
    return np.asarray(homography / np.abs(homography).max())


def _looking_down(camera: GroundCamera) -> GroundCamera:
    """The same camera. Raises ValueError if its pose puts the feet at the lower edge of its picture behind it."""
    width, height = camera.calibration_size or camera.image_size
    if not camera.image_to_ground[2] @ (width / 2, height, 1.0) > 0:
        raise ValueError("feet at the lower edge of the picture would stand behind the camera: check rotation and sign")
    return camera
