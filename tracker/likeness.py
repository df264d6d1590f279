"""How the person on a photo looks, in the terms of the cameras' appearance vectors."""

from dataclasses import dataclass

import numpy as np

from tracker.core.types import Detections, FloatArray
from tracker.errors import OmnitrackError
from tracker.ports import Detector, Embedder
from tracker.video.frame import Image

_LEAST_SCORE = 0.25
_PORTRAIT = 1.5
"""A picture so much higher than wide, in which nobody is found, is taken for a person cut out already."""


class NobodyError(OmnitrackError):
    """There is no person on a photo."""


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """box_xyxy (4,) float32 pixels of the photo; look (d,) float32 unit vector; score: how surely it is a person,
    None if nobody was found and the whole photo was taken.
    """

    box_xyxy: FloatArray
    look: FloatArray
    score: float | None


class Describer:
    """Finds the person on a photo and describes them."""

    def __init__(self, detector: Detector, embedder: Embedder) -> None:
        self._detector = detector
        self._embedder = embedder

    @property
    def network(self) -> tuple[str, int]:
        """Name and dimension of the vectors."""
        return self._embedder.name, self._embedder.dimension

    def describe(self, photo: Image) -> Likeness:
        """The largest and clearest person. Raises NobodyError."""
        (found,) = self._detector.detect([photo])
        box_xyxy, score = _foremost(found, photo)
        (looks,) = self._embedder.embed([photo], [box_xyxy[None]])
        return Likeness(box_xyxy, looks[0], score)


def _foremost(found: Detections, photo: Image) -> tuple[FloatArray, float | None]:
    sides = found.boxes_xyxy[:, 2:] - found.boxes_xyxy[:, :2]
    merit = np.where(found.scores >= _LEAST_SCORE, found.scores * np.sqrt(sides.prod(axis=1)), 0)
    if merit.any():
        best = int(merit.argmax())
        return found.boxes_xyxy[best], float(found.scores[best])
    height, width = photo.shape[:2]
    if height < _PORTRAIT * width:
        raise NobodyError("nobody is on the photo; choose one that shows the person whole, or cut them out")
    return np.array([0, 0, width, height], np.float32), None
