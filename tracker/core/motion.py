"""Constant-velocity Kalman filter over many boxes at once.

The state of one box is a float64 array (5, 4): for each of centre x, centre y, width, height (columns, pixels) the
rows POSITION, VELOCITY (per second) and the covariance of the two as VAR_POSITION, COVARIANCE, VAR_VELOCITY. All noise
is independent between the four columns, so the textbook filter with an 8 x 8 covariance falls apart into four filters
of dimension two, which need no matrix inversion and run over all tracks in a few array operations. States of n boxes
are (n, 5, 4). Functions map states to states and hold nothing.

Noise grows with the height of the box, because the same step of a person covers more pixels near the camera. The
process noise is continuous white acceleration (Bar-Shalom, Li, Kirubarajan 2001, eq. 6.2.2-4): predicting twice by
dt equals predicting once by 2 dt, so frame rate and dropped frames do not matter.
"""

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

POSITION, VELOCITY, VAR_POSITION, COVARIANCE, VAR_VELOCITY = range(5)

States = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MotionConfig:
    """Standard deviations as fractions of the box height.

    centre_error, size_error: of one detection's centre and of its width and height.
    centre_acceleration, size_acceleration: root of the spectral density of the acceleration, per second^1.5.
    centre_speed, size_speed: of the unknown velocity at birth, per second.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    centre_error: float = 0.05
    size_error: float = 0.14
    centre_acceleration: float = 0.14
    size_acceleration: float = 0.18
    centre_speed: float = 2.6
    size_speed: float = 0.08

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 < value < np.inf:
                raise ValueError(f"{field.name} must be positive and finite, got {value}")


@lru_cache(maxsize=64)
def _shares(centre: float, size: float) -> NDArray[np.float64]:
    """(4,) squares of the standard deviations of centre x, centre y, width, height, over the squared height."""
    return np.square([centre, centre, size, size])


def _variances(heights: NDArray[np.float64], centre: float, size: float) -> NDArray[np.float64]:
    """(...) heights -> (..., 4) variances of centre x, centre y, width, height."""
    return np.asarray((heights * heights)[..., None] * _shares(centre, size))


def initiate(measured_cxcywh: NDArray[np.float64], config: MotionConfig) -> States:
    """(n, 4) first measurements -> (n, 5, 4) states at rest."""
    heights = measured_cxcywh[:, 3]
    states = np.zeros((len(measured_cxcywh), 5, 4))
    states[:, POSITION] = measured_cxcywh
    states[:, VAR_POSITION] = _variances(heights, config.centre_error, config.size_error)
    states[:, VAR_VELOCITY] = _variances(heights, config.centre_speed, config.size_speed)
    return states


def predict(states: States, dt_seconds: float, config: MotionConfig) -> States:
    """States (n, 5, 4) moved dt_seconds >= 0 ahead. A box never shrinks below one pixel."""
    return _moved(states, *_step(dt_seconds), config)


@lru_cache(maxsize=64)
def _step(dt: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What dt seconds do to the five rows of a state: a matrix (5, 5), and an addition (5, 1) per density.

    The mean becomes F x and the covariance F P F' + Q, with F = [[1, dt], [0, 1]] and, for a density q of the
    acceleration, Q = q [[dt^3 / 3, dt^2 / 2], [dt^2 / 2, dt]]. Written out, both are linear in the rows.
    """
    matrix = [[1, dt, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 2 * dt, dt * dt], [0, 0, 0, 1, dt], [0, 0, 0, 0, 1]]
    return np.array(matrix), np.array([[0], [0], [dt**3 / 3], [dt**2 / 2], [dt]])


def _moved(states: States, matrix: NDArray[np.float64], growth: NDArray[np.float64], config: MotionConfig) -> States:
    """States (n, 5, 4) after the step of matrix and growth, one for all or (n, ...)."""
    density = _variances(states[:, POSITION, 3], config.centre_acceleration, config.size_acceleration)
    ahead = matrix @ states
    ahead += growth * density[:, None]
    sizes = ahead[:, POSITION, 2:]
    np.maximum(sizes, 1.0, out=sizes)
    return ahead


def update(states: States, measured_cxcywh: NDArray[np.float64], config: MotionConfig) -> States:
    """States (n, 5, 4) corrected by one measurement (n, 4) each."""
    noise = _variances(measured_cxcywh[:, 3], config.centre_error, config.size_error)
    innovation = measured_cxcywh - states[:, POSITION]
    # rows: the gain of the position and of the velocity
    gains = states[:, VAR_POSITION:VAR_VELOCITY] / (states[:, VAR_POSITION] + noise)[:, None]
    corrected = states.copy()
    means, covariances, var_velocity = corrected[:, :2], corrected[:, 2:4], corrected[:, VAR_VELOCITY]
    means += gains * innovation[:, None]
    var_velocity -= gains[:, 1] * states[:, COVARIANCE]
    covariances *= 1 - gains[:, :1]
    return corrected


def squared_distances(states: States, measured_cxcywh: NDArray[np.float64], config: MotionConfig) -> States:
    """(..., 5, 4) states and (..., 4) measurements, which broadcast -> (...) squared Mahalanobis distances,
    chi-squared with 4 degrees of freedom.
    """
    noise = _variances(states[..., POSITION, 3], config.centre_error, config.size_error)
    innovation = measured_cxcywh - states[..., POSITION, :]
    return np.asarray(np.vecdot(innovation * innovation, 1.0 / (states[..., VAR_POSITION, :] + noise)))


def bridge(
    anchors: States, measured_cxcywh: NDArray[np.float64], gaps_seconds: NDArray[np.float64], config: MotionConfig
) -> States:
    """Observation-centric re-update (Cao et al., OC-SORT, CVPR 2023) of tracks that come back after a gap.

    anchors (n, 5, 4): the states right after the last observation, gaps_seconds (n,) > 0 ago. The filter is run again
    from there over points on the straight line to the new measurement (n, 4), so that the error which the velocity
    gathered while nobody watched is forgotten. Returns the states at the new measurement.
    """
    count = 5
    states, start = anchors, anchors[:, POSITION]
    steps = [_step(gap / count) for gap in gaps_seconds.tolist()]
    matrices = np.reshape([matrix for matrix, _ in steps], (-1, 5, 5))
    growths = np.reshape([growth for _, growth in steps], (-1, 5, 1))
    for number in range(1, count + 1):
        states = _moved(states, matrices, growths, config)
        states = update(states, start + (measured_cxcywh - start) * (number / count), config)
    return states


def warp(states: States, affine: NDArray[np.float64]) -> States:
    """States (n, 5, 4) seen after the camera moved; affine (2, 3) maps old picture points to new ones.

    Positions and velocities of centres move exactly; sizes and standard deviations grow by the affine's mean scale
    (the correlation between x and y that a rotation of the camera would add is left out).
    """
    linear, shift = affine[:, :2], affine[:, 2]
    scale = float(np.sqrt(abs(np.linalg.det(linear))))
    warped = states.copy()
    warped[:, POSITION:VAR_POSITION, :2] = states[:, POSITION:VAR_POSITION, :2] @ linear.T
    warped[:, POSITION, :2] += shift
    warped[:, POSITION:VAR_POSITION, 2:] *= scale
    warped[:, VAR_POSITION:] *= scale**2
    return warped
