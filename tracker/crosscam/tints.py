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


class CameraTints:
    """Running means of unit features by camera; see calibration.camera_means for what they are good for."""

    def __init__(self) -> None:
        self._sums: dict[str, NDArray[np.float64]] = {}
        self._counts: dict[str, float] = {}
        self._means: dict[str, NDArray[np.float64]] = {}

    def see(self, segment: Segment) -> None:
        """One visit that is over."""
        feature = segment.feature()
        if feature is None:
            return
        camera, count = segment.camera_id, self._counts.get(segment.camera_id, 0.0)
        keep = min(1.0, CAPACITY / (count + 1))
        self._sums[camera] = keep * self._sums.get(camera, np.zeros(len(feature))) + unit_rows(feature[None])[0]
        self._counts[camera] = keep * count + 1
        self._means.clear()

    def totals(self, cameras: Sequence[str], dimension: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Sums (c, d) of the unit features of past visits, and their numbers (c, 1)."""
        sums = [self._sums.get(camera, np.zeros(dimension)) for camera in cameras]
        return np.stack(sums), np.array([[self._counts.get(camera, 0.0)] for camera in cameras])

    def state(self) -> State:
        """Plain data for restore()."""
        return {"sums": dict(self._sums), "counts": dict(self._counts)}

    def restore(self, state: State) -> None:
        self._sums = {camera: np.array(total) for camera, total in state["sums"].items()}
        self._counts = dict(state["counts"])

    def looks(self, segments: Sequence[Segment]) -> FloatArray:
        """(n, d) unit rows: what segments show beyond the tint of their cameras; zeros where nothing is known."""
        features = [segment.feature() for segment in segments]
        dimension = next((len(feature) for feature in features if feature is not None), 0)
        raw = np.stack([np.zeros(dimension) if f is None else f for f in features]) if features else np.zeros((0, 0))
        units = unit_rows(raw.astype(np.float32))
        centres = [self._mean(s.camera_id, dimension) for s in segments]
        beyond = units - np.stack(centres) if centres else units
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
