"""Cost terms between the tracks and the detections of one frame.

A term is an (n, m) array of costs in [0, 1] wherever the pair is plausible at all: 0 for a perfect fit. TERMS names
them, so that an association stage is data (see single_camera.Stage). Each is worked out once per frame, on demand.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tracker.core import boxes, motion
from tracker.core.track import Tracks
from tracker.core.types import Detections

Costs = NDArray[np.floating]

CHI2_99_4D = 13.277
"""99 % of true pairs have a smaller squared Mahalanobis distance (chi-squared, four degrees of freedom)."""

REACH_HEIGHTS_PER_SECOND = 1.5
"""A brisk walk, 2.5 m/s, of a person 1.7 m tall."""


@dataclass(slots=True, eq=False)
class Scene:
    """n tracks predicted to the time of a frame, and the m detections of that frame."""

    tracks: Tracks
    detections: Detections
    t_seconds: float
    motion: motion.MotionConfig
    stranger_distance: float
    _cache: dict[str, Costs] = field(default_factory=dict)

    def term(self, name: str) -> Costs:
        """(n, m) costs of the named term."""
        if name not in self._cache:
            self._cache[name] = TERMS[name](self)
        return self._cache[name]


def overlap(scene: Scene) -> Costs:
    """1 - IoU of the predicted and the detected box."""
    predicted = boxes.cxcywh_to_xyxy(scene.tracks.states[:, motion.POSITION])
    return 1 - boxes.iou(predicted, scene.detections.boxes_xyxy)


def anchor_overlap(scene: Scene) -> Costs:
    """1 - IoU of the last observed and the detected box: the person stood still (OC-SORT's recovery)."""
    observed = boxes.cxcywh_to_xyxy(scene.tracks.anchors[:, motion.POSITION])
    return 1 - boxes.iou(observed, scene.detections.boxes_xyxy)


def buffered_overlap(scene: Scene) -> Costs:
    """1 - IoU after both boxes grew by 30 % on every side (C-BIoU, Yang et al. 2023)."""
    predicted = boxes.cxcywh_to_xyxy(scene.tracks.states[:, motion.POSITION])
    return 1 - boxes.iou(boxes.expanded(predicted, 0.3), boxes.expanded(scene.detections.boxes_xyxy, 0.3))


def appearance(scene: Scene) -> Costs:
    """Cosine distance over that of strangers; NaN (no opinion) where the track or the detection has no embedding."""
    tracks, embeddings = scene.tracks, scene.detections.embeddings
    if embeddings is None or not tracks.embeddings.shape[1]:
        return np.full((len(tracks), len(scene.detections)), np.nan, np.float32)
    costs = (1 - tracks.embeddings @ embeddings.T) / np.float32(scene.stranger_distance)
    costs[~tracks.embeddings.any(axis=1)] = np.nan
    costs[:, ~embeddings.any(axis=1)] = np.nan
    return costs


def reach(scene: Scene) -> Costs:
    """Distance of the centres over what a person can have walked since the last observation.

    Half a body height for the uncertainty of the boxes, and REACH_HEIGHTS_PER_SECOND for every second.
    """
    anchors = scene.tracks.anchors[:, motion.POSITION]
    measured = boxes.xyxy_to_cxcywh(scene.detections.boxes_xyxy)
    radius = anchors[:, 3] * (0.5 + REACH_HEIGHTS_PER_SECOND * (scene.t_seconds - scene.tracks.seen))
    across = anchors[:, None, 0] - measured[:, 0]
    along = anchors[:, None, 1] - measured[:, 1]
    return np.asarray(np.sqrt(across * across + along * along) / radius[:, None])


def mahalanobis(scene: Scene) -> Costs:
    """Squared Mahalanobis distance over its 99 % quantile, so 1 is the usual gate."""
    measured = boxes.xyxy_to_cxcywh(scene.detections.boxes_xyxy)
    return motion.squared_distances(scene.tracks.states, measured, scene.motion) / CHI2_99_4D


def height(scene: Scene) -> Costs:
    """1 - ratio of the smaller to the larger height."""
    tracked = scene.tracks.states[:, motion.POSITION, 3][:, None]
    detected = (scene.detections.boxes_xyxy[:, 3] - scene.detections.boxes_xyxy[:, 1])[None]
    return np.asarray(1 - np.minimum(tracked, detected) / np.maximum(tracked, detected))


def doubt(scene: Scene) -> Costs:
    """1 - score of the detection, the same for every track: of two candidates the surer one is preferred."""
    return np.tile(1 - scene.detections.scores, (len(scene.tracks), 1))


TERMS: dict[str, Callable[[Scene], Costs]] = {
    "overlap": overlap,
    "anchor_overlap": anchor_overlap,
    "buffered_overlap": buffered_overlap,
    "appearance": appearance,
    "reach": reach,
    "mahalanobis": mahalanobis,
    "height": height,
    "doubt": doubt,
}
