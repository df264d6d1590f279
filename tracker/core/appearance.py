"""What people look like: how far a view can be trusted, and what tracks remember of it."""

from dataclasses import dataclass

import numpy as np

from tracker.core.types import Detections, FloatArray


def view_qualities(detections: Detections, hidden: FloatArray, sharp_height_pixels: float) -> FloatArray:
    """(m,) in [0, 1], how far each embedding can be trusted: score x visible fraction x size.

    hidden (m,) is boxes.occlusion of the detections. 0 where there is no embedding.
    """
    if detections.embeddings is None:
        return np.zeros(len(detections), np.float32)
    heights = detections.boxes_xyxy[:, 3] - detections.boxes_xyxy[:, 1]
    sizes = np.minimum(heights / sharp_height_pixels, 1)
    return np.asarray(detections.scores * (1 - hidden) * sizes * detections.embeddings.any(axis=1), np.float32)


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
