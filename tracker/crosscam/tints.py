"""What the people of each camera have in common, over a longer time than one round sees."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tracker.core.types import FloatArray
from tracker.crosscam.calibration import CENTRE_PRIOR
from tracker.crosscam.features import unit_rows
from tracker.crosscam.segments import Segment
from tracker.crosscam.state import State

CAPACITY = 500.0
"""Visits after which the oldest begin to fade."""
FIRST_WHITENING, LAST_WHITENING = 128, 4096
"""Visits from which the spread of looks is known well enough to be used, and after which it is known well."""


class CameraTints:
    """Running means of unit features by camera; see calibration.camera_means for what they are good for."""

    def __init__(self) -> None:
        self._sums: dict[str, NDArray[np.float64]] = {}
        self._counts: dict[str, float] = {}
        self._means: dict[str, NDArray[np.float64]] = {}
        self._scatter: NDArray[np.float64] | None = None
        self._visits = 0
        self._whitening: FloatArray | None = None
        self.generation = 0
        """How many times the way in which looks are seen has changed."""

    def see(self, segment: Segment) -> None:
        """One visit that is over."""
        feature = segment.feature()
        if feature is None:
            return
        camera, count = segment.camera_id, self._counts.get(segment.camera_id, 0.0)
        keep = min(1.0, CAPACITY / (count + 1))
        unit = unit_rows(feature[None])[0]
        if self._visits < LAST_WHITENING:
            self._learn_spread(unit - self._mean(camera, len(unit)))
        self._sums[camera] = keep * self._sums.get(camera, np.zeros(len(feature))) + unit
        self._counts[camera] = keep * count + 1
        self._means.clear()

    def whitened(self, beyond: FloatArray) -> FloatArray:
        """(n, d) differences from the tint, scaled so that every direction in which people differ counts the same."""
        return beyond if self._whitening is None else beyond @ self._whitening

    def _learn_spread(self, beyond: NDArray[np.float64]) -> None:
        if self._scatter is None:
            self._scatter = np.zeros((len(beyond), len(beyond)))
        self._scatter += np.outer(beyond, beyond)
        self._visits += 1
        if self._visits >= FIRST_WHITENING and self._visits & (self._visits - 1) == 0:
            self._whiten(self._scatter / self._visits)

    def _whiten(self, covariance: NDArray[np.float64]) -> None:
        """Inverse square root of the covariance (d, d), shrunk towards one variance for all directions."""
        d = len(covariance)
        share = d / (d + self._visits)
        shrunk = (1 - share) * covariance + share * np.trace(covariance) / d * np.eye(d)
        variances, axes = np.linalg.eigh(shrunk)
        self.generation += 1
        self._whitening = ((axes / np.sqrt(np.maximum(variances, 1e-9))) @ axes.T).astype(np.float32)

    def totals(self, cameras: Sequence[str], dimension: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Sums (c, d) of the unit features of past visits, and their numbers (c, 1)."""
        sums = [self._sums.get(camera, np.zeros(dimension)) for camera in cameras]
        return np.stack(sums), np.array([[self._counts.get(camera, 0.0)] for camera in cameras])

    def state(self) -> State:
        """Plain data for restore()."""
        return {
            "sums": dict(self._sums),
            "counts": dict(self._counts),
            "scatter": None if self._scatter is None else self._scatter.copy(),
            "visits": self._visits,
            "whitening": self._whitening,
            "generation": self.generation,
        }

    def restore(self, state: State) -> None:
        self._sums = {camera: np.array(total) for camera, total in state["sums"].items()}
        self._counts = dict(state["counts"])
        self._scatter = None if state["scatter"] is None else state["scatter"].copy()
        self._visits, self._whitening = state["visits"], state["whitening"]
        self.generation = state["generation"]

    def looks(self, segments: Sequence[Segment]) -> FloatArray:
        """(n, d) unit rows: what segments show beyond the tint of their cameras; zeros where nothing is known."""
        features = [segment.feature() for segment in segments]
        dimension = next((len(feature) for feature in features if feature is not None), 0)
        raw = np.stack([np.zeros(dimension) if f is None else f for f in features]) if features else np.zeros((0, 0))
        units = unit_rows(raw.astype(np.float32))
        centres = [self._mean(s.camera_id, dimension) for s in segments]
        beyond = self.whitened((units - np.stack(centres)).astype(np.float32)) if centres else units
        looks: FloatArray = (unit_rows(beyond.astype(np.float32)) * units.any(axis=1, keepdims=True)).astype(np.float32)
        return looks

    def _mean(self, camera_id: str, dimension: int) -> NDArray[np.float64]:
        """(d,), leaning on all cameras where few visits are known; zeros while there are none at all."""
        if camera_id not in self._means:
            total = sum(self._counts.values())
            overall = np.sum(list(self._sums.values()), axis=0) / total if total else np.zeros(dimension)
            own = self._sums.get(camera_id, np.zeros(dimension))
            weight = self._counts.get(camera_id, 0.0) + CENTRE_PRIOR
            self._means[camera_id] = (own + CENTRE_PRIOR * overall) / weight
        return self._means[camera_id]
