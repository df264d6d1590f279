"""Where people stand who are followed in the picture of a calibrated camera."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tracker.core.boxes import EDGE_PIXELS
from tracker.core.types import FloatArray, TrackUpdate
from tracker.crosscam.ground.config import GroundConfig
from tracker.crosscam.ground.local_tracks import Seen
from tracker.crosscam.ground_plane import Array, GroundCamera, locate

VAGUE_METRES = 1.0
"""A place that is less certain than this is no evidence."""


class Places:
    """Adds places to tracks, of boxes that the picture's border does not cut. cameras: those that are calibrated."""

    def __init__(self, cameras: Mapping[str, GroundCamera], config: GroundConfig | None = None) -> None:
        self._cameras = dict(cameras)
        self._noise = np.array((config or GroundConfig()).foot_noise)

    def forget(self, camera_id: str) -> None:
        """The camera's calibration holds no more."""
        self._cameras.pop(camera_id, None)

    def placed(self, camera_id: str, seen: Seen, updates: Sequence[TrackUpdate]) -> list[TrackUpdate]:
        """The updates of one picture."""
        camera = self._cameras.get(camera_id)
        if camera is None or not updates:
            return list(updates)
        size = seen.detections.image_size
        if size is not None and size != camera.image_size:
            camera = self._cameras[camera_id] = camera.resized(size)
        boxes = np.array([update.box_xyxy for update in updates], np.float32).reshape(-1, 4)
        places, sure = sure_places(camera, boxes, self._noise)
        sure &= np.array([update.detection_index is not None for update in updates])
        return [
            replace(update, ground_metres=(x, y), ground_covariance=(xx, xy, yy)) if known else update
            for update, known, (x, y, xx, xy, yy) in zip(updates, sure.tolist(), places.tolist(), strict=True)
        ]


def sure_places(camera: GroundCamera, boxes_xyxy: FloatArray, foot_noise: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Where people stand, (n, 5) as in segments.Place, and of which boxes (n, 4) in pixels that is certain enough to be
    evidence, (n,): of those that the picture's border does not cut. foot_noise: as for locate().
    """
    points = locate(camera, boxes_xyxy, foot_noise)
    whole = (boxes_xyxy[:, :2] > EDGE_PIXELS).all(axis=1)
    whole &= (boxes_xyxy[:, 2:] < np.array(camera.image_size) - EDGE_PIXELS).all(axis=1)
    with np.errstate(invalid="ignore"):
        sure = whole & points.known & (np.trace(points.covariance, axis1=1, axis2=2) <= VAGUE_METRES**2)
    return np.column_stack([points.xy, points.covariance.reshape(-1, 4)[:, [0, 1, 3]]]), sure
