"""How well people are detected: precision, recall and average precision of boxes with scores."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tracker.core.boxes import iou
from tracker.core.types import Detections, FloatArray

IOUS = np.arange(0.5, 0.96, 0.05)
"""Overlaps from which a box counts as right: AP50 takes the first, AP50-95 is the mean over all."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class DetectionScores:
    """In [0, 1]. precision and recall at IoU >= .5 of the boxes with a score >= threshold."""

    ap50: float
    ap50_95: float
    precision: float
    recall: float
    threshold: float


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """The boxes found in some pictures, and how many people there were to be found.

    scores: (n,) float32. right: (n, 10) bool, whether the box stands for a person, by the overlap that is asked (IOUS).
    """

    scores: FloatArray
    right: Mask
    people: int

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """Several pictures as one."""
        scores = np.concatenate([np.zeros(0, np.float32), *(part.scores for part in parts)])
        right = np.concatenate([np.zeros((0, len(IOUS)), np.bool_), *(part.right for part in parts)])
        return cls(scores, right, sum(part.people for part in parts))

    def precision_recall(self, threshold: float) -> tuple[float, float]:
        """At IoU >= .5, of the boxes with at least this score."""
        right = self.right[self.scores >= threshold, 0]
        return float(right.sum() / max(1, len(right))), float(right.sum() / max(1, self.people))

    def best_threshold(self) -> float:
        """The score from which on boxes must count for the highest F1 at IoU >= .5; 0 without any right box."""
        if not self.right[:, 0].any():
            return 0.0
        order = np.argsort(-self.scores, kind="stable")
        right = np.cumsum(self.right[order, 0])
        f1 = 2 * right / (np.arange(1, len(order) + 1) + self.people)
        return float(self.scores[order][f1.argmax()])

    def scored(self, threshold: float | None = None) -> DetectionScores:
        """Precision and recall at the given threshold, by default at the best."""
        threshold = self.best_threshold() if threshold is None else threshold
        averages = [average_precision(self.scores, right, self.people) for right in self.right.T]
        return DetectionScores(averages[0], float(np.mean(averages)), *self.precision_recall(threshold), threshold)


def judge(found: Detections, boxes_xyxy: FloatArray, ignored: Mask | None = None) -> Judged:
    """One picture: people (n, 4) of which some are ignored (n,); boxes on those are neither right nor wrong.

    The surest box is served first and takes the free person that it overlaps most, so that every threshold on the
    score has its own one-to-one match. Ignored people are only taken by boxes that no other person fits.
    """
    ignored = np.zeros(len(boxes_xyxy), np.bool_) if ignored is None else ignored
    order = np.argsort(-found.scores, kind="stable")
    overlaps = iou(found.boxes_xyxy[order], boxes_xyxy)
    right = np.zeros((len(order), len(IOUS)), np.bool_)
    dropped = np.zeros_like(right)
    for level, least in enumerate(IOUS):
        free = ~ignored
        for row, overlap in enumerate(overlaps):
            fitting = np.where(free, overlap, 0)
            if len(fitting) and fitting.max() >= least:
                free[fitting.argmax()] = False
                right[row, level] = True
            elif (overlap[ignored] >= least).any():
                dropped[row, level] = True
    kept = ~dropped[:, 0]
    return Judged(found.scores[order][kept], right[kept], int((~ignored).sum()))


def average_precision(scores: FloatArray, right: Mask, people: int) -> float:
    """Area under the precision-recall curve as COCO takes it: the mean, over 101 recalls, of the best precision that is
    reached at this recall or a higher one. scores, right: (n,). 0 without people.
    """
    if not people or not len(scores):
        return 0.0
    hits = np.cumsum(right[np.argsort(-scores, kind="stable")])
    recall, precision = hits / people, hits / np.arange(1, len(hits) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, np.linspace(0, 1, 101))
    return float(np.where(at < len(best), best[np.minimum(at, len(best) - 1)], 0).mean())


def calibration(scores: FloatArray, right: Mask) -> tuple[float, float]:
    """Slope a and offset b for which 1 / (1 + exp(-(a logit(score) + b))) is the share of right boxes at a score.

    Platt scaling (1999) by Newton's method on the logarithmic likelihood; scores (n,) in (0, 1), right (n,). Targets
    are drawn in by one count on either side, as he proposes, so that separable boxes do not send the slope to infinity.
    """
    clipped = np.clip(scores.astype(np.float64), 1e-6, 1 - 1e-6)
    design = np.stack([np.log(clipped / (1 - clipped)), np.ones(len(scores))], axis=1)
    hits = int(right.sum())
    targets = np.where(right, (hits + 1) / (hits + 2), 1 / (len(right) - hits + 2))
    line = np.array([1.0, 0.0])
    for _ in range(50):
        likely = 1 / (1 + np.exp(-design @ line))
        curvature = (design * (likely * (1 - likely))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, design.T @ (targets - likely))
        line += step
        if np.abs(step).max() < 1e-9:
            break
    return float(line[0]), float(line[1])
