"""Geometry of axis-aligned boxes. Arrays have one row per box, and zero rows are fine everywhere."""

import numpy as np
from numpy.typing import NDArray

FloatMatrix = NDArray[np.floating]

EDGE_PIXELS = 3.0
"""A box that comes so near to the picture's edge reaches it."""

LEAST_AREA = 1e-30
"""Square pixels; less is none. A divisor of 32-bit numbers, too."""

USUAL_SHAPE = 0.37
"""Width of a whole person's box by its height: the median on PETS frames 1-400."""

_TO_CENTRES = np.array([[0.5, 0, -1, 0], [0, 0.5, 0, -1], [0.5, 0, 1, 0], [0, 0.5, 0, 1]])
_TO_CORNERS = np.array([[1, 0, 1, 0], [0, 1, 0, 1], [-0.5, 0, 0.5, 0], [0, -0.5, 0, 0.5]])
"""Either form of a box is a linear map of the other."""


def xyxy_to_cxcywh(boxes_xyxy: FloatMatrix) -> NDArray[np.float64]:
    """(n, 4) corners -> (n, 4) float64 centre x, centre y, width, height, in the same pixels."""
    return np.asarray(boxes_xyxy @ _TO_CENTRES)


def cxcywh_to_xyxy(boxes_cxcywh: FloatMatrix) -> NDArray[np.float32]:
    """(n, 4) centre x, centre y, width, height -> (n, 4) float32 corners, in the same pixels."""
    return np.asarray(boxes_cxcywh @ _TO_CORNERS, np.float32)


def areas(xyxy: FloatMatrix) -> FloatMatrix:
    """(4, ...) corners, coordinates first -> (...) area in square pixels."""
    sizes = xyxy[2:] - xyxy[:2]
    return np.asarray(sizes[0] * sizes[1])


def shared_areas(xyxy: FloatMatrix, others_xyxy: FloatMatrix) -> FloatMatrix:
    """(4, ...) and (4, ...), coordinates first, which broadcast -> (...) area in square pixels that two boxes share."""
    sizes = np.minimum(xyxy[2:], others_xyxy[2:])
    sizes -= np.maximum(xyxy[:2], others_xyxy[:2])
    np.maximum(sizes, 0, out=sizes)
    return np.asarray(sizes[0] * sizes[1])


def iou_of_pairs(xyxy: FloatMatrix, others_xyxy: FloatMatrix) -> FloatMatrix:
    """(4, ...) and (4, ...), coordinates first, which broadcast -> (...) intersection over union, in [0, 1]; 0 of two
    boxes without area.
    """
    shared = shared_areas(xyxy, others_xyxy)
    union = areas(xyxy) + areas(others_xyxy)
    union -= shared
    shared /= np.maximum(union, LEAST_AREA)
    return shared


def iou(boxes_xyxy: FloatMatrix, others_xyxy: FloatMatrix) -> FloatMatrix:
    """(n, 4) and (m, 4) -> (n, m) intersection over union, in [0, 1]."""
    return iou_of_pairs(boxes_xyxy.T[:, :, None], _coordinates(others_xyxy)[:, None])


def _coordinates(boxes_xyxy: FloatMatrix) -> FloatMatrix:
    """(n, 4) -> (4, n), each coordinate in one piece: arithmetic over many pairs is several times as fast."""
    return np.ascontiguousarray(boxes_xyxy.T)


def within_a_box(boxes_cxcywh: FloatMatrix, others_cxcywh: FloatMatrix) -> NDArray[np.bool_]:
    """(n, 4) and (m, 4) -> (n, m) whether two boxes would overlap if both grew by half their size on every side."""
    apart = np.abs(boxes_cxcywh[:, None, :2] - others_cxcywh[:, :2])
    return np.asarray((apart < boxes_cxcywh[:, None, 2:] + others_cxcywh[:, 2:]).all(axis=2))


def occlusion(boxes_xyxy: FloatMatrix) -> FloatMatrix:
    """(n, 4) -> (n,) largest fraction of each box, in [0, 1], that one nearer box hides.

    On a level floor the person whose feet stand lower in the picture is nearer to the camera; of two whose feet stand
    equally low, as where the picture's edge cuts both off, either may hide the other.
    """
    if len(boxes_xyxy) < 2:
        return np.zeros(len(boxes_xyxy), boxes_xyxy.dtype)
    xyxy = _coordinates(boxes_xyxy)
    hidden = shared_areas(xyxy[:, :, None], xyxy[:, None])
    hidden *= xyxy[3] >= xyxy[3][:, None]
    np.fill_diagonal(hidden, 0)
    return np.asarray(np.maximum.reduce(hidden, axis=1) / areas(xyxy))


def share_within(boxes_xyxy: FloatMatrix, image_size: tuple[int, int]) -> FloatMatrix:
    """(n, 4) -> (n,) about how much of each person, in (0, 1], is within a picture of (width, height) pixels.

    A box that ends at the left or right edge shows as much of the person as it is wide for its height, one that ends at
    the upper or lower edge as much as it is high for its width. On the development data (PETS frames 1-400, first
    half of the samples) the variance of an embedding's error is that of a whole person's divided by this share, about.
    """
    far = np.array(image_size) - EDGE_PIXELS
    sides, ends = ((boxes_xyxy[:, :2] <= EDGE_PIXELS) | (boxes_xyxy[:, 2:] >= far)).T
    widths, heights = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).T
    narrow = widths / (USUAL_SHAPE * heights)
    return np.minimum(np.minimum(np.where(sides, narrow, 1), np.where(ends, 1 / narrow, 1)), 1)
