"""People made unrecognisable in everything that leaves the pipeline."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace

import cv2
import numpy as np

from tracker.core.types import FloatArray, TrackletKey, TrackState
from tracker.ports import Sink, Step
from tracker.video.frame import Frame, Image

_CELLS_ACROSS = 4
"""Squares over a person's width: enough to see that somebody is there, too few for a face or a pattern."""
_LEAST_CELL_PIXELS = 6
_MARGIN = 0.1


def pixelate(image: Image, boxes_xyxy: FloatArray) -> Image:
    """A copy of the picture in which the boxes (n, 4), and a tenth around them, are coarse squares of mean colour."""
    hidden = image.copy()
    height, width = image.shape[:2]
    for x1, y1, x2, y2 in boxes_xyxy.astype(np.float64):
        margin_x, margin_y = _MARGIN * (x2 - x1), _MARGIN * (y2 - y1)
        left, top = max(int(x1 - margin_x), 0), max(int(y1 - margin_y), 0)
        right, bottom = min(int(np.ceil(x2 + margin_x)), width), min(int(np.ceil(y2 + margin_y)), height)
        if left >= right or top >= bottom:
            continue
        cell = max((x2 - x1) / _CELLS_ACROSS, _LEAST_CELL_PIXELS)
        cells = (max(1, round((right - left) / cell)), max(1, round((bottom - top) / cell)))
        small = cv2.resize(image[top:bottom, left:right], cells, interpolation=cv2.INTER_AREA)
        hidden[top:bottom, left:right] = cv2.resize(
            small, (right - left, bottom - top), interpolation=cv2.INTER_NEAREST
        )
    return hidden


class PrivacySink:
    """Hands steps on to other sinks with everybody pixelated who may not be seen; implements tracker.ports.Sink.

    Hidden are all people found, also where they do not count, and all tracks also where nobody was found just now,
    except those whose identity may be shown. may_show: asked for the global identity of a track. Where a hidden and a
    shown person overlap, both are hidden.
    """

    def __init__(
        self,
        sinks: Sequence[Sink],
        identity_of: Callable[[TrackletKey], int | None],
        may_show: Callable[[int], bool] = lambda identity_id: False,
    ) -> None:
        self._sinks = sinks
        self._identity_of = identity_of
        self._may_show = may_show

    def write(self, step: Step) -> None:
        frames = {camera: self._hidden(step, camera, frame) for camera, frame in step.batch.frames.items()}
        step = replace(step, batch=replace(step.batch, frames=frames))
        for sink in self._sinks:
            sink.write(step)

    def close(self) -> None:
        with ExitStack() as closing:
            for sink in reversed(self._sinks):
                closing.callback(sink.close)

    def _hidden(self, step: Step, camera: str, frame: Frame) -> Frame:
        shown: set[tuple[float, ...]] = set()
        boxes: list[FloatArray] = []
        for update in step.updates.get(camera, ()):
            if update.state is TrackState.ENDED:
                continue
            identity_id = self._identity_of(update.key)
            if identity_id is None or not self._may_show(identity_id):
                boxes.append(update.box_xyxy)
            elif update.detection_index is not None:
                shown.add(tuple(step.detections[camera].boxes_xyxy[update.detection_index]))
        boxes += [box for box in step.everybody_xyxy.get(camera, ()) if tuple(box) not in shown]
        return replace(frame, image=pixelate(frame.image, np.array(boxes, np.float32).reshape(-1, 4)))
