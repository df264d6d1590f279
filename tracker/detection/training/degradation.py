"""What surveillance cameras do to pictures: less colour, contrast and sharpness, and compression."""

import random
from collections.abc import Callable

import cv2
import numpy as np

from tracker.video.frame import Image

BLUR_PIXELS = (0.5, 1.5)
"""Range of the Gaussian's deviation."""
JPEG_QUALITY = (25, 75)
CONTRAST = (0.5, 1.2)


def grey(image: Image) -> Image:
    return np.asarray(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR), np.uint8)


def lower_contrast(image: Image) -> Image:
    """Differences from the mean brightness are scaled."""
    mean = float(cv2.mean(image)[0])
    factor = random.uniform(*CONTRAST)
    return np.asarray(cv2.convertScaleAbs(image, alpha=factor, beta=max(0.0, mean * (1 - factor))), np.uint8)


def blur(image: Image) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), random.uniform(*BLUR_PIXELS)), np.uint8)


def jpeg(image: Image) -> Image:
    quality = random.randint(*JPEG_QUALITY)
    _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)


class Degradation:
    """Changes each share of the pictures; the pictures of a sample are found under "img", (h, w, 3) uint8 BGR.

    Draws from Python's `random`, which the loader seeds in each worker.
    """

    def __init__(self, *, contrast: float, grey_share: float, blur_share: float, jpeg_share: float) -> None:
        self._steps: tuple[tuple[float, Callable[[Image], Image]], ...] = (
            (grey_share, grey),
            (contrast, lower_contrast),
            (blur_share, blur),
            (jpeg_share, jpeg),
        )

    def __call__(self, labels: dict[str, Image]) -> dict[str, Image]:
        for share, change in self._steps:
            if random.random() < share:
                labels["img"] = change(labels["img"])
        return labels
