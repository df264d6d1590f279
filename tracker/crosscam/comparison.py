"""One round's view of all segments: how alike they look, and which cannot be one person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from tracker.core.types import FloatArray
from tracker.crosscam.appearances import Appearances
from tracker.crosscam.calibration import (
    Calibration,
    LogOdds,
    Populations,
    SureCosines,
    line_log_odds,
)
from tracker.crosscam.constraints import Veto
from tracker.crosscam.features import rows_of
from tracker.crosscam.segments import Segment

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
    opinion counts. calibration: of all cameras together; thresholds: the cosine at which the looks of a pair say
    nothing, by its own cameras' calibration.
    """

    segments: Sequence[Segment]
    cosines: FloatArray
    log_odds: LogOdds
    parts: Mapping[str, LogOdds]
    rivals: NDArray[np.bool_]
    weights: NDArray[np.float64]
    calibration: Calibration
    thresholds: NDArray[np.float64]
    populations: Populations

    def veto(self, a: int, b: int) -> Veto | None:
        """What forbids that both are one person, of all that cameras know; None: nothing does."""
        one, other = self.segments[a], self.segments[b]
        if one.meets(other):
            return Veto.SAME_INSTANT
        return Veto.OUT_OF_REACH if one.out_of_reach(other, WALKING_SPEED, REACH_SLACK_METRES) else None


def compare(
    segments: Sequence[Segment] | Appearances,
    false_match_rate: float,
    beyond_looks: Mapping[str, LogOdds] | None = None,
) -> Comparison:
    """Compare n segments with each other, on a scale that is calibrated from these segments themselves.

    Sure negatives are the pairs that one camera saw at one instant, sure positives the earlier and the later looks of
    one segment. beyond_looks: further log odds (n, n) by name, which add to those of the looks.
    """
    seen = segments if isinstance(segments, Appearances) else Appearances.of(segments)
    segments, camera, known = seen.segments, seen.camera, seen.known
    cosines = seen.features @ seen.features.T
    once = (known[:, None] & known) & np.tri(len(segments), dtype=bool, k=-1).T
    different = cosines[seen.rivals & once]
    mixed = cosines[(camera[:, None] != camera) & once]
    long = [row for row, segment in enumerate(segments) if seen.tints is None or not segment.resting]
    populations = Populations(_same_person_cosines(seen, long), different, mixed)
    if seen.tints is None:
        doubt = UNSEEN_VARIANCE if TRANSIT in (beyond_looks or {}) else 0.0
        looks = _looks(cosines, camera, known, populations, false_match_rate, doubt)
    else:
        sure = seen.tints.pairs.learn(populations, seen.tints.generation)
        looks = _looks_among_many(cosines, known, sure, mixed, false_match_rate)
    parts = {"appearance": looks.log_odds, **(beyond_looks or {})}
    return Comparison(
        segments,
        cosines,
        np.asarray(sum(parts.values())),
        parts,
        seen.rivals,
        seen.weights,
        looks.calibration,
        looks.thresholds,
        populations,
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
    rows = [np.flatnonzero(known & (camera == number)) for number in range(camera.max(initial=-1) + 1)]
    slopes = np.full((len(rows), len(rows)), calibration.slope)
    thresholds = np.full(slopes.shape, calibration.threshold)
    for (a, one), (b, other) in combinations(enumerate(rows), 2) if len(rows) > 2 else ():
        if len(one) * len(other) >= MIN_PAIRS:
            between = sure.calibration(cosines[np.ix_(one, other)].ravel(), false_match_rate).doubted(doubt)
            slopes[a, b] = slopes[b, a] = between.slope
            thresholds[a, b] = thresholds[b, a] = between.threshold
    pairs = camera[:, None], camera
    log_odds = line_log_odds(cosines, slopes[pairs], thresholds[pairs], calibration.limit)
    return _Looks(np.where(known[:, None] & known, log_odds, 0.0), thresholds[pairs], calibration)


def _looks_among_many(
    cosines: FloatArray, known: NDArray[np.bool_], sure: SureCosines, mixed: FloatArray, false_match_rate: float
) -> _Looks:
    """As _looks(), on one scale for all cameras. sure: as known from all rounds. mixed: (k,) as of Populations."""
    calibration = sure.spread(mixed, false_match_rate, LIMIT_AMONG_MANY)
    log_odds = np.where(known[:, None] & known, calibration.log_odds(cosines), 0.0)
    return _Looks(log_odds, np.full(cosines.shape, calibration.threshold), calibration)


def _same_person_cosines(seen: Appearances, rows: Sequence[int]) -> FloatArray:
    """Cosine (m,) between the two halves of each gallery, of the segments in these rows, that has two."""
    halves = [(row, *pair) for row in rows if (pair := seen.segments[row].gallery.halves()) is not None]
    if not halves:
        return np.zeros(0, np.float32)
    here, earlier, later = zip(*halves, strict=True)
    dimension = seen.features.shape[1]
    one, other = (seen.beyond_tint(rows_of(half, dimension), here) for half in (earlier, later))
    cosines: FloatArray = (one * other).sum(axis=1)
    return cosines
