"""Pictures in which nothing moved, so that nobody need be sought in them again."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker.video.frame import Frame, FrameBatch, Image

TILES = (64, 36)
"""Columns and rows of tiles whose mean brightness is compared: one is as wide as a person in the distance."""


class MotionGate:
    """Chooses the pictures that differ from the one of their camera in which people were sought last.

    least_change: in grey levels (0..255), by which the mean brightness of some tile must differ; the noise of a camera
    hardly moves a tile's mean. Compared with the last picture searched, not with the one before, so that slow changes
    add up until they count. A camera that was lost begins anew, for its pictures may come back in another size.
    """

    def __init__(self, least_change: float) -> None:
        self._least_change = least_change
        self._searched: dict[str, NDArray[np.int16]] = {}

    def news(self, batch: FrameBatch) -> FrameBatch:
        """The batch with only those pictures in which people should be sought. To be called in the order of time."""
        for camera in batch.lost_cameras:
            self._searched.pop(camera, None)
        return FrameBatch(batch.t_seconds, self._changed(batch.frames), batch.lost_cameras)

    def _changed(self, frames: Mapping[str, Frame]) -> dict[str, Frame]:
        changed = {}
        for camera, frame in frames.items():
            tiles = brightness(frame.image)
            known = self._searched.get(camera)
            if known is None or int(np.abs(tiles - known).max()) >= self._least_change:
                self._searched[camera] = tiles
                changed[camera] = frame
        return changed


def brightness(image: Image) -> NDArray[np.int16]:
    """Mean grey level of each tile, (rows, columns)."""
    tiles = cv2.resize(image, TILES, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(tiles, cv2.COLOR_BGR2GRAY), np.int16)
