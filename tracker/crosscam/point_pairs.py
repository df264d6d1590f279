"""A ground calibration from pairs of points, and how far it can be trusted."""

import numpy as np
from numpy.typing import NDArray

from tracker.crosscam.ground_plane import GroundCamera, fit_homography

Array = NDArray[np.float64]

MISFIT_METRES, MISFIT_TIMES = 0.25, 4.0
"""Points that err by less are as good as people measure; a wrong one makes the others err so many times as much."""


def calibrate(pixels: Array, metres: Array, image_size: tuple[int, int]) -> GroundCamera:
    """The camera that sees n >= 4 points of the ground, (n, 2) metres, at pixels (n, 2).

    Raises ValueError for points on one line, and where feet would stand behind the camera.
    """
    camera = GroundCamera(fit_homography(pixels, metres), image_size)
    lost = np.flatnonzero(np.isnan(camera.to_ground(pixels)).any(axis=1)) + 1
    if len(lost):
        numbers = ", ".join(str(number) for number in lost)
        raise ValueError(f"feet at point {numbers} would stand behind the camera: are its pixels and metres a pair?")
    return camera


def errors(camera: GroundCamera, pixels: Array, metres: Array) -> Array:
    """(n,) metres between where the camera puts each point and where it is."""
    return np.asarray(np.linalg.norm(camera.to_ground(pixels) - metres, axis=1))


def root_mean_square(values: Array) -> float:
    return float((values**2).mean() ** 0.5)


def misfit(pixels: Array, metres: Array, image_size: tuple[int, int]) -> tuple[int, float] | None:
    """The point without which the others agree much better: its row, and the metres by which they then err (root mean
    square). None where there is none, and for fewer than six points, which cannot tell.
    """
    if len(pixels) < 6:
        return None
    rest = np.full(len(pixels), np.inf)
    for row in range(len(pixels)):
        others = np.arange(len(pixels)) != row
        try:
            camera = calibrate(pixels[others], metres[others], image_size)
        except ValueError:
            continue
        rest[row] = root_mean_square(errors(camera, pixels[others], metres[others]))
    worst = int(rest.argmin())
    whole = root_mean_square(errors(calibrate(pixels, metres, image_size), pixels, metres))
    return (worst, float(rest[worst])) if whole > MISFIT_METRES and rest[worst] < whole / MISFIT_TIMES else None


def left_out_errors(pixels: Array, metres: Array, image_size: tuple[int, int]) -> Array:
    """(n,) metres by which the other points miss each one: the error to expect elsewhere.

    NaN for a point without which there is no calibration, as for all of only four.
    """
    missed = np.full(len(pixels), np.nan)
    for row in range(len(pixels) if len(pixels) > 4 else 0):
        others = np.arange(len(pixels)) != row
        try:
            camera = calibrate(pixels[others], metres[others], image_size)
        except ValueError:
            continue
        missed[row] = errors(camera, pixels[[row]], metres[[row]])[0]
    return missed
