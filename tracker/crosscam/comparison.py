"""One round's view of all segments: how alike they look, and which cannot be one person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from tracker.core.types import FloatArray
from tracker.crosscam.calibration import (
    Calibration,
    LogOdds,
    Populations,
    SureCosines,
    camera_means,
)
from tracker.crosscam.features import unit_rows
from tracker.crosscam.segments import Segment
from tracker.crosscam.tints import CameraTints

FULL_WEIGHT = 5.0
"""Sum of qualities beyond which more crops of the same track add no certainty."""

LIMIT_AMONG_MANY = 20.0
"""Among very many people some will always come at the right time: looks must be able to speak louder than that."""

UNSEEN_VARIANCE = 0.11
"""Of the errors of looks that repeat: all crops of a track have one light and one angle, which a fit to pairs of crops
does not know. It counts where walking times speak, too; alone, the scale of looks matters little. Chosen on the first
half of the sample videos, where it leaves .3 of the usual slope; where few pairs are known more is left."""

TRANSIT = "transit"
"""Name of the part of the score that walking times are."""

MIN_PAIRS = 100
"""Pairs of segments of two cameras from which on these are calibrated on their own, where there are more cameras."""

WALKING_SPEED = 2.5
REACH_SLACK_METRES = 1.0
"""A site's people are forbidden to be one where that would need a run: m/s, and the error of two places together."""


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """n segments against each other. The matrices are (n, n) and symmetric.

    cosines: float32, of the camera-centred features; 0 where one has none. log_odds: of "one person", the sum of parts.
    rivals: bool, pairs not at rest that one camera saw at one instant. weights: (n,) > 0, how much each segment's
    opinion counts. features: (n, d) float32 unit rows, centred. means: the centre by camera. calibration: of all
    cameras together; thresholds: the cosine at which the looks of a pair say nothing, by its own cameras' calibration.
    """

    segments: Sequence[Segment]
    cosines: FloatArray
    log_odds: LogOdds
    parts: Mapping[str, LogOdds]
    rivals: NDArray[np.bool_]
    weights: NDArray[np.float64]
    features: FloatArray
    means: dict[str, FloatArray]
    calibration: Calibration
    thresholds: NDArray[np.float64]
    populations: Populations
    tints: CameraTints | None

    def forbidden(self, a: int, b: int) -> bool:
        """Whether one camera saw both at one instant, or nobody could walk from the one to the other in time."""
        one, other = self.segments[a], self.segments[b]
        return one.meets(other) or one.out_of_reach(other, WALKING_SPEED, REACH_SLACK_METRES)


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
    features = np.where(known[:, None], beyond_tint(raw, means[camera], tints), 0).astype(np.float32)
    weights = np.array([min(max(s.gallery.weight, s.recent.weight, 0.01), FULL_WEIGHT) for s in segments])
    if tints is not None:
        features = _pooled(features, weights, segments)
    cosines = features @ features.T
    rivals = _rivals(segments, camera)
    both_known = known[:, None] & known[None]
    once = np.tri(len(segments), dtype=bool, k=-1).T
    different = cosines[rivals & both_known & once]
    mixed = cosines[(camera[:, None] != camera[None]) & both_known & once]
    long = [row for row, segment in enumerate(segments) if tints is None or not segment.resting]
    populations = Populations(
        _same_person_cosines([segments[row] for row in long], means[camera[long]], tints), different, mixed
    )
    if tints is None:
        doubt = UNSEEN_VARIANCE if TRANSIT in (beyond_looks or {}) else 0.0
        looks = _looks(cosines, camera, known, populations, false_match_rate, doubt)
    else:
        looks = _looks_among_many(cosines, known, populations, false_match_rate)
    parts = {"appearance": looks.log_odds, **(beyond_looks or {})}
    return Comparison(
        segments,
        cosines,
        np.asarray(sum(parts.values())),
        parts,
        rivals,
        weights,
        features,
        dict(zip(names, means, strict=True)),
        looks.calibration,
        looks.thresholds,
        populations,
        tints,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Looks:
    log_odds: LogOdds
    thresholds: NDArray[np.float64]
    calibration: Calibration


def _looks(
    cosines: FloatArray,
    camera: NDArray[np.int64],
    known: NDArray[np.bool_],
    populations: Populations,
    false_match_rate: float,
    doubt: float,
) -> _Looks:
    """Log odds of looks (n, n): on the scale of the two cameras where they have enough pairs, else of all together.

    camera, known: (n,), number of the camera, and whether there are looks. doubt: the variance of their unseen errors.
    """
    sure = SureCosines.of(populations.same, populations.different)
    calibration = sure.calibration(populations.mixed, false_match_rate).doubted(doubt)
    log_odds, thresholds = calibration.log_odds(cosines), np.full(cosines.shape, calibration.threshold)
    rows = [np.flatnonzero(known & (camera == number)) for number in range(camera.max(initial=-1) + 1)]
    for one, other in combinations(rows, 2) if len(rows) > 2 else ():
        if len(one) * len(other) >= MIN_PAIRS:
            here, back = np.ix_(one, other), np.ix_(other, one)
            between = sure.calibration(cosines[here].ravel(), false_match_rate).doubted(doubt)
            log_odds[here], thresholds[here] = between.log_odds(cosines[here]), between.threshold
            log_odds[back], thresholds[back] = log_odds[here].T, between.threshold
    return _Looks(np.where(known[:, None] & known, log_odds, 0.0), thresholds, calibration)


def _looks_among_many(
    cosines: FloatArray, known: NDArray[np.bool_], populations: Populations, false_match_rate: float
) -> _Looks:
    """As _looks(), on one scale for all cameras."""
    sure = SureCosines.of(populations.same, populations.different)
    calibration = sure.spread(populations.mixed, false_match_rate, LIMIT_AMONG_MANY)
    log_odds = np.where(known[:, None] & known, calibration.log_odds(cosines), 0.0)
    return _Looks(log_odds, np.full(cosines.shape, calibration.threshold), calibration)


def _raw_features(segments: Sequence[Segment]) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Unit features (n, d) and which of them exist (n,)."""
    found = [segment.feature() for segment in segments]
    known = np.array([feature is not None for feature in found], bool)
    dimension = next((len(feature) for feature in found if feature is not None), 1)
    rows = [np.zeros(dimension, np.float32) if feature is None else feature for feature in found]
    return unit_rows(np.stack(rows) if rows else np.zeros((0, dimension), np.float32)), known


def beyond_tint(vectors: FloatArray, means: FloatArray, tints: CameraTints | None) -> FloatArray:
    """(n, d) unit rows: what vectors (n, d) show beyond the mean (n, d) of their cameras."""
    beyond = unit_rows(vectors) - means
    return unit_rows(beyond if tints is None else tints.whitened(beyond))


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


def _same_person_cosines(segments: Sequence[Segment], means: FloatArray, tints: CameraTints | None) -> FloatArray:
    """Cosine (m,) between the two halves of each gallery that has two. means: (n, d), of each segment's camera."""
    halves = [
        (*pair, mean) for s, mean in zip(segments, means, strict=True) if (pair := s.gallery.halves()) is not None
    ]
    if not halves:
        return np.zeros(0, np.float32)
    earlier, later, mean = (np.stack(column) for column in zip(*halves, strict=True))
    cosines: FloatArray = (beyond_tint(earlier, mean, tints) * beyond_tint(later, mean, tints)).sum(axis=1)
    return cosines


def _rivals(segments: Sequence[Segment], camera: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n, n): seen at some instant by one camera, among the segments that are not at rest: enough to learn from."""
    active = np.array([not segment.resting for segment in segments], bool)
    first = np.array([segment.presence.first_seconds for segment in segments])
    last = np.array([segment.presence.last_seconds for segment in segments])
    overlap = (first[:, None] <= last[None]) & (first[None] <= last[:, None]) & (camera[:, None] == camera[None])
    rivals = np.triu(overlap & active[:, None] & active[None], 1)
    seen_since = np.array([segment.presence.runs[-1][0] for segment in segments])
    surely = (seen_since[:, None] <= last[None]) & (seen_since[None] <= last[:, None])
    for a, b in np.argwhere(rivals & ~surely).tolist():
        rivals[a, b] = segments[a].presence.meets(segments[b].presence)
    return np.asarray(rivals | rivals.T)
