"""Cost terms between some tracks and some detections of one frame.

A term is a cost in [0, 1] for every pair that is plausible at all: 0 for a perfect fit. TERMS names them, so that an
association stage is data (see association.Stage). Terms take the numbers of tracks (rows) and of detections (columns)
as arrays that broadcast, as numpy's own indexing does: (r, 1) and (1, c) ask about all r x c pairs, (k,) and (k,) about
k of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tracker.core import boxes, motion
from tracker.core.appearance import Views
from tracker.core.track import Tracks
from tracker.core.types import Detections, FloatArray

Costs = NDArray[np.floating]
Rows = NDArray[np.intp]

CHI2_99_4D = 13.277
"""99 % of true pairs have a smaller squared Mahalanobis distance (chi-squared, four degrees of freedom)."""

REACH_HEIGHTS_PER_SECOND = 1.5
"""A brisk walk, 2.5 m/s, of a person 1.7 m tall."""
FARTHEST_REACH_HEIGHTS = 10.0
"""17 m."""

BUFFER = np.array([1.0, 1.0, 1.6, 1.6])
"""What makes a box, in the form of its centre, 30 % larger on every side."""


@dataclass(eq=False)
class Scene:
    """n tracks predicted to the time of a frame, and the m detections of that frame."""

    tracks: Tracks
    views: Views
    t_seconds: float
    motion: motion.MotionConfig
    stranger_distance: float

    @property
    def detections(self) -> Detections:
        return self.views.detections

    @cached_property
    def predicted_xyxy(self) -> FloatArray:
        """(n, 4) where the tracks should be now."""
        return boxes.cxcywh_to_xyxy(self.tracks.states[:, motion.POSITION])

    @cached_property
    def measured_cxcywh(self) -> NDArray[np.float64]:
        """(m, 4) the boxes of the detections as the filter measures them."""
        return boxes.xyxy_to_cxcywh(self.detections.boxes_xyxy)

    @cached_property
    def gaps_seconds(self) -> NDArray[np.float64]:
        """(n,) since the last observation of each track."""
        return self.t_seconds - self.tracks.seen

    @cached_property
    def overlaps(self) -> FloatArray:
        """(n, m) IoU of the predicted and the detected boxes."""
        return boxes.iou(self.predicted_xyxy, self.detections.boxes_xyxy)

    @cached_property
    def all_described(self) -> bool:
        """Whether every track and every detection has an embedding."""
        return bool(np.logical_and.reduce(self.tracks.known) and np.logical_and.reduce(self.views.embedded))

    def term(self, name: str, rows: Rows, columns: Rows) -> Costs:
        """Costs of the named term between tracks and detections with these numbers, in their common shape."""
        return TERMS[name](self, rows, columns)


def overlap(scene: Scene, rows: Rows, columns: Rows) -> Costs:
    """1 - IoU of the predicted and the detected box."""
    return 1 - scene.overlaps[rows, columns]


def anchor_overlap(scene: Scene, rows: Rows, columns: Rows) -> Costs:
    """1 - IoU of the last observed and the detected box: the person stood still (OC-SORT's recovery)."""
    observed = boxes.cxcywh_to_xyxy(scene.tracks.anchors[:, motion.POSITION])
    return 1 - boxes.iou_of_pairs(observed.T[:, rows], scene.detections.boxes_xyxy.T[:, columns])


def buffered_overlap(scene: Scene, rows: Rows, columns: Rows) -> Costs:
    """1 - IoU after both boxes grew by 30 % on every side (C-BIoU, Yang et al. 2023)."""
    predicted = boxes.cxcywh_to_xyxy(scene.tracks.states[:, motion.POSITION] * BUFFER)
    measured = boxes.cxcywh_to_xyxy(scene.measured_cxcywh * BUFFER)
    return 1 - boxes.iou_of_pairs(predicted.T[:, rows], measured.T[:, columns])


def appearance(scene: Scene, rows: Rows, columns: Rows) -> Costs:
    """Cosine distance over that of strangers; NaN (no opinion) where the track or the detection has no embedding."""
    tracks, views, embeddings = scene.tracks, scene.views, scene.detections.embeddings
    if embeddings is None or not tracks.embeddings.shape[1]:
        return np.full(np.broadcast(rows, columns).shape, np.nan, np.float32)
    distances = 1 - np.vecdot(tracks.embeddings.take(rows, axis=0), embeddings.take(columns, axis=0))
    distances /= np.float32(scene.stranger_distance)
    if not scene.all_described:
        distances[~(tracks.known.take(rows) & views.embedded.take(columns))] = np.nan
    return np.asarray(distances)


def reach(scene: Scene, rows: Rows, columns: Rows) -> Costs:
    """Distance of the centres over what a person can have walked since the last observation.

    Half a body height for the uncertainty of the boxes, and REACH_HEIGHTS_PER_SECOND for every second, up to
    FARTHEST_REACH_HEIGHTS: who is missing for long is not sought in the whole picture.
    """
    x, y, _, heights = scene.tracks.anchors[:, motion.POSITION].T[:, rows]
    measured_x, measured_y, _, _ = scene.measured_cxcywh.T[:, columns]
    walked = np.minimum(REACH_HEIGHTS_PER_SECOND * scene.gaps_seconds[rows], FARTHEST_REACH_HEIGHTS)
    radius = heights * (0.5 + walked)
    return np.asarray(np.hypot(x - measured_x, y - measured_y) / radius)


def mahalanobis(scene: Scene, rows: Rows, columns: Rows) -> Costs:
    """Squared Mahalanobis distance over its 99 % quantile, so 1 is the usual gate."""
    squared = motion.squared_distances(scene.tracks.states[rows], scene.measured_cxcywh[columns], scene.motion)
    return squared / CHI2_99_4D


def height(scene: Scene, rows: Rows, columns: Rows) -> Costs:
    """1 - ratio of the smaller to the larger height."""
    tracked, detected = scene.tracks.states[rows, motion.POSITION, 3], scene.measured_cxcywh[columns, 3]
    return np.asarray(1 - np.minimum(tracked, detected) / np.maximum(tracked, detected))


def doubt(scene: Scene, rows: Rows, columns: Rows) -> Costs:
    """1 - score of the detection, the same for every track: of two candidates the surer one is preferred."""
    return np.broadcast_to(1 - scene.detections.scores[columns], np.broadcast(rows, columns).shape)


TERMS: dict[str, Callable[[Scene, Rows, Rows], Costs]] = {
    "overlap": overlap,
    "anchor_overlap": anchor_overlap,
    "buffered_overlap": buffered_overlap,
    "appearance": appearance,
    "reach": reach,
    "mahalanobis": mahalanobis,
    "height": height,
    "doubt": doubt,
}
SILENT = frozenset({"appearance"})
"""Terms that may be NaN."""
