"""Thresholds from the data itself: what a cosine means for this embedding network in these cameras."""

from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tracker.core.types import FloatArray

LogOdds = NDArray[np.float64]

CENTRE_PRIOR = 3.0
COMPANY_PRIOR = 3.0
"""Tracks from which on half of their mean is taken for light and angle: what a few have in common is who they are."""
OUTLIERS = 0.02
MIN_MIXED = 20
LIMIT = 6.0
"""Log odds that looks alone can be worth, for or against."""
ONE_DEVIATION_BELOW = NormalDist().cdf(-1)


@dataclass(frozen=True, slots=True)
class Normal:
    """A Gaussian by its moments."""

    mean: float
    variance: float


SAME_PRIOR, DIFFERENT_PRIOR = Normal(0.7, 0.15**2), Normal(0.0, 0.25**2)
"""What is expected before any pair was seen."""


@dataclass(frozen=True, slots=True, eq=False)
class Populations:
    """The cosines that a calibration is made from: of pairs of one person (n,), of people whom one camera saw at one
    instant (m,), and of pairs of two cameras whose truth is unknown (k,), most of which are strangers.
    """

    same: FloatArray
    different: FloatArray
    mixed: FloatArray


def line_log_odds(cosines: FloatArray, slope: float | LogOdds, threshold: float | LogOdds, limit: float) -> LogOdds:
    """A straight line, cut at +-limit, through 0 at `threshold`; one for all cosines, or each its own."""
    odds: LogOdds = np.clip(slope * (cosines.astype(np.float64) - threshold), -limit, limit)
    return odds


@dataclass(frozen=True, slots=True)
class CosineCalibration:
    """A straight line from cosine to log-likelihood ratio of "same person" over "different people".

    Two Gaussians of one variance give such a line: slope (mu_same - mu_different) / variance. It crosses zero at
    `threshold`, is cut at +-limit, and is 0 everywhere while nothing is known.
    """

    slope: float
    threshold: float
    same: Normal
    different: Normal
    limit: float

    def log_odds(self, cosines: FloatArray) -> LogOdds:
        """Cosines of any shape -> log-likelihood ratios of the same shape."""
        return line_log_odds(cosines, self.slope, self.threshold, self.limit)

    def doubted(self, variance: float) -> Self:
        """The same threshold on a flatter line: as if cosines had errors of this variance, unseen by the pairs it was
        fitted to. A line that was steep, by many pairs or narrow ones, loses most. The limit stays.
        """
        seen = self.same.variance + self.different.variance
        return replace(self, slope=self.slope * seen / (seen + variance))


@dataclass(frozen=True, slots=True)
class SpreadCalibration:
    """From cosine to log-likelihood ratio where very many people are known: two Gaussians, each of its own variance.

    A line through all cosines is right near the threshold only. Among thousands it matters how surely somebody who
    stands out is told, and that somebody who does not is not ruled out: one person may look anything from like a
    stranger to like the same track again, so cosines of one person are taken as uniform between the two.
    threshold: where the ratio outweighs `burden`, which is taken off. Below the least likely cosine it stays as it is.
    """

    burden: float
    same: Normal
    different: Normal
    limit: float

    def log_odds(self, cosines: FloatArray) -> LogOdds:
        """Cosines of any shape -> log-likelihood ratios less burden, of the same shape."""
        bend, least, lowest = self._parabola()
        ratios = lowest + bend * np.maximum(cosines.astype(np.float64) - least, 0.0) ** 2
        odds: LogOdds = np.clip(ratios - self.burden, -self.limit, self.limit)
        return odds

    @property
    def threshold(self) -> float:
        bend, least, lowest = self._parabola()
        return least + float(np.sqrt(max(self.burden - lowest, 0.0) / bend))

    def _parabola(self) -> tuple[float, float, float]:
        """The ratio is lowest + bend * (cosine - least)**2."""
        same, different = self.same, self.different
        precision = 1 / different.variance - 1 / same.variance
        least = (different.mean / different.variance - same.mean / same.variance) / precision
        at_least = (
            (least - different.mean) ** 2 / different.variance
            - (least - same.mean) ** 2 / same.variance
            + np.log(different.variance / same.variance)
        ) / 2
        return precision / 2, least, float(at_least)


Calibration = CosineCalibration | SpreadCalibration


def camera_means(
    features: FloatArray,
    camera: NDArray[np.int64],
    n_cameras: int,
    past: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
) -> FloatArray:
    """What the people of each camera have in common: (n_cameras, d).

    Light, angle and background say nothing about who someone is and hide people from the other cameras. A camera
    with few tracks leans on the mean of all, as if CENTRE_PRIOR more tracks with that mean had been seen; the mean of
    few tracks says little of the light and much of who they are, and is shortened.
    features: (n, d) unit rows. camera: (n,) in [0, n_cameras). past: sums (n_cameras, d) and counts (n_cameras, 1) of
    others that were seen there.
    """
    belongs = (camera == np.arange(n_cameras)[:, None]).astype(np.float32)
    sums, counts = belongs @ features, belongs.sum(axis=1, keepdims=True)
    overall = features.mean(axis=0) if len(features) else np.zeros(features.shape[1])
    if past is not None:
        sums, counts = sums + past[0], counts + past[1]
        overall = sums.sum(axis=0) / max(float(counts.sum()), 1.0)
    seen = float(counts.sum())
    trust = seen**2 / (seen**2 + COMPANY_PRIOR**2) if seen else 0.0
    means: FloatArray = (trust * (sums + CENTRE_PRIOR * overall) / (counts + CENTRE_PRIOR)).astype(np.float32)
    return means


@dataclass(frozen=True, slots=True)
class SureCosines:
    """What pairs of known truth say: pairs of one person, and of people whom one camera saw at one instant."""

    same: Normal
    different: Normal

    @classmethod
    def of(cls, same: FloatArray, different: FloatArray) -> Self:
        """same: cosines (n,), different: (m,). The OUTLIERS most alike of the different ones are left out: they are one
        person's two boxes, or twins. Each population starts from a weak prior (a few imagined pairs), so that the first
        real pairs already count and odd ones do no harm.
        """
        strangers = np.sort(different)[: len(different) - int(np.ceil(OUTLIERS * len(different)))]
        return cls(_moments(same, SAME_PRIOR), _moments(strangers, DIFFERENT_PRIOR))

    def calibration(self, mixed: FloatArray, false_match_rate: float) -> CosineCalibration:
        """For pairs of segments, given cosines (k,) of such pairs of unknown truth.

        Zero evidence lies at the cosine that a pair of different people exceeds with probability false_match_rate: a
        network that cannot tell people apart then links nobody. Most pairs of tracks of two cameras are strangers, too;
        where their median and lower spread say that strangers are more alike than inside one camera, they are believed.
        """
        from scipy.special import ndtri  # takes a third of a second to import: a run begins without it

        same, different = self.same, self._strangers(mixed)
        gap = max(same.mean - different.mean, 0.1)
        threshold = different.mean + float(ndtri(1 - false_match_rate)) * float(np.sqrt(different.variance))
        return CosineCalibration(gap * 2 / (same.variance + different.variance), threshold, same, different, LIMIT)

    def spread(self, mixed: FloatArray, false_match_rate: float, limit: float) -> SpreadCalibration:
        """The same among very many people: zero evidence lies where the odds of one person outweigh the rate."""
        different = self._strangers(mixed)
        gap = max(self.same.mean - different.mean, 0.1)
        same = Normal(different.mean + gap / 2, different.variance + gap**2 / 12)
        return SpreadCalibration(float(np.log(1 / false_match_rate - 1)), same, different, limit)

    def _strangers(self, mixed: FloatArray) -> Normal:
        if len(mixed) < MIN_MIXED:
            return self.different
        ordered = np.sort(mixed)
        low, middle = _quantile(ordered, ONE_DEVIATION_BELOW), _quantile(ordered, 0.5)
        return Normal(max(self.different.mean, middle), max(self.different.variance, (middle - low) ** 2))


def _quantile(ordered: FloatArray, share: float) -> float:
    """Of sorted values (n,), n >= 1, linear between two of them as np.quantile has it, in a tenth of its time."""
    below, rest = divmod(share * (len(ordered) - 1), 1.0)
    one, next_ = ordered[int(below)], ordered[min(int(below) + 1, len(ordered) - 1)]
    step = float(next_ - one)
    return float(next_) - step * (1 - rest) if rest >= 0.5 else float(one) + step * rest


def _moments(values: FloatArray, prior: Normal, strength: float = 3.0) -> Normal:
    """Of values (n,), as if `strength` values with the prior's moments had been seen before."""
    weight = len(values) + strength
    mean = (float(values.sum()) + strength * prior.mean) / weight
    spread = float(((values - mean) ** 2).sum()) + strength * (prior.variance + (prior.mean - mean) ** 2)
    return Normal(mean, spread / weight)
