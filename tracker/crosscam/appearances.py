"""What is seen of the segments of one round, before anybody is compared: their looks, and who was in view together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.core.types import FloatArray
from tracker.crosscam.calibration import camera_means
from tracker.crosscam.features import rows_of, unit_rows
from tracker.crosscam.segments import Segment
from tracker.crosscam.tints import CameraTints

FULL_WEIGHT = 5.0
"""Sum of qualities beyond which more crops of the same track add no certainty."""


@dataclass(frozen=True, slots=True, eq=False)
class Appearances:
    """n segments of c cameras.

    camera: (n,) in [0, c), in order of the cameras' names. known: (n,) whether there are looks. features: (n, d)
    float32 unit rows without the camera's tint, zeros where nothing is known. means: (c, d) what is taken off.
    weights: (n,) > 0, how much each segment's opinion counts. rivals: (n, n) bool, symmetric, pairs not at rest that
    one camera saw at one instant. tints: what cameras showed before; None: the segments are all that is known.
    """

    segments: Sequence[Segment]
    camera: NDArray[np.int64]
    known: NDArray[np.bool_]
    features: FloatArray
    means: FloatArray
    weights: NDArray[np.float64]
    rivals: NDArray[np.bool_]
    tints: CameraTints | None

    @classmethod
    def of(cls, segments: Sequence[Segment], tints: CameraTints | None = None) -> "Appearances":
        """As they are now."""
        names = sorted({segment.camera_id for segment in segments})
        number = {name: index for index, name in enumerate(names)}
        camera = np.array([number[segment.camera_id] for segment in segments], np.int64)
        raw, known = _raw_features(segments)
        past = None if tints is None else tints.totals(names, raw.shape[1])
        everybody = bool(known.all())
        described = (raw, camera) if everybody else (raw[known], camera[known])
        means = camera_means(*described, len(names), past)
        features = beyond_tint(raw, means[camera], tints)
        if not everybody:
            features = np.where(known[:, None], features, np.float32(0))
        weights = np.array([min(max(s.gallery.weight, s.recent.weight, 0.01), FULL_WEIGHT) for s in segments])
        if tints is not None:
            features = _pooled(features, weights, segments)
        return cls(segments, camera, known, features, means, weights, _rivals(segments, camera), tints)

    def beyond_tint(self, vectors: FloatArray, rows: Sequence[int]) -> FloatArray:
        """(k, d) unit rows: what vectors (k, d), of the segments in these rows, show beyond their cameras' tint."""
        return beyond_tint(vectors, self.means[self.camera.take(rows)], self.tints)


def beyond_tint(vectors: FloatArray, means: FloatArray, tints: CameraTints | None) -> FloatArray:
    """(n, d) unit rows: what vectors (n, d) show beyond the mean (n, d) of their cameras."""
    beyond = unit_rows(vectors) - means
    return unit_rows(beyond if tints is None else tints.whitened(beyond))


def _raw_features(segments: Sequence[Segment]) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Unit features (n, d) and which of them exist (n,)."""
    found = [segment.feature() for segment in segments]
    known = np.array([feature is not None for feature in found], bool)
    nothing = np.zeros(next((len(feature) for feature in found if feature is not None), 1), np.float32)
    return unit_rows(rows_of([nothing if feature is None else feature for feature in found], len(nothing))), known


def _pooled(features: FloatArray, weights: NDArray[np.float64], segments: Sequence[Segment]) -> FloatArray:
    """Unit rows (n, d): whoever is at rest is seen by the mean of all that is here of the person, which shows more of
    who that is than any camera's view of it.
    """
    names = [(s.identity_id or 0) if s.resting else -1 - row for row, s in enumerate(segments)]
    person = np.unique(names, return_inverse=True)[1]
    order = np.argsort(person, kind="stable")
    first = np.flatnonzero(np.diff(person[order], prepend=-1))
    sums = np.add.reduceat((features * weights[:, None].astype(np.float32))[order], first, axis=0)
    pooled: FloatArray = unit_rows(sums)[person]
    return pooled


def _rivals(segments: Sequence[Segment], camera: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n, n): seen at some instant by one camera, among the segments that are not at rest: enough to learn from."""
    n = len(segments)
    rivals = np.zeros((n, n), bool)
    active = np.flatnonzero([not segment.resting for segment in segments])
    runs = [segments[row].presence.runs for row in active.tolist()]
    first, last = np.array([one[0][0] for one in runs]), np.array([one[-1][1] for one in runs])
    seen_since, camera = np.array([one[-1][0] for one in runs]), camera[active]
    together = (first[:, None] <= last) & (camera[:, None] == camera)
    together &= together.T
    np.fill_diagonal(together, False)
    surely = seen_since[:, None] <= last
    for a, b in np.argwhere(together & ~(surely & surely.T)).tolist():
        if a < b:
            together[a, b] = together[b, a] = segments[active[a]].presence.meets(segments[active[b]].presence)
    rivals[np.ix_(active, active)] = together
    return rivals
