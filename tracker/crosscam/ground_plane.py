"""From pixels to metres: where on the ground does a person stand, and how sure is that.

The ground is the plane z = 0 of one world shared by all cameras; coordinates (X, Y) are metres.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tracker.core.types import FloatArray

Array = NDArray[np.float64]

LENS_ITERATIONS = 20
JACOBIAN_STEP_PIXELS = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class RadialLens:
    """Tsai's radial distortion: undistorted = distorted * (1 + kappa r^2), r from the centre, in mm on the sensor.

    centre: (2,) pixels. millimetres_per_pixel: (2,). kappa: 1/mm^2.
    """

    centre: Array
    millimetres_per_pixel: Array
    kappa: float

    def undistort(self, pixels: Array) -> Array:
        """(n, 2) pixels of the picture -> (n, 2) pixels of an ideal pinhole picture."""
        offset = pixels - self.centre
        squared_radius = ((offset * self.millimetres_per_pixel) ** 2).sum(axis=1, keepdims=True)
        undistorted: Array = self.centre + offset * (1 + self.kappa * squared_radius)
        return undistorted

    def distort(self, pixels: Array) -> Array:
        """The inverse of undistort, by fixed-point iteration."""
        target = pixels - self.centre
        offset = target
        for _ in range(LENS_ITERATIONS):
            squared_radius = ((offset * self.millimetres_per_pixel) ** 2).sum(axis=1, keepdims=True)
            offset = target / (1 + self.kappa * squared_radius)
        distorted: Array = self.centre + offset
        return distorted


@dataclass(frozen=True, slots=True, eq=False)
class GroundCamera:
    """How one camera sees the ground.

    image_to_ground: (3, 3) homography, undistorted pixels -> metres. image_size: (width, height) in pixels of the
    pictures that are tracked. calibration_size: (width, height) of the pictures that were calibrated, where the
    tracked ones are stretched. lens: None for an ideal one.
    """

    image_to_ground: Array
    image_size: tuple[int, int]
    calibration_size: tuple[int, int] | None = None
    lens: RadialLens | None = None
    _ground_to_image: Array = field(init=False, repr=False)
    _scale: Array = field(init=False, repr=False)
    _ground_side: float = field(init=False, repr=False)
    """Sign of the third homogeneous coordinate below the horizon: that of the lower edge's middle."""

    def __post_init__(self) -> None:
        if self.image_to_ground.shape != (3, 3) or not np.isfinite(self.image_to_ground).all():
            raise ValueError(f"image_to_ground must be a finite (3, 3) matrix, got shape {self.image_to_ground.shape}")
        width, height = self.calibration_size or self.image_size
        nearby = _moved_to_origin(self.image_to_ground, np.array([width / 2, height, 1.0]))
        if abs(np.linalg.det(nearby / np.abs(nearby).max())) < 1e-15:
            raise ValueError("image_to_ground is singular: it maps the picture onto a line")
        derived = {
            "_ground_to_image": np.linalg.inv(self.image_to_ground),
            "_scale": np.array([width, height]) / np.array(self.image_size),
            "_ground_side": float(np.sign(self.image_to_ground[2] @ (width / 2, height, 1.0))),
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)
        corners = np.array([[0, height, 1], [width, height, 1]]) @ self.image_to_ground[2]
        if not (corners * self._ground_side > 0).all():
            raise ValueError("the horizon cuts the lower edge of the picture: feet there would stand behind the camera")

    def resized(self, image_size: tuple[int, int]) -> "GroundCamera":
        """The same camera, whose tracked pictures are so large (width, height)."""
        return replace(self, image_size=image_size, calibration_size=self.calibration_size or self.image_size)

    def to_ground(self, pixels: Array) -> Array:
        """(n, 2) pixels -> (n, 2) metres; NaN for points on or above the horizon."""
        ideal = pixels * self._scale
        if self.lens is not None:
            ideal = self.lens.undistort(ideal)
        projected = _homogeneous(ideal) @ self.image_to_ground.T
        below = projected[:, 2:] * self._ground_side > 1e-9 * np.abs(self.image_to_ground[2]).max()
        metres: Array = projected[:, :2] / np.where(below, projected[:, 2:], np.nan)
        return metres

    def to_image(self, ground: Array) -> Array:
        """(n, 2) metres -> (n, 2) pixels, possibly outside the picture; NaN for points behind the camera."""
        projected = _homogeneous(ground) @ self._ground_to_image.T
        ahead = projected[:, 2:] * self._ground_side > 0
        ideal = projected[:, :2] / np.where(ahead, projected[:, 2:], np.nan)
        if self.lens is not None:
            ideal = self.lens.distort(ideal)
        pixels: Array = ideal / self._scale
        return pixels


@dataclass(frozen=True, slots=True, eq=False)
class GroundPoints:
    """Where n boxes stand. xy: (n, 2) metres, NaN where a box does not stand on visible ground.

    covariance: (n, 2, 2) square metres.
    """

    xy: Array
    covariance: Array

    @property
    def known(self) -> NDArray[np.bool_]:
        """(n,): which boxes stand on the ground."""
        finite = np.isfinite(np.column_stack([self.xy, self.covariance.reshape(-1, 4)]))
        return np.asarray(finite.all(axis=1))


def covariance_terms(covariance: Array) -> tuple[float, float, float]:
    """(xx, xy, yy) of a symmetric (2, 2)."""
    (xx, xy), (_, yy) = covariance.tolist()
    return xx, xy, yy


def locate(camera: GroundCamera, boxes_xyxy: FloatArray, foot_noise: Array) -> GroundPoints:
    """Foot points (middle of the lower edge) of boxes (n, 4) in pixels, carried to the ground with their uncertainty.

    foot_noise: (2,) or (n, 2), standard deviation of the foot point across (in box widths) and along (in box heights).
    """
    return locate_together([camera], [0, len(boxes_xyxy)], boxes_xyxy, foot_noise)


def locate_together(
    cameras: Sequence[GroundCamera], starts: Sequence[int], boxes_xyxy: FloatArray, foot_noise: Array
) -> GroundPoints:
    """As locate(), of several cameras: camera k has the boxes from starts[k] to starts[k + 1]."""
    boxes = boxes_xyxy.astype(np.float64)
    feet = np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], axis=1)
    steps = JACOBIAN_STEP_PIXELS * np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]])
    pixels, ground = feet + steps[:, None], np.empty((len(steps), len(feet), 2))
    for camera, (start, end) in zip(cameras, pairwise(starts), strict=True):
        ground[:, start:end] = camera.to_ground(pixels[:, start:end].reshape(-1, 2)).reshape(len(steps), -1, 2)
    here, right, left, down, up = ground
    jacobian = np.stack([right - left, down - up], axis=2) / (2 * JACOBIAN_STEP_PIXELS)
    deviation = np.stack([boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]], axis=1) * foot_noise
    spread = jacobian * deviation[:, None, :]
    return GroundPoints(here, spread @ spread.transpose(0, 2, 1))


def fit_homography(pixels: Array, ground: Array) -> Array:
    """Homography (3, 3) from n >= 4 point pairs, pixels (n, 2) -> metres (n, 2): normalised direct linear transform.

    Raises ValueError for fewer than 4 pairs or for points that (nearly) lie on one line.
    """
    if len(pixels) < 4 or pixels.shape != ground.shape:
        raise ValueError(f"at least 4 pairs of points are needed, got {len(pixels)} pixels and {len(ground)} places")
    to_unit, from_unit = _normaliser(pixels), _normaliser(ground)
    p, g = _homogeneous(pixels) @ to_unit.T, _homogeneous(ground) @ from_unit.T
    zero = np.zeros_like(p)
    equations = np.concatenate([np.hstack([p, zero, -g[:, :1] * p]), np.hstack([zero, p, -g[:, 1:2] * p])])
    _, values, directions = np.linalg.svd(equations)
    if values[7] < 1e-6 * values[0]:
        raise ValueError(
            "too many of the points lie (nearly) on one line: choose at least four, no three of them on one line"
        )
    homography = np.linalg.inv(from_unit) @ directions[-1].reshape(3, 3) @ to_unit
    return np.asarray(homography / homography[2, 2])


def _moved_to_origin(image_to_ground: Array, pixel: Array) -> Array:
    """The same homography with the place of a pixel (3,) as origin: a map's coordinates may be millions of metres."""
    x, y, w = image_to_ground @ pixel
    if w == 0:
        return image_to_ground
    return np.asarray(np.array([[1, 0, -x / w], [0, 1, -y / w], [0, 0, 1]]) @ image_to_ground)


def _normaliser(points: Array) -> Array:
    """Similarity (3, 3) that brings points to mean 0 and mean distance sqrt(2)."""
    mean = points.mean(axis=0)
    scale = np.sqrt(2) / max(float(np.linalg.norm(points - mean, axis=1).mean()), 1e-12)
    return np.array([[scale, 0, -scale * mean[0]], [0, scale, -scale * mean[1]], [0, 0, 1]])


def _homogeneous(points: Array) -> Array:
    homogeneous = np.ones((len(points), 3))
    homogeneous[:, :2] = points
    return homogeneous
