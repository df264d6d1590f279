"""How alike a track and a box look, on a scale that the tracker learns while geometry tells it who is who."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.core.types import Detections, FloatArray
from tracker.crosscam.features import unit_rows
from tracker.crosscam.ground.rig import Boxes
from tracker.crosscam.state import State

LIMIT = 4.0
PRIOR_COUNT = 50.0
SECOND_OPINION = 0.5
"""Weight of the other cameras' view of a track where the box's own camera has seen it too."""
NOTHING = 1e-3
"""A sum of unit vectors that is shorter is none."""


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

    def learn(self, same: FloatArray, different: FloatArray) -> None:
        """Cosines (any shape) of pairs that are one person, and of pairs that are two."""
        self.same.add(same)
        self.different.add(different)

    def state(self) -> State:
        """Plain data for restore()."""
        return {"same": asdict(self.same), "different": asdict(self.different)}

    def restore(self, state: State) -> None:
        self.same, self.different = RunningGaussian(**state["same"]), RunningGaussian(**state["different"])


class CameraTints:
    """Removes from embeddings what all people of one camera share: its running mean."""

    def __init__(self, cameras: int) -> None:
        self._counts = np.zeros(cameras)
        self._sums: NDArray[np.float64] | None = None

    def remove(self, seen: Sequence[Detections], dimension: int) -> FloatArray:
        """Detections of every camera -> unit rows (m, dimension) float32; zeros where one has no embedding.

        Raises ValueError for embeddings of another dimension.
        """
        if self._sums is None or not self._counts.any():
            self._sums = np.zeros((len(self._counts), dimension))
        raw = np.zeros((sum(len(one) for one in seen), dimension), np.float32)
        start = 0
        for camera, one in enumerate(seen):
            rows, start = slice(start, start + len(one)), start + len(one)
            if one.embeddings is None or not len(one):
                continue
            if one.embeddings.shape[1] != self._sums.shape[1] or dimension != self._sums.shape[1]:
                raise ValueError(
                    f"embeddings have {one.embeddings.shape[1]} dimensions, those before {self._sums.shape[1]}"
                )
            described = one.embeddings.any(axis=1)
            embeddings = one.embeddings if described.all() else one.embeddings[described]
            self._sums[camera] += embeddings.sum(axis=0)
            self._counts[camera] += len(embeddings)
            tint = (self._sums[camera] / max(self._counts[camera], 1)).astype(np.float32)
            raw[rows][described] = embeddings - tint
        return unit_rows(raw)

    def state(self) -> State:
        """Plain data for restore()."""
        return {"counts": self._counts.copy(), "sums": None if self._sums is None else self._sums.copy()}

    def restore(self, state: State) -> None:
        self._counts = state["counts"].copy()
        self._sums = None if state["sums"] is None else state["sums"].copy()


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """Tracks (n) against the boxes (m) of all cameras.

    own, others: (n, m) float32, cosine with what the box's camera, and what the other cameras, saw of the track.
    has_own, has_others: (n, m), whether the track has such a view and the box an embedding.
    """

    own: FloatArray
    others: FloatArray
    has_own: NDArray[np.bool_]
    has_others: NDArray[np.bool_]


def likeness(looks: FloatArray, boxes: Boxes) -> Likeness:
    """looks: (n, c, d) summed unit vectors of every track per camera."""
    total = looks.sum(axis=1)
    own = np.empty((len(looks), len(boxes)), np.float32)
    for camera, (start, end) in enumerate(zip(boxes.starts[:-1].tolist(), boxes.starts[1:].tolist(), strict=True)):
        own[:, start:end] = looks[:, camera] @ boxes.looks[start:end].T
    others = total @ boxes.looks.T - own
    own_squared = np.einsum("ncd,ncd->nc", looks, looks)
    others_squared = (
        own_squared - 2 * np.einsum("ncd,nd->nc", looks, total) + np.einsum("nd,nd->n", total, total)[:, None]
    )
    own_length, others_length = (
        np.sqrt(np.maximum(squared, 0))[:, boxes.camera] for squared in (own_squared, others_squared)
    )
    described = boxes.looks.any(axis=1)
    return Likeness(
        own / np.maximum(own_length, NOTHING),
        others / np.maximum(others_length, NOTHING),
        (own_length > NOTHING) & described,
        (others_length > NOTHING) & described,
    )


class AppearanceScale:
    """Two scales: one for views of the same camera, one across cameras."""

    def __init__(self) -> None:
        self.within = CosineScale()
        self.across = CosineScale()

    def log_odds(self, seen: Likeness) -> NDArray[np.float64]:
        """(n, m): the camera's own view decides where there is one, the others' is a second opinion."""
        across = np.where(seen.has_others, self.across.log_odds(seen.others), 0.0)
        return np.where(seen.has_own, self.within.log_odds(seen.own) + SECOND_OPINION * across, across)

    def learn(self, seen: Likeness, boxes: Boxes, taken: NDArray[np.int64]) -> None:
        """taken: (n, c) boxes of every track, -1 without: what one camera gave to two tracks are two people."""
        row, camera = np.nonzero(taken >= 0)
        same = np.zeros(seen.own.shape, bool)
        same[row, taken[row, camera]] = True
        different = (taken >= 0)[:, boxes.camera] & same.any(axis=0) & ~same
        for scale, cosines, there in (
            (self.within, seen.own, seen.has_own),
            (self.across, seen.others, seen.has_others),
        ):
            scale.learn(cosines[same & there], cosines[different & there])

    def state(self) -> State:
        """Plain data for restore()."""
        return {"within": self.within.state(), "across": self.across.state()}

    def restore(self, state: State) -> None:
        self.within.restore(state["within"])
        self.across.restore(state["across"])
