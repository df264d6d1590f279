"""Fitting a picture of any size into a network's fixed input, and boxes back."""

from dataclasses import dataclass
from typing import Self

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

    @classmethod
    def of(cls, image: Image, size: tuple[int, int]) -> Self:
        """Where a picture (h, w, 3) is drawn in a canvas of size (height, width)."""
        height, width = image.shape[:2]
        return cls(min(size[0] / height, size[1] / width), width, height)

    @property
    def inner_size(self) -> tuple[int, int]:
        """(height, width) of the drawn picture, at least one pixel each."""
        return max(1, round(self.height * self.scale)), max(1, round(self.width * self.scale))

    def to_original(self, boxes_xyxy: FloatArray) -> FloatArray:
        """(n, 4) in network pixels -> (n, 4) float32 in the original's pixels, clipped to the picture."""
        limits = np.array([self.width, self.height] * 2, np.float32)
        boxes: FloatArray = np.clip(boxes_xyxy / np.float32(self.scale), np.float32(0), limits)
        return boxes


def letterbox(image: Image, canvas: Image) -> Placement:
    """Draw the picture into the canvas's top left corner, keeping its proportions, and fill the rest with GREY.

    image: (h, w, 3) uint8. canvas: (height, width, 3) uint8, overwritten.
    """
    placement = Placement.of(image, (canvas.shape[0], canvas.shape[1]))
    inner_height, inner_width = placement.inner_size
    canvas[:inner_height, :inner_width] = cv2.resize(image, (inner_width, inner_height))
    canvas[inner_height:] = GREY
    canvas[:inner_height, inner_width:] = GREY
    return placement
