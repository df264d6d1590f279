"""How well a detector finds the labelled people."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from tracker.core.types import FloatArray
from tracker.detection.opening import open_detector_session
from tracker.detection.training.annotations import LabelledImage
from tracker.detection.yolo import YOLODetector
from tracker.evaluation.detection import Judged, judge
from tracker.inference.registry import ResolvedModel, describe
from tracker.inference.spec import ModelFile, ModelInput, ModelKind
from tracker.ports import Detector

LOWEST_SCORE = 0.01
"""Of the boxes that count towards the average precision; what is below hardly changes it."""


def judged(detector: Detector, images: Iterable[LabelledImage]) -> Judged:
    """The detector's boxes on all the pictures, compared with the labels."""
    parts = []
    for image in images:
        picture = np.asarray(cv2.imread(str(image.path), cv2.IMREAD_COLOR), np.uint8)
        (found,) = detector.detect([picture])
        parts.append(judge(found, corners(image)))
    return Judged.joined(parts)


def corners(image: LabelledImage) -> FloatArray:
    """(n, 4) boxes xyxy in pixels."""
    size = np.array([image.width, image.height], np.float32)
    centres, halves = image.boxes[:, :2] * size, image.boxes[:, 2:] * size / 2
    return np.hstack([centres - halves, centres + halves])


def detector_of(network: Path, size: tuple[int, int], cache: Path, threads: int | None = None) -> YOLODetector:
    """Weights of ultralytics (.pt) or an exported network as a detector on the CPU that keeps nearly every box.

    size: height and width of the input in pixels. Raises OmnitrackError for files that are no detector.
    """
    described = describe(ModelKind.DETECTOR, network)
    spec = described.model_copy(
        update={"input": ModelInput(height=size[0], width=size[1]), "files": (ModelFile(path=network.name),)}
    )
    session = open_detector_session(ResolvedModel(spec, network), cache, threads=threads)
    return YOLODetector(session, spec, LOWEST_SCORE)
