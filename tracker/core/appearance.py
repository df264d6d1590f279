"""What people look like: how far a view can be trusted, and what tracks remember of it."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tracker.core.boxes import occlusion, share_within
from tracker.core.types import Detections, FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """The m detections of a frame as pictures of people.

    embedded: (m,) bool, whether there is an embedding. qualities: (m,) float32 in [0, 1], how far each embedding can be
    trusted: score x visible fraction x size x sharpness x root of the share within the picture; 0 where there is none.
    clear: (m,) bool, whether there is an embedding of a picture that shows this person and nobody else.
    visible: (m,) in [0, 1], the part of the person that nobody nearer hides.
    """

    detections: Detections
    embedded: NDArray[np.bool_]
    qualities: FloatArray
    clear: NDArray[np.bool_]
    visible: FloatArray

    @classmethod
    def of(
        cls, detections: Detections, sharp_height_pixels: float, max_occlusion: float, full_sharpness: float = 0.2
    ) -> Self:
        """People at least so tall, in pictures so sharp, have full quality; hidden by at most such a fraction they are
        clear.
        """
        visible = np.asarray(1 - occlusion(detections.boxes_xyxy), np.float32)
        if detections.embeddings is None:
            none = np.zeros(len(detections), np.bool_)
            return cls(detections, none, none.astype(np.float32), none, visible)
        embedded = np.asarray(np.vecdot(detections.embeddings, detections.embeddings) > 0)
        heights = detections.boxes_xyxy[:, 3] - detections.boxes_xyxy[:, 1]
        qualities = detections.scores * visible * np.minimum(heights / sharp_height_pixels, 1) * embedded
        if detections.image_size is not None:
            qualities *= np.sqrt(share_within(detections.boxes_xyxy, detections.image_size))
        if detections.sharpness is not None:
            qualities *= np.minimum(detections.sharpness / full_sharpness, 1)
        clear = embedded & (visible >= 1 - max_occlusion)
        return cls(detections, embedded, np.asarray(qualities, np.float32), clear, visible)

    def evidence(self) -> NDArray[np.float64]:
        """(m, 4): score, visible part, sharpness, and whether that was measured; for the sums of Tracks."""
        detections, sharp = self.detections, self.detections.sharpness
        told = np.zeros((len(detections), 4))
        told[:, 0], told[:, 1] = detections.scores, self.visible
        if sharp is not None:
            told[:, 2], told[:, 3] = sharp, sharp > 0
        return told


def blended(remembered: FloatArray, seen: FloatArray, memory: float) -> FloatArray:
    """Unit vectors (k, d), a share `memory` remembered and the rest seen: just seen where zeros are remembered."""
    mixed = np.float32(memory) * remembered + np.float32(1 - memory) * seen
    mixed /= np.sqrt(np.vecdot(mixed, mixed))[:, None]
    return mixed


@dataclass(slots=True)
class StrangerDistance:
    """How far apart, in cosine distance, this camera's pictures of different people are on average.

    Networks and scenes differ in it by a factor of two, so thresholds are set relative to it. Two people in one frame
    are certainly different: their distances are averaged, the last hundred frames weighing most.
    """

    value: float = 0.5
    frames: int = 1

    def learn(self, remembered: FloatArray, seen: FloatArray) -> None:
        """Take in unit vectors of k tracks and of the detections matched to them, (k, d) each, in the same order.

        The mean over all pairs of a track and another's detection follows from the two sums of vectors.
        """
        count = len(seen)
        if count < 2:
            return
        own = float(np.vdot(remembered, seen))
        others = float(np.vdot(remembered.sum(axis=0), seen.sum(axis=0))) - own
        mean = 1 - others / (count * (count - 1))
        self.frames = min(self.frames + 1, 100)
        self.value += (mean - self.value) / self.frames
