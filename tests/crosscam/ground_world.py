"""People walking on a square seen by four calibrated cameras, one at each corner."""

import numpy as np
from numpy.typing import NDArray

from tracker.core.types import Detections
from tracker.crosscam.ground_plane import GroundCamera

SIZE = (1280, 960)
STEP_SECONDS = 0.5
DIMENSION = 32


def corner_pose(x: float, y: float) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """K (3, 3) in pixels, R (3, 3) and t (3,) in metres, x_cam = R X + t, of a camera 4 m above (x, y) that looks at
    the ground in the middle (0, 0).
    """
    position = np.array([x, y, 4.0])
    ahead = -position / np.linalg.norm(position)
    right = np.cross(ahead, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(ahead, right), ahead])
    camera_matrix = np.array([[900.0, 0, SIZE[0] / 2], [0, 900, SIZE[1] / 2], [0, 0, 1]])
    return camera_matrix, rotation, -rotation @ position


def corner_camera(x: float, y: float) -> GroundCamera:
    camera_matrix, rotation, translation = corner_pose(x, y)
    to_image = camera_matrix @ np.column_stack([rotation[:, :2], translation])
    return GroundCamera(np.asarray(np.linalg.inv(to_image), np.float64), SIZE)


CAMERAS = {f"c{k}": corner_camera(*at) for k, at in enumerate([(-9.0, -9.0), (9.0, -9.0), (9.0, 9.0), (-9.0, 9.0)])}


def look(person: int) -> NDArray[np.float32]:
    vector = np.random.default_rng(1000 + person).normal(size=DIMENSION)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def detections(
    places: dict[int, tuple[float, float]], rng: np.random.Generator, miss: float = 0.1
) -> tuple[dict[str, Detections], dict[str, list[int]]]:
    """Boxes of every camera with jitter and misses, in random order, and whose they are."""
    found, people = {}, {}
    for name, camera in CAMERAS.items():
        boxes, looks, whose = [], [], []
        for person in rng.permutation(list(places)).tolist():
            foot = camera.to_image(np.array([places[person]]))[0]
            scale = 900 / 12.0
            if not (np.isfinite(foot).all() and (foot > 5).all() and (foot < np.array(SIZE) - 5).all()):
                continue
            if rng.random() < miss:
                continue
            u, v = foot + rng.normal(0, [0.02 * scale, 0.04 * scale])
            boxes.append([u - 0.25 * scale, v - 1.7 * scale, u + 0.25 * scale, v])
            noisy = look(person) + rng.normal(0, 0.5 / np.sqrt(DIMENSION), DIMENSION)
            looks.append(noisy / np.linalg.norm(noisy))
            whose.append(person)
        found[name] = Detections(
            np.array(boxes, np.float32).reshape(-1, 4),
            np.full(len(boxes), 0.9, np.float32),
            np.array(looks, np.float32).reshape(-1, DIMENSION),
        )
        people[name] = whose
    return found, people
