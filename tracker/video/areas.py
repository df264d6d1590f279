"""Which parts of a camera's picture count: regions of interest, and masks that are painted out."""

from collections.abc import Sequence

import cv2
import numpy as np

from tracker.core.polygons import Corners, inside
from tracker.core.types import Detections
from tracker.video.frame import Image


class CameraAreas:
    """region: somebody counts whose feet are in one of these polygons (none: everywhere). masks: black before anybody
    looks, so that nothing there is found, described, stored or shown. Corners are fractions of the picture.
    confidence: the lowest score that counts.
    """

    def __init__(self, region: Sequence[Corners] = (), masks: Sequence[Corners] = (), confidence: float = 0.0) -> None:
        self._region = [np.array(corners, np.float64) for corners in region]
        self._masks = [np.array(corners, np.float64) for corners in masks]
        self._confidence = confidence

    def paint_out(self, image: Image) -> None:
        """Blacken the masks in this picture."""
        size = np.array(image.shape[1::-1], np.float64)
        contours = [np.round(mask * size).astype(np.int32) for mask in self._masks]
        if contours:
            cv2.fillPoly(image, contours, (0, 0, 0))

    def chosen(self, people: Detections, image: Image) -> Detections:
        """Of the people found in a picture, those who count, in their order."""
        counts = people.scores >= self._confidence
        if self._region:
            boxes = people.boxes_xyxy.astype(np.float64)
            feet = np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], axis=1)
            height, width = image.shape[:2]
            feet = np.clip(feet / [width, height], 0.0, 1 - 1e-6)  # a box may reach over the edge
            counts &= np.any([inside(feet, polygon) for polygon in self._region], axis=0)
        return people if counts.all() else people.take(counts)


EVERYWHERE = CameraAreas()
