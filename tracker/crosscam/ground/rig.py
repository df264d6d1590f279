"""All cameras of a site at once: their boxes on the ground, and which of them see a place."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.core.boxes import EDGE_PIXELS
from tracker.core.types import Detections, FloatArray
from tracker.crosscam.ground.config import GroundConfig
from tracker.crosscam.ground.gaussian import Array, inverse
from tracker.crosscam.ground_plane import GroundCamera, locate_together

VAGUE_METRES = 20.0
"""A foot point that is less certain than this, near the horizon, tells nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """The m boxes of one step, camera after camera.

    camera: (m,) ascending; camera k has rows starts[k] to starts[k + 1]. known: (m,), whether a box stands on the
    ground. xy: (m, 2) metres, 0 where unknown. covariance: (m, 2, 2), the unit matrix where unknown. information,
    vector: (m, 2, 2) and (m, 2), the inverse covariance and its product with xy, as terms of a product of Gaussians.
    looks: (m, d) unit rows without the cameras' tint, zeros where a box has no embedding.
    """

    camera: NDArray[np.int64]
    starts: NDArray[np.int64]
    known: NDArray[np.bool_]
    xy: Array
    covariance: Array
    information: Array
    vector: Array
    looks: FloatArray

    def __len__(self) -> int:
        return len(self.camera)


class Rig:
    """Cameras in a fixed order, projected together."""

    def __init__(self, cameras: Sequence[GroundCamera]) -> None:
        self.cameras = cameras
        self._sizes = np.array([camera.image_size for camera in cameras], np.float64)

    def boxes(self, seen: Sequence[Detections], looks: FloatArray, config: GroundConfig) -> Boxes:
        """The detections of every camera on the ground; looks: (m, d), see Boxes.

        The picture's border makes the foot of a cut box uncertain.
        """
        counts = [len(one) for one in seen]
        camera = np.repeat(np.arange(len(seen)), counts)
        pixels = np.concatenate([one.boxes_xyxy for one in seen])
        sizes = self._sizes[camera]
        beside = (pixels[:, 0] <= EDGE_PIXELS) | (pixels[:, 2] >= sizes[:, 0] - EDGE_PIXELS)
        below = pixels[:, 3] >= sizes[:, 1] - EDGE_PIXELS
        across = np.where(beside, config.cut_noise[0], config.foot_noise[0])
        along = np.where(below, config.cut_noise[1], config.foot_noise[1])
        noise = np.stack([across, along], axis=1)
        starts = np.concatenate([[0], np.cumsum(counts)])
        points = locate_together(self.cameras, starts.tolist(), pixels, noise)
        xy, covariance = points.xy, points.covariance
        covariance += config.base_noise_metres**2 * np.eye(2)
        with np.errstate(invalid="ignore"):
            known = np.isfinite(xy).all(axis=1) & (covariance[:, 0, 0] + covariance[:, 1, 1] <= VAGUE_METRES**2)
        xy[~known], covariance[~known] = 0, np.eye(2)
        information = inverse(covariance)
        return Boxes(camera, starts, known, xy, covariance, information, (information @ xy[..., None])[..., 0], looks)

    def in_view(self, ground: Array) -> NDArray[np.bool_]:
        """(n, c): whether a place (n, 2) on the ground lies inside each camera's picture."""
        pixels = np.stack([camera.to_image(ground) for camera in self.cameras], axis=1)
        with np.errstate(invalid="ignore"):
            return np.asarray(((pixels > 0) & (pixels < self._sizes)).all(axis=2))
