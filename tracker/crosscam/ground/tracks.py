"""The people on the ground, as a struct of arrays with one row per track."""

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tracker.core.types import FloatArray
from tracker.crosscam.ground.gaussian import Array, inverse
from tracker.crosscam.state import State


@dataclass(slots=True, eq=False)
class GroundTracks:
    """n tracks, c cameras, d dimensions of appearance, w remembered steps (the latest last).

    ids: (n,). mean: (n, 4) X, Y, vX, vY in metres and m/s. covariance: (n, 4, 4). log_odds: (n,) of existing.
    seen_seconds: (n,) last match. confirmed: (n,). looks: (n, c, d) float32, fading sums of unit vectors.
    boxes: (n, c) row of this step's detections, -1 without. past_xy: (n, w, 2), past_covariance: (n, w, 2, 2),
    past_hits: (n, w, c); past_xy is NaN before the track's first step.
    """

    ids: NDArray[np.int64]
    mean: Array
    covariance: Array
    log_odds: Array
    seen_seconds: Array
    confirmed: NDArray[np.bool_]
    looks: FloatArray
    boxes: NDArray[np.int64]
    past_xy: Array
    past_covariance: Array
    past_hits: NDArray[np.bool_]

    @classmethod
    def new(
        cls,
        ids: NDArray[np.int64],
        mean: Array,
        covariance: Array,
        looks: FloatArray,
        boxes: NDArray[np.int64],
        steps: int,
    ) -> Self:
        """Tracks that begin now: unconfirmed, with log odds 0 and no past of `steps` steps."""
        n, cameras = boxes.shape
        return cls(
            ids,
            mean,
            covariance,
            np.zeros(n),
            np.zeros(n),
            np.zeros(n, bool),
            looks,
            boxes,
            np.full((n, steps, 2), np.nan),
            np.zeros((n, steps, 2, 2)),
            np.zeros((n, steps, cameras), bool),
        )

    @classmethod
    def empty(cls, cameras: int, dimension: int, steps: int) -> Self:
        no_ids, no_looks = np.zeros(0, np.int64), np.zeros((0, cameras, dimension), np.float32)
        return cls.new(no_ids, np.zeros((0, 4)), np.zeros((0, 4, 4)), no_looks, np.zeros((0, cameras), np.int64), steps)

    @classmethod
    def restored(cls, state: State) -> Self:
        """The tracks that gave this state."""
        return cls(**{f.name: state[f.name].copy() for f in fields(cls)})

    def state(self) -> State:
        """Plain data for restored()."""
        return {f.name: getattr(self, f.name).copy() for f in fields(self)}

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Self:
        """Only these rows."""
        if rows.dtype == np.bool_ and rows.all():
            return self
        return replace(self, **{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def join(self, other: Self) -> Self:
        """Both, one after the other."""
        if not len(other):
            return self
        return replace(
            self, **{f.name: np.concatenate([getattr(self, f.name), getattr(other, f.name)]) for f in fields(self)}
        )

    def predict(self, seconds: float, acceleration: float) -> None:
        """Constant velocity with white acceleration (Bar-Shalom, Estimation with Applications, 6.3.2)."""
        step = np.eye(4)
        step[0, 2] = step[1, 3] = seconds
        push = np.vstack([np.eye(2) * seconds**2 / 2, np.eye(2) * seconds])
        self.mean = self.mean @ step.T
        self.covariance = step @ self.covariance @ step.T + acceleration**2 * push @ push.T

    def correct(self, rows: NDArray[np.intp], positions: Array, covariances: Array) -> None:
        """Kalman update of some tracks with one position each: (k, 2) metres with covariance (k, 2, 2)."""
        prior = self.covariance[rows]
        gain = prior[:, :, :2] @ inverse(prior[:, :2, :2] + covariances)
        self.mean[rows] += (gain @ (positions - self.mean[rows, :2])[..., None])[..., 0]
        posterior = prior - gain @ prior[:, :2]
        self.covariance[rows] = (posterior + posterior.transpose(0, 2, 1)) / 2

    def remember(self) -> None:
        """Push the present step into the past."""
        self.past_xy = np.concatenate([self.past_xy[:, 1:], self.mean[:, None, :2]], axis=1)
        self.past_covariance = np.concatenate([self.past_covariance[:, 1:], self.covariance[:, None, :2, :2]], axis=1)
        self.past_hits = np.concatenate([self.past_hits[:, 1:], self.boxes[:, None] >= 0], axis=1)
