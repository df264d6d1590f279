"""Choosing the pictures that are worth keeping while a track grows."""

import cv2
import numpy as np

from tracker.core.types import FloatArray
from tracker.store.crops import CropRow
from tracker.video.frame import Image

MOST_HEIGHT = 256
"""Pixels; larger people are shown smaller."""

_JPEG_QUALITY = 85


class BestCrop:
    """The clearest picture of one person since the last take(), if it can become one of the best `keep` of all."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._taken: list[float] = []  # qualities of the best so far, descending
        self._quality = 0.0
        self._at_us = 0
        self._picture: Image | None = None

    def offer(self, image: Image, box_xyxy: FloatArray, quality: float, at_us: int) -> None:
        """One view of the person. box_xyxy (4,) float32 pixels of the image; quality in [0, 1], 0 is never kept."""
        best = max(self._quality, self._taken[-1] if len(self._taken) == self._keep else 0.0)
        if quality <= best:
            return
        picture = _cut_out(image, box_xyxy)
        if picture.size:
            self._picture, self._quality, self._at_us = picture, quality, at_us

    def take(self, tracklet_id: int) -> list[CropRow]:
        """The picture as a row for that tracklet, or nothing; then begin anew."""
        if self._picture is None:
            return []
        _, jpeg = cv2.imencode(".jpg", self._picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        row = {"tracklet_id": tracklet_id, "at_us": self._at_us, "quality": self._quality, "jpeg": jpeg.tobytes()}
        self._taken = sorted([*self._taken, self._quality], reverse=True)[: self._keep]
        self._picture, self._quality = None, 0.0
        return [row]


def _cut_out(image: Image, box_xyxy: FloatArray) -> Image:
    """A copy of the box, as far as it lies in the image, at most MOST_HEIGHT high; empty if it lies outside."""
    height, width = image.shape[:2]
    left, top = np.floor(np.clip(box_xyxy[:2], 0, (width, height))).astype(int)
    right, bottom = np.ceil(np.clip(box_xyxy[2:], 0, (width, height))).astype(int)
    part = image[top:bottom, left:right]
    if part.shape[0] <= MOST_HEIGHT or not part.size:
        return part.copy()
    scale = MOST_HEIGHT / part.shape[0]
    size = (max(round(part.shape[1] * scale), 1), MOST_HEIGHT)
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
