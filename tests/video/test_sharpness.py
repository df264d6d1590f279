import cv2
import numpy as np

from tracker.video.frame import Image
from tracker.video.sharpness import sharpness

BOX = np.array([[10, 10, 74, 138]], np.float32)


def texture(contrast: int = 200) -> Image:
    return np.random.default_rng(0).integers(20, 20 + contrast, (200, 200, 3)).astype(np.uint8)


def blurred(image: Image, sigma: float) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)


def test_falls_with_blur_and_not_with_contrast() -> None:
    (sharp,), (faint,) = sharpness(texture(), BOX), sharpness(texture(60), BOX)
    soft = [float(sharpness(blurred(texture(), sigma), BOX)[0]) for sigma in (1.0, 2.0, 4.0)]
    assert 1 >= sharp > soft[0] > soft[1] > soft[2] >= 0
    assert abs(sharp - faint) < 0.05


def test_outside_and_uniform_boxes_are_not_sharp() -> None:
    boxes = np.array([[300, 300, 340, 400], [-50, -50, -10, -10], [0, 0, 40, 80]], np.float32)
    assert sharpness(np.full((200, 200, 3), 90, np.uint8), boxes).tolist() == [0, 0, 0]


def test_nobody() -> None:
    assert sharpness(texture(), np.zeros((0, 4), np.float32)).shape == (0,)
