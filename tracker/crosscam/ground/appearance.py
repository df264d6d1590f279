"""How alike a track and a box look, on a scale that the tracker learns while geometry tells it who is who."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.core.types import Detections, FloatArray

LIMIT = 4.0
PRIOR_COUNT = 50.0
SECOND_OPINION = 0.5
"""Weight of the other cameras' view of a track where the box's own camera has seen it too."""


@dataclass(slots=True)
class RunningGaussian:
    """Mean and variance of a stream of numbers, from a prior that counts as PRIOR_COUNT of them."""

    mean: float
    variance: float
    count: float = PRIOR_COUNT

    def add(self, values: FloatArray) -> None:
        """Take values of any shape, possibly none."""
        total = self.count + values.size
        mean = (self.count * self.mean + float(values.sum())) / total
        spread = self.count * (self.variance + (self.mean - mean) ** 2) + float(((values - mean) ** 2).sum())
        self.mean, self.variance, self.count = mean, max(spread / total, 1e-4), total


class CosineScale:
    """Cosine -> log odds of one person, two Gaussians of one variance, learnt from pairs whose truth is known."""

    def __init__(self) -> None:
        self.same = RunningGaussian(0.5, 0.25**2)
        self.different = RunningGaussian(0.0, 0.25**2)

    def log_odds(self, cosines: FloatArray) -> NDArray[np.float64]:
        """Any shape -> the same shape."""
        variance = (self.same.variance + self.different.variance) / 2
        middle = (self.same.mean + self.different.mean) / 2
        slope = (self.same.mean - self.different.mean) / variance
        odds: NDArray[np.float64] = np.clip(slope * (cosines.astype(np.float64) - middle), -LIMIT, LIMIT)
        return odds

    def learn(self, cosines: FloatArray) -> None:
        """cosines: (m, m); the diagonal are pairs of one person, the rest are different people."""
        on_diagonal = np.eye(len(cosines), dtype=bool)
        self.same.add(cosines[on_diagonal])
        self.different.add(cosines[~on_diagonal])


class CameraTint:
    """Removes from embeddings what all people of one camera share: its running mean."""

    def __init__(self) -> None:
        self._sum: NDArray[np.float64] | float = 0.0
        self._count = 0

    def remove(self, detections: Detections, dimension: int) -> FloatArray:
        """Unit rows (n, dimension) float32; zeros where a detection has no embedding.

        Raises ValueError for embeddings of another dimension.
        """
        raw = detections.embeddings
        if raw is None or not len(raw):
            return np.zeros((len(detections), dimension), np.float32)
        if raw.shape[1] != dimension:
            raise ValueError(f"embeddings have {raw.shape[1]} dimensions, those of the tracks {dimension}")
        described = np.abs(raw).max(axis=1) > 0
        self._sum = self._sum + raw[described].sum(axis=0, dtype=np.float64)
        self._count += int(described.sum())
        centred = np.where(described[:, None], raw - self._sum / max(self._count, 1), 0)
        lengths = np.linalg.norm(centred, axis=1, keepdims=True)
        units: FloatArray = (centred / np.maximum(lengths, 1e-9)).astype(np.float32)
        return units


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """Tracks (n) against the boxes of one camera (m).

    own, others: (n, m) float32, cosine with what this camera, and what the other cameras, saw of the track. has_own,
    has_others: (n,), whether there is such a view. described: (m,), whether the box has an embedding at all.
    """

    own: FloatArray
    others: FloatArray
    has_own: NDArray[np.bool_]
    has_others: NDArray[np.bool_]
    described: NDArray[np.bool_]


def likeness(looks: FloatArray, camera: int, boxes: FloatArray) -> Likeness:
    """looks: (n, cameras, d) summed unit vectors of every track per camera. boxes: (m, d) unit rows of one camera."""
    own = looks[:, camera]
    others = looks.sum(axis=1) - own
    own_length, others_length = np.linalg.norm(own, axis=1), np.linalg.norm(others, axis=1)
    return Likeness(
        own @ boxes.T / np.maximum(own_length, 1e-9)[:, None],
        others @ boxes.T / np.maximum(others_length, 1e-9)[:, None],
        own_length > 1e-6,
        others_length > 1e-6,
        np.abs(boxes).sum(axis=1) > 0,
    )


class AppearanceScale:
    """Two scales: one for views of the same camera, one across cameras."""

    def __init__(self) -> None:
        self.within = CosineScale()
        self.across = CosineScale()

    def log_odds(self, seen: Likeness) -> NDArray[np.float64]:
        """(n, m): the camera's own view decides where there is one, the others' is a second opinion."""
        across = np.where(seen.has_others[:, None], self.across.log_odds(seen.others), 0.0)
        own = self.within.log_odds(seen.own) + SECOND_OPINION * across
        return np.where(seen.has_own[:, None], own, across) * seen.described

    def learn(self, seen: Likeness, tracks: NDArray[np.intp], boxes: NDArray[np.intp]) -> None:
        """Tracks (k,) were matched with boxes (k,) of the camera."""
        for scale, cosines, there in (
            (self.within, seen.own, seen.has_own),
            (self.across, seen.others, seen.has_others),
        ):
            known = there[tracks] & seen.described[boxes]
            scale.learn(cosines[np.ix_(tracks[known], boxes[known])])
