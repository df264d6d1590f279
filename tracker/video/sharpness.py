"""How sharp pictures of people are."""

import cv2
import numpy as np

from tracker.core.types import FloatArray
from tracker.video.frame import Image

PATCH = (32, 64)
"""Width and height to which a crop is brought, so that pictures of people near and far can be compared."""


def sharpness(image: Image, boxes_xyxy: FloatArray) -> FloatArray:
    """(n,) float32 in [0, 1] of the boxes (n, 4) in the picture: the share of the gradients that a slight blur removes.

    After the blur effect of Crete et al. (SPIE 6492, 2007): a picture that is blurred already loses little. Contrast
    and brightness do not matter. 0 for boxes outside of the picture and for areas of one colour.
    """
    height, width = image.shape[:2]
    limits = np.array([width, height, width, height])
    corners = np.clip(boxes_xyxy, 0, limits).astype(np.int64)
    return np.array([_of_crop(image[y1:y2, x1:x2]) for x1, y1, x2, y2 in corners.tolist()], np.float32)


def _of_crop(crop: Image) -> float:
    if not crop.size:
        return 0.0
    grey = cv2.cvtColor(cv2.resize(crop, PATCH, interpolation=cv2.INTER_LINEAR), cv2.COLOR_BGR2GRAY)
    energy = _gradients(grey)
    return 1 - min(1.0, _gradients(cv2.blur(grey, (3, 3))) / energy) if energy else 0.0


def _gradients(grey: np.ndarray) -> float:
    """Mean absolute difference of neighbouring pixels, in both directions."""
    return float(cv2.norm(grey[1:], grey[:-1], cv2.NORM_L1) + cv2.norm(grey[:, 1:], grey[:, :-1], cv2.NORM_L1))
