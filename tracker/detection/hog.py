"""People found without any model file: OpenCV's HOG detector (Dalal and Triggs, CVPR 2005)."""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from tracker.core.types import Detections, FloatArray
from tracker.detection.suppression import non_maximum_suppression
from tracker.video.frame import Image

WINDOW = (64, 128)
"""Width and height of what the detector judges, in pixels; a person stands in the middle, PERSON_PIXELS tall."""
PERSON_PIXELS = 96
STRIDE_PIXELS = 8
PYRAMID_STEP = 1.1

WIDTH_SHARE, HEIGHT_SHARE = 0.66, 0.78
"""A person's part of the window: measured against ground truth, as the window was trained with a wide border."""

MAX_IOU = 0.4
MARGIN_OF_HALF, MARGIN_SLOPE = 0.7, 4.0
"""Score of a window: 1 / (1 + exp(-slope * (margin - half))), margin being its distance from the SVM's plane. On
PETS2009 about that part of the windows are people."""


class HOGDetector:
    """Implements ports.Detector for people between two heights, both as parts of the picture's height.

    Pictures are scaled so that the smallest person fills the detector's window: the cost grows with 1 / smallest ** 2.
    confidence: lowest score that counts.
    """

    def __init__(self, confidence: float = 0.1, smallest: float = 1 / 9, largest: float = 1 / 3) -> None:
        if not 0 < smallest <= largest <= 1:
            raise ValueError(f"0 < smallest <= largest <= 1 is needed, got smallest {smallest} and largest {largest}")
        self._confidence = confidence
        self._height = round(PERSON_PIXELS / smallest)
        levels = 1 + math.ceil(math.log(largest / smallest, PYRAMID_STEP))
        self._hog = cv2.HOGDescriptor(WINDOW, (16, 16), (8, 8), (8, 8), 9, 1, -1, 0, 0.2, True, levels, False)
        self._hog.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDefaultPeopleDetector(), np.float32))
        self._lowest_margin = MARGIN_OF_HALF + math.log(confidence / (1 - confidence)) / MARGIN_SLOPE

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        return [self._people(image) for image in images]

    def _people(self, image: Image) -> Detections:
        height, width = image.shape[:2]
        scaled_width = max(WINDOW[0], round(width * self._height / height))
        scaled = cv2.resize(image, (scaled_width, self._height))
        windows, margins = self._hog.detectMultiScale(
            scaled,
            hitThreshold=self._lowest_margin,
            winStride=(STRIDE_PIXELS, STRIDE_PIXELS),
            padding=(8, 8),
            scale=PYRAMID_STEP,
            groupThreshold=0,
        )
        enlarged = np.array([scaled_width / width, self._height / height] * 2, np.float32)
        boxes = _people_in(np.asarray(windows, np.float32).reshape(-1, 4) / enlarged)
        scores = _scores(np.asarray(margins, np.float32).reshape(-1))
        kept = non_maximum_suppression(boxes, scores, MAX_IOU)
        boxes = np.clip(boxes[kept], 0, np.array([width, height, width, height], np.float32))
        visible = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        return Detections(boxes[visible], scores[kept][visible])


def _people_in(windows_xywh: FloatArray) -> FloatArray:
    """(n, 4) windows: left, top, width, height -> (n, 4) boxes xyxy of the people in their middle."""
    half = windows_xywh[:, 2:] / 2
    centre, part = windows_xywh[:, :2] + half, half * np.array([WIDTH_SHARE, HEIGHT_SHARE], np.float32)
    return np.hstack([centre - part, centre + part])


def _scores(margins: FloatArray) -> FloatArray:
    """(n,) margins -> (n,) float32 in [0, 1], monotone."""
    scores: FloatArray = 1 / (1 + np.exp(-MARGIN_SLOPE * (margins - MARGIN_OF_HALF)))
    return scores
