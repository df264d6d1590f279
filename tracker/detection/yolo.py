"""People found by a network of the YOLO family."""

from collections.abc import Sequence

import numpy as np

from tracker.core.types import Detections, FloatArray
from tracker.detection.heads import head_of
from tracker.detection.letterbox import Placement, letterbox
from tracker.detection.suppression import non_maximum_suppression
from tracker.inference.session import Session
from tracker.inference.spec import ModelSpec
from tracker.video.frame import Image


class YOLODetector:
    """Implements ports.Detector with one network call for all pictures of a step.

    session takes pictures (it was opened with pixels=spec.input).
    spec gives the input's size where the network leaves it free. confidence: lowest score that counts. nms_iou: boxes
    that overlap a surer one by more are dropped. The constructor runs the network once, on an empty picture: that
    tells its family, and takes the slow first run. OmnitrackError if it is no detector.
    """

    def __init__(self, session: Session, spec: ModelSpec, confidence: float = 0.1, nms_iou: float = 0.6) -> None:
        self._session = session
        self._confidence = confidence
        self._nms_iou = nms_iou
        height, width = (*session.input_shape[2:], None, None)[:2]
        self._size = (height or spec.input.height, width or spec.input.width)
        self._head = head_of(session.infer(self._canvases(1)).shape[1:], spec)

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        canvases = self._canvases(len(images))
        placements = [letterbox(image, canvas) for image, canvas in zip(images, canvases, strict=True)]
        outputs = self._session.infer(canvases)
        return [self._people(output, placement) for output, placement in zip(outputs, placements, strict=True)]

    def _canvases(self, count: int) -> Image:
        """(count, height, width, 3), new ones each time: detect() may be called from several threads at once."""
        return np.empty((count, *self._size, 3), np.uint8)

    def _people(self, output: FloatArray, placement: Placement) -> Detections:
        boxes, scores = self._head.decode(output, self._confidence, self._size)
        kept = non_maximum_suppression(boxes, scores, self._nms_iou)
        return people_of(boxes[kept], scores[kept], placement)


def people_of(boxes_xyxy: FloatArray, scores: FloatArray, placement: Placement) -> Detections:
    """What a network found at (n, 4) boxes in its own pixels, as far as it lies within the picture."""
    boxes = placement.to_original(boxes_xyxy)
    visible = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    return Detections(boxes[visible], np.clip(scores[visible], 0, 1))
