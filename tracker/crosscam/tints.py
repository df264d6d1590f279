"""What the people of each camera have in common, over a longer time than one round sees."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tracker.core.types import FloatArray
from tracker.crosscam.calibration import CENTRE_PRIOR
from tracker.crosscam.features import rows_of, unit_rows
from tracker.crosscam.segments import Segment
from tracker.crosscam.state import State
from tracker.crosscam.sure_pairs import SurePairs

CAPACITY = 500.0
"""Visits after which the oldest begin to fade."""
FIRST_WHITENING, LAST_WHITENING = 128, 4096
"""Visits from which the spread of looks is known well enough to be used, and after which it is known well."""


class CameraTints:
    """Running means of unit features by camera; see calibration.camera_means for what they are good for.

    pairs: how alike sure pairs look beyond them.
    """

    def __init__(self) -> None:
        self._row: dict[str, int] = {}
        self._sums: NDArray[np.float64] = np.zeros((0, 0))
        self._counts: NDArray[np.float64] = np.zeros((0, 1))
        self._means: NDArray[np.float64] | None = None
        self._scatter: NDArray[np.float64] | None = None
        self._unread: list[NDArray[np.float64]] = []
        self._visits = 0
        self._whitening: FloatArray | None = None
        self._is_due = False
        self._generation = 0
        self.pairs = SurePairs()

    def see(self, segment: Segment) -> None:
        """One visit that is over."""
        feature = segment.feature()
        if feature is None:
            return
        (row,) = self._rows_of([segment.camera_id], len(feature))
        keep = min(1.0, CAPACITY / (self._counts[row, 0] + 1))
        unit = unit_rows(feature[None])[0]
        if self._visits < LAST_WHITENING:
            self._learn_spread(unit - self._mean_of([row])[0])
        self._sums[row] = keep * self._sums[row] + unit
        self._counts[row] = keep * self._counts[row] + 1
        self._means = None

    @property
    def generation(self) -> int:
        """How many times the way in which looks are seen has changed."""
        self._whiten()
        return self._generation

    def whitened(self, beyond: FloatArray) -> FloatArray:
        """(n, d) differences from the tint, scaled so that every direction in which people differ counts the same."""
        self._whiten()
        return beyond if self._whitening is None else beyond @ self._whitening

    def _learn_spread(self, beyond: NDArray[np.float64]) -> None:
        self._unread.append(beyond)
        self._visits += 1
        if len(self._unread) >= FIRST_WHITENING:
            self._read()
        if self._visits >= FIRST_WHITENING and self._visits & (self._visits - 1) == 0:
            self._is_due = True

    def _read(self) -> None:
        """Add what was seen lately to the scatter, all at once: that is much quicker than one by one."""
        if not self._unread:
            return
        rows = np.stack(self._unread)
        self._scatter = rows.T @ rows + (0.0 if self._scatter is None else self._scatter)
        self._unread = []

    def _whiten(self) -> None:
        """Inverse square root of the covariance (d, d), shrunk towards one variance for all directions. It takes long,
        and most matchers never need it: it waits until somebody asks.
        """
        if not self._is_due:
            return
        self._read()
        assert self._scatter is not None
        self._is_due, covariance = False, self._scatter / self._visits
        d = len(covariance)
        share = d / (d + self._visits)
        shrunk = (1 - share) * covariance + share * np.trace(covariance) / d * np.eye(d)
        variances, axes = np.linalg.eigh(shrunk)
        self._generation += 1
        self._whitening = ((axes / np.sqrt(np.maximum(variances, 1e-9))) @ axes.T).astype(np.float32)

    def totals(self, cameras: Sequence[str], dimension: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Sums (c, d) of the unit features of past visits, and their numbers (c, 1)."""
        if not self._visits:
            return np.zeros((len(cameras), dimension)), np.zeros((len(cameras), 1))
        rows = self._rows_of(cameras, dimension)
        return self._sums[rows], self._counts[rows]

    def state(self) -> State:
        """Plain data for restore()."""
        self._read()
        return {
            "cameras": list(self._row),
            "sums": self._sums.copy(),
            "counts": self._counts.copy(),
            "scatter": None if self._scatter is None else self._scatter.copy(),
            "visits": self._visits,
            "whitening": self._whitening,
            "generation": self._generation,
            "is_due": self._is_due,
            "pairs": self.pairs.state(),
        }

    def restore(self, state: State) -> None:
        self._row = {camera: row for row, camera in enumerate(state["cameras"])}
        self._sums, self._counts = state["sums"].copy(), state["counts"].copy()
        self._scatter = None if state["scatter"] is None else state["scatter"].copy()
        self._visits, self._whitening = state["visits"], state["whitening"]
        self._generation, self._is_due = state["generation"], state["is_due"]
        if "pairs" in state:  # earlier versions did not remember any
            self.pairs.restore(state["pairs"])

    def looks(self, segments: Sequence[Segment]) -> FloatArray:
        """(n, d) unit rows: what segments show beyond the tint of their cameras; zeros where nothing is known."""
        features = [segment.feature() for segment in segments]
        known = [row for row, feature in enumerate(features) if feature is not None]
        raw = [feature for feature in features if feature is not None]
        looks = np.zeros((len(segments), len(raw[0]) if raw else 0), np.float32)
        if not raw:
            return looks
        cameras = self._rows_of([segments[row].camera_id for row in known], len(raw[0]))
        beyond = unit_rows(rows_of(raw, len(raw[0]))) - self._camera_means()[cameras].astype(np.float32)
        looks[known] = unit_rows(self.whitened(beyond))
        return looks

    def _rows_of(self, cameras: Sequence[str], dimension: int) -> list[int]:
        """The rows of cameras; new ones get zeros."""
        new = [camera for camera in dict.fromkeys(cameras) if camera not in self._row]
        if new:
            self._row |= {camera: row for row, camera in enumerate(new, len(self._row))}
            known, self._sums = self._sums, np.zeros((len(self._row), dimension))
            self._sums[: len(known)] = known if known.size else 0
            self._counts = np.concatenate([self._counts, np.zeros((len(new), 1))])
            self._means = None
        return [self._row[camera] for camera in cameras]

    def _camera_means(self) -> NDArray[np.float64]:
        """(c, d), leaning on all cameras where few visits are known; zeros while there are none at all."""
        if self._means is None:
            self._means = self._mean_of(slice(None))
        return self._means

    def _mean_of(self, rows: Sequence[int] | slice) -> NDArray[np.float64]:
        """These rows of _camera_means()."""
        overall = self._sums.sum(axis=0) / max(float(self._counts.sum()), 1.0)
        return np.asarray((self._sums[rows] + CENTRE_PRIOR * overall) / (self._counts[rows] + CENTRE_PRIOR))
