"""What segments are worth to each other beyond their looks: log-likelihood ratios that add up."""

from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from tracker.crosscam.calibration import LogOdds
from tracker.crosscam.comparison import TRANSIT, Comparison
from tracker.crosscam.segments import Segment
from tracker.crosscam.topology import Topology

Rows = NDArray[np.int64]
Array = NDArray[np.float64]

SURE_LOG_ODDS, SURE_MARGIN = 2.0, 1.0
"""A walk is learnt when looks alone speak so strongly for the person, and by so much more than for anybody else."""
SETTLED_SECONDS = 2.0
"""And when it lies back so long that its ends have settled."""

BETWEEN_VISITS_SECONDS = 120.0
"""However long people are remembered, so often does somebody who is about come into some view, roughly."""


class Visits:
    """Who was where, from when to when, person by person. A visit is a run of consecutive sightings by one camera.

    segments: n >= 1. people: (n,) in [0, p), every number used; segments with one number are taken for one person.
    """

    def __init__(self, segments: Sequence[Segment], people: Rows) -> None:
        runs_of = [segment.presence.runs for segment in segments]
        counts = np.array([len(runs) for runs in runs_of])
        row = np.repeat(np.arange(len(segments)), counts)
        first, last = np.fromiter(chain.from_iterable(chain.from_iterable(runs_of)), np.float64).reshape(-1, 2).T
        ends = counts.cumsum()
        self.begins, self.ends = first[ends - counts], last[ends - 1]
        order = np.lexsort((row, last, first, people[row]))
        self._first, self._last, self._row = first[order], last[order], row[order]
        self._index = np.arange(len(row))
        self._starts = np.searchsorted(people[self._row], np.arange(people.max() + 1))

    def around(self, rows: Rows) -> tuple[Rows, Array, Rows, Array]:
        """Where each person was before and after each of the segments `rows` began; its own visits are passed over.

        Returns, all (rows, p), the segment of the visit before, -1 without, and the seconds from its end (negative
        where it lasted on), and the segment of the visit after and the seconds to it from the end of the row.
        """
        begins, ends = self.begins[rows, None], self.ends[rows, None]
        others, earlier = self._row != rows[:, None], self._first <= begins
        last = np.maximum.reduceat(np.where(others & earlier, self._index, -1), self._starts, axis=1)
        none = len(self._index)
        next_ = np.minimum.reduceat(np.where(others & ~earlier, self._index, none), self._starts, axis=1)
        before = np.where(last >= 0, self._row[last], -1)
        after = np.where(next_ < none, self._row[next_ % none], -1)
        return before, begins - self._last[last], after, self._first[next_ % none] - ends


class Walks:
    """Judges and teaches the ways between cameras for a matcher.

    horizon_seconds: as in Topology.log_ratios, cut at BETWEEN_VISITS_SECONDS. held: the identity of each segment, None
    without.
    """

    def __init__(self, topology: Topology, horizon_seconds: float) -> None:
        self._topology = topology
        self._horizon_seconds = min(horizon_seconds, BETWEEN_VISITS_SECONDS)

    def log_odds(self, segments: Sequence[Segment], held: Sequence[int | None]) -> LogOdds:
        """(n, n), symmetric: how well the walking times fit, if two segments were one person.

        People walk from one visit to the next, so a segment is judged between the visits before and after it of the
        whole person that the other one is taken for; segments at rest are not judged.
        """
        n = len(segments)
        judged = np.flatnonzero([not segment.resting for segment in segments])
        odds, voices = np.zeros((n, n)), np.zeros(n)
        if not len(judged):
            return odds
        people = _numbered(held)
        visits = Visits(segments, people)
        before, seconds_from, after, seconds_to = visits.around(judged)
        entries, exits = [s.entry_camera for s in segments], [s.exit_camera for s in segments]
        cameras = sorted({*entries, *exits})
        number = {name: index for index, name in enumerate(cameras)}
        entry, leaving = (np.array([number[name] for name in names], np.int64) for names in (entries, exits))

        def walk(origin: Rows, target: Rows, seconds: Array) -> Array:
            ratios, known = np.zeros(seconds.shape), (origin >= 0) & (target >= 0)
            ways = cameras, leaving[origin[known]], entry[target[known]]
            ratios[known] = self._topology.log_ratios(*ways, seconds[known], self._horizon_seconds)
            return ratios

        here = np.broadcast_to(judged[:, None], before.shape)
        stay = (visits.ends - visits.begins)[judged, None]
        interrupted = walk(before, after, seconds_from + stay + seconds_to)
        joining = walk(before, here, seconds_from) + walk(here, after, seconds_to) - interrupted
        odds[judged], voices[judged] = joining[:, people], 1.0
        mean: LogOdds = (odds + odds.T) / np.maximum(voices[:, None] + voices, 1.0)
        return mean

    def parts(self, segments: Sequence[Segment], held: Sequence[int | None]) -> dict[str, LogOdds]:
        """log_odds() by the name that they have as a part of a score."""
        return {TRANSIT: self.log_odds(segments, held)}

    def ratios(self, origins: Sequence[str], ends: Array, targets: Sequence[str], begins: Array) -> LogOdds:
        """(m, n): how well it fits that who left origins (n) at ends (n,) is who came to targets (m) at begins (m,)."""
        cameras = sorted({*origins, *targets})
        row = {camera: index for index, camera in enumerate(cameras)}
        origin = np.array([[row[camera] for camera in origins]], np.int64)
        target = np.array([[row[camera]] for camera in targets], np.int64)
        gaps = begins[:, None] - ends
        return self._topology.log_ratios(cameras, origin, target, gaps, self._horizon_seconds)

    def learn(
        self, t_seconds: float, segments: Sequence[Segment], held: Sequence[int | None], comparison: Comparison
    ) -> None:
        """Teach the walks that looks alone are sure of, each once: what the topology says must not confirm itself."""
        people = _numbered(held)
        unknown = np.array([not segment.resting and not segment.walk_learnt for segment in segments], bool)
        fresh = np.flatnonzero(unknown & (np.bincount(people)[people] > 1))
        if not len(fresh):
            return
        visits = Visits(segments, people)
        before, seconds, *_ = visits.around(fresh)
        own = np.arange(len(fresh)), people[fresh]
        for row, origin, gap in zip(fresh.tolist(), before[own].tolist(), seconds[own].tolist(), strict=True):
            segment = segments[row]
            settled = t_seconds - max(visits.begins[row], visits.begins[row] - gap) >= SETTLED_SECONDS
            if origin >= 0 and settled and _sure(row, people, comparison):
                self._topology.observe((segments[origin].exit_camera, segment.entry_camera), gap)
                segment.walk_learnt = True


def _numbered(held: Sequence[int | None]) -> Rows:
    """(n,) numbers from 0 without gaps: one per identity, one per segment without."""
    names = [-1 - row if identity is None else identity for row, identity in enumerate(held)]
    return np.asarray(np.unique(names, return_inverse=True)[1], np.int64)


def _sure(row: int, people: Rows, comparison: Comparison) -> bool:
    """Whether looks alone say that segment `row` is who it is taken for."""
    weights = comparison.weights.copy()
    weights[row] = 0.0
    opinion = np.bincount(people, weights * comparison.parts["appearance"][row])
    mean = opinion / np.maximum(np.bincount(people, weights), 1e-9)
    own = mean[people[row]]
    mean[people[row]] = -np.inf
    return bool(own >= SURE_LOG_ODDS and own - mean.max() >= SURE_MARGIN)
