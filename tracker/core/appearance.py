"""What people look like: how far a view can be trusted, and what tracks remember of it."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tracker.core.boxes import occlusion
from tracker.core.types import Detections, FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """The m detections of a frame as pictures of people.

    qualities: (m,) float32 in [0, 1], how far each embedding can be trusted: score x visible fraction x size; 0 where
    there is no embedding. clear: (m,) bool, whether the picture shows this person and nobody else.
    """

    detections: Detections
    qualities: FloatArray
    clear: NDArray[np.bool_]

    @classmethod
    def of(cls, detections: Detections, sharp_height_pixels: float, max_occlusion: float) -> Self:
        """People at least so tall have full quality; hidden by at most such a fraction they are clear."""
        if detections.embeddings is None:
            return cls(detections, np.zeros(len(detections), np.float32), np.zeros(len(detections), np.bool_))
        hidden = occlusion(detections.boxes_xyxy)
        heights = detections.boxes_xyxy[:, 3] - detections.boxes_xyxy[:, 1]
        embedded = detections.embeddings.any(axis=1)
        sizes = np.minimum(heights / sharp_height_pixels, 1)
        qualities = np.asarray(detections.scores * (1 - hidden) * sizes * embedded, np.float32)
        return cls(detections, qualities, embedded & (hidden <= max_occlusion))


def blended(remembered: FloatArray, seen: FloatArray, memory: float) -> FloatArray:
    """Unit vectors (k, d) a share `memory` remembered and the rest seen; where nothing is remembered, just seen."""
    share = np.where(remembered.any(axis=1, keepdims=True), np.float32(memory), np.float32(0))
    mixed = share * remembered + (1 - share) * seen
    return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True))


@dataclass(slots=True)
class StrangerDistance:
    """How far apart, in cosine distance, this camera's pictures of different people are on average.

    Networks and scenes differ in it by a factor of two, so thresholds are set relative to it. Two people in one frame
    are certainly different: their distances are averaged, the last hundred frames weighing most.
    """

    value: float = 0.5
    frames: int = 1

    def learn(self, distances: FloatArray) -> None:
        """Take in distances (k, k) between k tracks (rows) and the detections matched to them, in the same order."""
        count = len(distances)
        if count < 2:
            return
        mean = float(distances.sum() - np.trace(distances)) / (count * (count - 1))
        self.frames = min(self.frames + 1, 100)
        self.value += (mean - self.value) / self.frames
