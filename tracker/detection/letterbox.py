"""Fitting a picture of any size into a network's fixed input, and boxes back."""

from dataclasses import dataclass

import cv2
import numpy as np

from tracker.core.types import FloatArray
from tracker.video.frame import Image

GREY = 114
"""Value of the border, as the networks saw it in training."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A picture of width x height pixels in a network's top left corner: network pixel = original pixel * scale."""

    scale: float
    width: int
    height: int

    def to_original(self, boxes_xyxy: FloatArray) -> FloatArray:
        """(n, 4) in network pixels -> (n, 4) float32 in the original's pixels, clipped to the picture."""
        limits = np.array([self.width, self.height] * 2, np.float32)
        boxes: FloatArray = np.clip(boxes_xyxy / np.float32(self.scale), np.float32(0), limits)
        return boxes


def letterbox(image: Image, canvas: Image) -> Placement:
    """Draw the picture into the canvas's top left corner, keeping its proportions, and fill the rest with GREY.

    image: (h, w, 3) uint8. canvas: (height, width, 3) uint8, overwritten.
    """
    height, width = image.shape[:2]
    scale = min(canvas.shape[0] / height, canvas.shape[1] / width)
    inner_height, inner_width = max(1, round(height * scale)), max(1, round(width * scale))
    canvas[:inner_height, :inner_width] = cv2.resize(image, (inner_width, inner_height))
    canvas[inner_height:] = GREY
    canvas[:inner_height, inner_width:] = GREY
    return Placement(scale, width, height)
