"""Geometry of axis-aligned boxes. Arrays have one row per box, and zero rows are fine everywhere."""

import numpy as np
from numpy.typing import NDArray

FloatMatrix = NDArray[np.floating]


_TO_CENTRES = np.array([[0.5, 0, -1, 0], [0, 0.5, 0, -1], [0.5, 0, 1, 0], [0, 0.5, 0, 1]])
_TO_CORNERS = np.array([[1, 0, 1, 0], [0, 1, 0, 1], [-0.5, 0, 0.5, 0], [0, -0.5, 0, 0.5]])
"""Either form of a box is a linear map of the other."""


def xyxy_to_cxcywh(boxes_xyxy: FloatMatrix) -> NDArray[np.float64]:
    """(n, 4) corners -> (n, 4) float64 centre x, centre y, width, height, in the same pixels."""
    return np.asarray(boxes_xyxy @ _TO_CENTRES)


def cxcywh_to_xyxy(boxes_cxcywh: FloatMatrix) -> NDArray[np.float32]:
    """(n, 4) centre x, centre y, width, height -> (n, 4) float32 corners, in the same pixels."""
    return np.asarray(boxes_cxcywh @ _TO_CORNERS, np.float32)


def areas(boxes_xyxy: FloatMatrix) -> FloatMatrix:
    """(n, 4) -> (n,) area in square pixels."""
    sizes = boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]
    return np.asarray(sizes[:, 0] * sizes[:, 1])


def intersections(boxes_xyxy: FloatMatrix, others_xyxy: FloatMatrix) -> FloatMatrix:
    """(n, 4) and (m, 4) -> (n, m) area in square pixels that each pair shares."""
    left, top, right, bottom = boxes_xyxy.T[:, :, None]
    other_left, other_top, other_right, other_bottom = others_xyxy.T
    width = np.minimum(right, other_right)
    width -= np.maximum(left, other_left)
    height = np.minimum(bottom, other_bottom)
    height -= np.maximum(top, other_top)
    np.maximum(width, 0, out=width)
    width *= np.maximum(height, 0, out=height)
    return np.asarray(width)


def iou(boxes_xyxy: FloatMatrix, others_xyxy: FloatMatrix) -> FloatMatrix:
    """(n, 4) and (m, 4) -> (n, m) intersection over union, in [0, 1]."""
    shared = intersections(boxes_xyxy, others_xyxy)
    union = areas(boxes_xyxy)[:, None] + areas(others_xyxy)[None, :]
    union -= shared
    shared /= union
    return shared


def within_a_box(boxes_cxcywh: FloatMatrix, others_cxcywh: FloatMatrix) -> NDArray[np.bool_]:
    """(n, 4) and (m, 4) -> (n, m) whether two boxes would overlap if both grew by half their size on every side."""
    apart = np.abs(boxes_cxcywh[:, None, :2] - others_cxcywh[:, :2])
    return np.asarray((apart < boxes_cxcywh[:, None, 2:] + others_cxcywh[:, 2:]).all(axis=2))


def occlusion(boxes_xyxy: FloatMatrix) -> FloatMatrix:
    """(n, 4) -> (n,) largest fraction of each box, in [0, 1], that one nearer box hides.

    On a level floor the person whose feet stand lower in the picture is nearer to the camera.
    """
    if len(boxes_xyxy) < 2:
        return np.zeros(len(boxes_xyxy), boxes_xyxy.dtype)
    hidden = intersections(boxes_xyxy, boxes_xyxy)
    foot = boxes_xyxy[:, 3]
    hidden *= foot[None, :] > foot[:, None]
    return np.asarray(hidden.max(axis=1) / areas(boxes_xyxy))
