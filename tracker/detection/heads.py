"""What the last layer of a detector means: raw output of one picture -> boxes and scores of people."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from tracker.core.types import FloatArray
from tracker.errors import OmnitrackError
from tracker.inference.spec import ModelSpec

PERSON = 0
"""Class of people in COCO, and in networks that know nothing but people."""

Decoded = tuple[FloatArray, FloatArray]
"""boxes_xyxy (n, 4) float32 in network pixels, scores (n,) float32 in [0, 1]."""

Decoder = Callable[[FloatArray, float, tuple[int, int]], Decoded]
"""(raw output, lowest score, (height, width) of the network's input) -> boxes and scores."""


@dataclass(frozen=True, slots=True)
class Head:
    """A family's conventions: how its output is read and how its input is made (pixel * scale, in order of colour)."""

    decode: Decoder
    colour: Literal["rgb", "bgr"] = "rgb"
    scale: float = 1 / 255


def head_for(shape: tuple[int, ...]) -> Head:
    """The head that yields outputs of this shape (without the batch). ValueError if there is none.

    (4 + classes, anchors): ultralytics; (anchors, 5 + classes): YOLOX; (n, 6): ultralytics with built-in suppression.
    """
    match shape:
        case (_, 6):
            return Head(decode_final)
        case (rows, columns) if 5 <= rows < columns:
            return Head(decode_ultralytics)
        case (rows, columns) if 6 < columns < rows:
            return Head(decode_yolox, colour="bgr", scale=1.0)
    raise ValueError(f"no known detector yields an output of shape {shape}")


def head_of(shape: tuple[int, ...], spec: ModelSpec) -> Head:
    """The head of a model whose output has this shape (without the batch). OmnitrackError if it is no detector, or its
    input is described as another family's.
    """
    try:
        head = head_for(shape)
    except ValueError as error:
        raise OmnitrackError(f"model {spec.name}: {error}; choose another detector") from error
    if (head.colour, head.scale) != (spec.input.colour, spec.input.scale):
        raise OmnitrackError(
            f"model {spec.name}: its output is of a family that expects {head.colour} times {head.scale:g}; describe "
            "its input so in models.yaml"
        )
    return head


def decode_ultralytics(output: FloatArray, confidence: float, size: tuple[int, int]) -> Decoded:
    """(4 + classes, anchors): centre x, centre y, width, height, then a score per class."""
    scores = output[4 + PERSON]
    chosen = np.flatnonzero(scores >= confidence)
    return _corners(output[:4, chosen].T), scores[chosen]


def decode_final(output: FloatArray, confidence: float, size: tuple[int, int]) -> Decoded:
    """(n, 6): x1, y1, x2, y2, score, class."""
    chosen = (output[:, 4] >= confidence) & (output[:, 5] == PERSON)
    return output[chosen, :4], output[chosen, 4]


def decode_yolox(output: FloatArray, confidence: float, size: tuple[int, int]) -> Decoded:
    """(anchors, 5 + classes): offsets within a grid cell, logarithms of sizes, objectness, then a score per class.

    Centre = (cell + offset) * stride, size = exp(logarithm) * stride (YOLOX, arXiv:2107.08430, section 2.1).
    """
    scores = output[:, 4] * output[:, 5 + PERSON]
    chosen = np.flatnonzero(scores >= confidence)
    cells, strides = _yolox_grid(size)
    raw, stride = output[chosen, :4], strides[chosen]
    return _corners(np.hstack([(cells[chosen] + raw[:, :2]) * stride, np.exp(raw[:, 2:]) * stride])), scores[chosen]


@cache
def _yolox_grid(size: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    """(anchors, 2) cells x, y and (anchors, 1) strides, of all levels in the network's order."""
    cells, strides = [], []
    for stride in (8, 16, 32):
        y, x = np.mgrid[: size[0] // stride, : size[1] // stride]
        cells.append(np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32))
        strides.append(np.full((x.size, 1), stride, np.float32))
    return np.concatenate(cells), np.concatenate(strides)


def _corners(boxes_cxcywh: FloatArray) -> FloatArray:
    half = boxes_cxcywh[:, 2:] / 2
    return np.hstack([boxes_cxcywh[:, :2] - half, boxes_cxcywh[:, :2] + half])
