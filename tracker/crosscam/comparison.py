"""One round's view of all segments: how alike they look, and which cannot be one person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.core.types import FloatArray
from tracker.crosscam.calibration import CosineCalibration, LogOdds, camera_means, fit_cosines
from tracker.crosscam.features import unit_rows
from tracker.crosscam.segments import Segment
from tracker.crosscam.tints import CameraTints

FULL_WEIGHT = 5.0
"""Sum of qualities beyond which more crops of the same track add no certainty."""

WALKING_SPEED = 2.5
REACH_SLACK_METRES = 1.0
"""A site's people are forbidden to be one where that would need a run: m/s, and the error of two places together."""


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """n segments against each other. The matrices are (n, n) and symmetric.

    cosines: float32, of the camera-centred features; 0 where one has none. log_odds: of "one person", the sum of parts.
    rivals: bool, pairs not at rest that one camera saw at one instant. weights: (n,) > 0, how much each segment's
    opinion counts. features: (n, d) float32 unit rows, centred. means: the centre by camera.
    """

    segments: Sequence[Segment]
    cosines: FloatArray
    log_odds: LogOdds
    parts: Mapping[str, LogOdds]
    rivals: NDArray[np.bool_]
    weights: NDArray[np.float64]
    features: FloatArray
    means: dict[str, FloatArray]
    calibration: CosineCalibration

    def forbidden(self, a: int, b: int) -> bool:
        """Whether one camera saw both at one instant, or nobody could walk from the one to the other in time."""
        one, other = self.segments[a], self.segments[b]
        if one.camera_id != other.camera_id:
            return False
        return one.presence.meets(other.presence) or one.out_of_reach(other, WALKING_SPEED, REACH_SLACK_METRES)


def compare(
    segments: Sequence[Segment],
    false_match_rate: float,
    beyond_looks: Mapping[str, LogOdds] | None = None,
    tints: CameraTints | None = None,
) -> Comparison:
    """Compare all segments with each other on a scale calibrated by the segments themselves.

    Sure negatives are the pairs that one camera saw at one instant, sure positives the earlier and the later looks of
    one segment. beyond_looks: further log odds (n, n) by name, which add to those of the looks. tints: what cameras
    showed before, where a round sees only some of it.
    """
    names = sorted({segment.camera_id for segment in segments})
    number = {name: index for index, name in enumerate(names)}
    camera = np.array([number[segment.camera_id] for segment in segments], np.int64)
    raw, known = _raw_features(segments)
    past = None if tints is None else tints.totals(names, raw.shape[1])
    means = camera_means(raw[known], camera[known], len(names), past)
    features = np.where(known[:, None], unit_rows(raw - means[camera]), 0).astype(np.float32)
    cosines = features @ features.T
    rivals = _rivals(segments, camera)
    both_known = known[:, None] & known[None]
    once = np.tri(len(segments), dtype=bool, k=-1).T
    different = cosines[rivals & both_known & once]
    mixed = cosines[(camera[:, None] != camera[None]) & both_known & once]
    same = _same_person_cosines(segments, means[camera])
    calibration = fit_cosines(same, different, mixed, false_match_rate)
    parts = {"appearance": np.where(both_known, calibration.log_odds(cosines), 0.0), **(beyond_looks or {})}
    return Comparison(
        segments,
        cosines,
        np.asarray(sum(parts.values())),
        parts,
        rivals,
        np.array([min(max(s.gallery.weight, s.recent.weight, 0.01), FULL_WEIGHT) for s in segments]),
        features,
        dict(zip(names, means, strict=True)),
        calibration,
    )


def _raw_features(segments: Sequence[Segment]) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Unit features (n, d) and which of them exist (n,)."""
    found = [segment.feature() for segment in segments]
    known = np.array([feature is not None for feature in found], bool)
    dimension = next((len(feature) for feature in found if feature is not None), 1)
    rows = [np.zeros(dimension, np.float32) if feature is None else feature for feature in found]
    return unit_rows(np.stack(rows) if rows else np.zeros((0, dimension), np.float32)), known


def _same_person_cosines(segments: Sequence[Segment], means: FloatArray) -> FloatArray:
    """Cosine (m,) between the two halves of each gallery that has two. means: (n, d), of each segment's camera."""
    halves = [
        (*pair, mean) for s, mean in zip(segments, means, strict=True) if (pair := s.gallery.halves()) is not None
    ]
    if not halves:
        return np.zeros(0, np.float32)
    earlier, later, mean = (np.stack(column) for column in zip(*halves, strict=True))
    cosines: FloatArray = (unit_rows(unit_rows(earlier) - mean) * unit_rows(unit_rows(later) - mean)).sum(axis=1)
    return cosines


def _rivals(segments: Sequence[Segment], camera: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n, n): seen at some instant by one camera, among the segments that are not at rest: enough to learn from."""
    active = np.array([not segment.resting for segment in segments], bool)
    first = np.array([segment.presence.first_seconds for segment in segments])
    last = np.array([segment.presence.last_seconds for segment in segments])
    overlap = (first[:, None] <= last[None]) & (first[None] <= last[:, None]) & (camera[:, None] == camera[None])
    rivals = np.triu(overlap & active[:, None] & active[None], 1)
    for a, b in np.argwhere(rivals & (last[:, None] != last[None])):
        rivals[a, b] = segments[a].presence.meets(segments[b].presence)
    return np.asarray(rivals | rivals.T)
