"""Which calibrated cameras see the same ground."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tracker.crosscam.ground_plane import GroundCamera

STEPS = 24
"""Places across and down the picture at which feet are tried."""
COARSEST_METRES = 0.25
"""Where one pixel spans more ground than this, nobody can be told from anybody."""
LEAST_SHARE = 0.03
"""Two views overlap when so large a part of the usable ground of either lies in the other's picture."""


def overlapping(cameras: Mapping[str, GroundCamera]) -> list[str]:
    """The cameras that share ground with another one, in the order given."""
    grounds = {name: usable_ground(camera) for name, camera in cameras.items()}
    return [
        name
        for name in cameras
        if any(other != name and _share(cameras, grounds, name, other) >= LEAST_SHARE for other in cameras)
    ]


def usable_ground(camera: GroundCamera) -> NDArray[np.float64]:
    """(n, 2) metres: places evenly over the picture where feet can be located."""
    width, height = camera.image_size
    across, down = (np.arange(STEPS) + 0.5) / STEPS * width, (np.arange(STEPS) + 0.5) / STEPS * height
    pixels = np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 2)
    return np.asarray(camera.to_ground(pixels)[_is_usable(camera, pixels)])


def _is_usable(camera: GroundCamera, pixels: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(n,): which pixels (n, 2) lie in the picture and see ground that is not too far away."""
    here, beside, below = (camera.to_ground(pixels + step) for step in ([0, 0], [1, 0], [0, 1]))
    metres = np.maximum(np.linalg.norm(beside - here, axis=1), np.linalg.norm(below - here, axis=1))
    with np.errstate(invalid="ignore"):
        inside = ((pixels > 0) & (pixels < np.array(camera.image_size))).all(axis=1)
        return np.asarray(inside & (metres <= COARSEST_METRES))


def _share(
    cameras: Mapping[str, GroundCamera], grounds: Mapping[str, NDArray[np.float64]], one: str, other: str
) -> float:
    return max(_seen(cameras[other], grounds[one]), _seen(cameras[one], grounds[other]))


def _seen(camera: GroundCamera, ground: NDArray[np.float64]) -> float:
    """Which share of these places (n, 2) the camera sees well enough."""
    return float(_is_usable(camera, camera.to_image(ground)).mean()) if len(ground) else 0.0
