"""The ways between cameras: how long people walk from one view to another, given by hand or learnt from sure links.

A walk's time is the gap between the end of a visit and the beginning of the same person's next one; it is negative
where views overlap. What is known of a way is a bounded list of such times. A new one is judged by their kernel density
over asinh(gap), whose kernels are as wide as the spread at small gaps and grow with large ones, mixed with a uniform
background: a Polya urn, in which the first few walks count little and an odd one does no harm.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Way = tuple[str, str]
"""(from camera, to camera)."""

CAPACITY = 100
"""Walks remembered a way; the oldest go first."""
PRIOR_WALKS = 5.0
"""The background counts as so many walks, and never for less than the share BACKGROUND."""
BACKGROUND = 0.05
PRIOR_EXITS = 10.0
"""Exits of a camera after which the shares of its ways begin to count."""
NO_WAY = 0.03
"""How often somebody takes a way that the given graph does not have: unseen by the cameras between."""
NARROWEST_KERNEL = 0.08
PRIOR_SPREAD = (0.5, 3.0)
"""Width of a kernel in asinh(seconds), and the standard deviation of walks there that counts as so many walks."""
GIVEN_WALKS = 20
"""What is given by hand weighs like so many walks."""
CELLS = 512
MIN_KNOWN = 10
RECENT = 20
DRIFT_DEVIATIONS = 4.0
AT_ONCE_SECONDS = 1.0
"""Seen by two cameras at once for longer than this, somebody stands where their views overlap; clocks may differ a
little, and a hand-over may take a moment.
"""
ERROR_SHARE, CHANCE = 0.05, 1e-3
"""Of the sure walks, so many may be errors; views overlap if those seen at once are so unlikely to be errors alone."""


def walks_between(shortest: float, usual: float, longest: float) -> tuple[float, ...]:
    """GIVEN_WALKS times, in seconds, of a triangular distribution. Raises ValueError for times out of order."""
    if not (shortest <= usual <= longest and shortest < longest):
        raise ValueError(f"seconds must be [shortest, usual, longest], got {[shortest, usual, longest]}")
    share = (np.arange(GIVEN_WALKS) + 0.5) / GIVEN_WALKS
    span, rise, fall = longest - shortest, usual - shortest, longest - usual
    up, down = shortest + np.sqrt(share * span * rise), longest - np.sqrt((1 - share) * span * fall)
    return tuple(np.where(share * span < rise, up, down).tolist())


def walks_about(mean: float, deviation: float) -> tuple[float, ...]:
    """GIVEN_WALKS times, in seconds, of a normal distribution. Raises ValueError unless deviation > 0."""
    if not deviation > 0:
        raise ValueError(f"std must be above 0 seconds, got {deviation}")
    normal = NormalDist(mean, deviation)
    return tuple(normal.inv_cdf((i + 0.5) / GIVEN_WALKS) for i in range(GIVEN_WALKS))


class Topology:
    """What is known of the ways between cameras.

    walks: seconds per way to begin with. complete: there are no other ways between the cameras they name.
    learns: observe() adds to what is known, but not between cameras whose views overlap; else it only watches for
    drift. notify: takes one line for people.
    """

    def __init__(
        self,
        walks: Mapping[Way, Iterable[float]] | None = None,
        *,
        complete: bool = False,
        learns: bool = True,
        notify: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._walks = {way: deque(times, CAPACITY) for way, times in sorted((walks or {}).items())}
        self.complete = complete
        self._closed = {camera for way in self._walks for camera in way} if complete else set()
        self._given = self.walks
        self._at_once: dict[frozenset[str], deque[bool]] = {}
        self._overlapping: set[frozenset[str]] = set()
        self._learns = learns
        self._notify = notify
        self._recent: dict[Way, deque[tuple[float, float]]] = {}
        self._drifted: set[Way] = set()
        self._curves: dict[Way, Array] = {}
        self._horizon_seconds = np.nan
        self._cameras: dict[str, int] = {}
        self._table: tuple[Array, NDArray[np.int64], Array] | None = None

    @property
    def walks(self) -> dict[Way, tuple[float, ...]]:
        """Seconds of the remembered walks, oldest first, by way."""
        return {way: tuple(times) for way, times in sorted(self._walks.items())}

    def observe(self, way: Way, gap_seconds: float) -> None:
        """Somebody surely went this way in this time."""
        known = self._walks.get(way, ())
        if len(known) >= MIN_KNOWN:
            self._watch(way, gap_seconds, np.array(known))
        if self._learns and not self._overlap(way, gap_seconds):
            self._walks.setdefault(way, deque(maxlen=CAPACITY)).append(gap_seconds)
            self._curves.pop(way, None)
            self._table = None

    def log_ratios(
        self,
        cameras: Sequence[str],
        origin: NDArray[np.int64],
        target: NDArray[np.int64],
        gaps: Array,
        horizon_seconds: float,
    ) -> Array:
        """Log-likelihood ratio of "walked from origin to target in this time" over "a stranger who happens to begin".

        origin, target: rows of `cameras`; gaps: seconds; arrays of shapes that broadcast to the one returned.
        horizon_seconds: a stranger may begin at any instant of such a span. 0 where nothing is known of a way.
        """
        curves, number, shares = self._prepared(cameras, horizon_seconds)
        row = np.array([self._cameras[camera] for camera in cameras], np.int64)
        ways = row[origin], row[target]
        cell = np.rint((np.arcsinh(gaps) / np.arcsinh(horizon_seconds) + 1) * CELLS / 2).clip(0, CELLS)
        ratios: Array = curves[number[ways], cell.astype(np.int64)] + shares[ways]
        return ratios

    def _prepared(self, cameras: Sequence[str], horizon_seconds: float) -> tuple[Array, NDArray[np.int64], Array]:
        """Curves (m, CELLS + 1), and for all cameras known (n, n) which curve a way has, and its share."""
        if horizon_seconds != self._horizon_seconds:
            self._curves, self._horizon_seconds, self._table = {}, horizon_seconds, None
        if self._table is not None and all(camera in self._cameras for camera in cameras):
            return self._table
        for camera in [*cameras, *(camera for way in self._walks for camera in way)]:
            self._cameras.setdefault(camera, len(self._cameras))
        size = len(self._cameras)
        curves, number, taken = [np.zeros(CELLS + 1)], np.zeros((size, size), np.int64), np.zeros((size, size))
        for way, times in self._walks.items():
            if way not in self._curves:
                self._curves[way] = _curve(np.array(times), horizon_seconds)
            here = self._cameras[way[0]], self._cameras[way[1]]
            number[here], taken[here] = len(curves), len(times)
            curves.append(self._curves[way])
        self._table = np.stack(curves), number, self._shares(taken)
        return self._table

    def _shares(self, taken: Array) -> Array:
        """(n, n): log of how much likelier people take a way than if all ways out of its camera were equal.

        taken: (n, n) remembered walks by way, of all cameras known.
        """
        np.fill_diagonal(taken, 0)
        others = max(len(taken) - 1, 1)
        shares = (taken + PRIOR_EXITS / others) / (taken.sum(axis=1, keepdims=True) + PRIOR_EXITS) * others
        closed = np.array([camera in self._closed for camera in self._cameras], bool)
        inside = closed[:, None] & closed[None]
        shares = np.where(inside, np.where(taken > 0, 1.0, NO_WAY), shares)
        np.fill_diagonal(shares, 1.0)
        return np.asarray(np.log(shares))

    def _overlap(self, way: Way, gap_seconds: float) -> bool:
        """Whether the two views overlap, as far as is known with this walk. What was learnt till then is dropped."""
        pair = frozenset(way)
        if len(pair) == 1 or pair in self._overlapping:
            return pair in self._overlapping
        at_once = self._at_once.setdefault(pair, deque(maxlen=CAPACITY))
        at_once.append(gap_seconds < -AT_ONCE_SECONDS)
        from scipy.special import bdtrc  # takes a third of a second to import: a run begins without it

        if bdtrc(sum(at_once) - 1, len(at_once), ERROR_SHARE) > CHANCE:
            return False
        self._overlapping.add(pair)
        for one in (way, way[::-1]):
            self._walks.pop(one, None)
            if one in self._given:
                self._walks[one] = deque(self._given[one], CAPACITY)
            self._curves.pop(one, None)
        self._table = None
        first, second = sorted(pair)
        self._notify(
            f"topology: the views of {first} and {second} overlap (of {len(at_once)} people who walked between them, "
            f"{sum(at_once)} were seen by both at once); no walking times are learnt between these two"
        )
        return True

    def _watch(self, way: Way, gap_seconds: float, known: Array) -> None:
        """Tell when the ranks of the latest walks among the known ones are no longer those of chance; once, until
        people walk as usual again.
        """
        rank = float((known < gap_seconds).mean() + (known <= gap_seconds).mean()) / 2
        recent = self._recent.setdefault(way, deque(maxlen=RECENT))
        recent.append((rank, gap_seconds))
        if len(recent) < RECENT:
            return
        ranks, gaps = np.array(recent).T
        # the variance of a mean rank among equals (H. Mann, D. Whitney, 1947): both samples are random
        deviation = np.sqrt((1 / RECENT + 1 / len(known)) / 12)
        if abs(ranks.mean() - 0.5) <= DRIFT_DEVIATIONS * deviation:
            self._drifted.discard(way)
        elif way not in self._drifted:
            self._drifted.add(way)
            self._notify(
                f"topology: people now walk from {way[0]} to {way[1]} in {np.median(gaps):.1f} s (usual: "
                f"{np.median(known):.1f} s); has a camera been moved or a way been closed?"
            )


def _curve(walks: Array, horizon_seconds: float) -> Array:
    """(CELLS + 1,): log ratio of kernel density with background over uniform density, at gaps even in asinh."""
    at = np.linspace(-1, 1, CELLS + 1) * np.arcsinh(horizon_seconds)
    x = np.arcsinh(walks)
    spread = min(float(x.std()), float(np.subtract(*np.quantile(x, [0.75, 0.25]))) / 1.349)
    deviation = np.sqrt((len(x) * spread**2 + PRIOR_SPREAD[1] * PRIOR_SPREAD[0] ** 2) / (len(x) + PRIOR_SPREAD[1]))
    # B. Silverman, Density Estimation, 1986, eq. 3.31
    width = max(0.9 * deviation * len(x) ** -0.2, NARROWEST_KERNEL)
    kernels = np.exp(-0.5 * ((at[:, None] - x) / width) ** 2).sum(axis=1) / (width * np.sqrt(2 * np.pi))
    background = max(PRIOR_WALKS, len(x) * BACKGROUND)
    return np.asarray(np.log((kernels * horizon_seconds / np.cosh(at) + background) / (len(x) + background)))
