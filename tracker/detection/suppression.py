"""Non-maximum suppression: of boxes that overlap, the surest stays."""

import numpy as np

from tracker.core.types import FloatArray, IntArray


def iou_matrix(boxes_xyxy: FloatArray) -> FloatArray:
    """(n, 4) boxes -> (n, n) float32 intersection over union, in [0, 1]."""
    top_left = np.maximum(boxes_xyxy[:, None, :2], boxes_xyxy[None, :, :2])
    bottom_right = np.minimum(boxes_xyxy[:, None, 2:], boxes_xyxy[None, :, 2:])
    overlap = np.clip(bottom_right - top_left, 0, None).prod(axis=2)
    area = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).prod(axis=1)
    union = area[:, None] + area[None, :] - overlap
    iou: FloatArray = np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0)
    return iou


def non_maximum_suppression(boxes_xyxy: FloatArray, scores: FloatArray, max_iou: float) -> IntArray:
    """Rows that stay, the highest score first: none overlaps a surer one that stays by more than max_iou.

    boxes_xyxy: (n, 4) float32, any unit. scores: (n,). Equal scores: the earlier row counts as surer.
    """
    order = np.argsort(-scores, kind="stable")
    overlapping = iou_matrix(boxes_xyxy[order]) > max_iou
    kept: list[int] = []
    suppressed = np.zeros(len(order), bool)
    for row in range(len(order)):
        if not suppressed[row]:
            kept.append(row)
            suppressed |= overlapping[row]
    return order[np.array(kept, np.int64)].astype(np.int64)
