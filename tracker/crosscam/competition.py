"""One person came, and many may have: what speaks for one of them speaks against the others."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tracker.crosscam.calibration import LogOdds
from tracker.crosscam.comparison import Comparison

MOST = 20.0
"""Log odds beyond which nothing becomes surer."""


def contested(comparison: Comparison, held: Sequence[int | None]) -> LogOdds:
    """(n, n) log odds "this person, and not one of the others who are here", from those of each pair alone.

    A segment that is not at rest is somebody of p people or somebody new. By Bayes' rule the odds of person i are
    exp(l_i) / (1 + sum over j != i of exp(l_j)), where l are the mean log odds of the segment with all that the person
    has. Who was seen beside it at one instant does not compete. held: (n,) the present person of each segment.
    """
    names = [-1 - row if identity is None else identity for row, identity in enumerate(held)]
    person = np.unique(names, return_inverse=True)[1]
    active = np.flatnonzero([not segment.resting for segment in comparison.segments])
    weights = np.where(comparison.rivals[active], 0.0, comparison.weights)
    weights[np.arange(len(active)), active] = 0.0
    by_person = np.argsort(person, kind="stable")
    first = np.flatnonzero(np.diff(person[by_person], prepend=-1))
    mass = np.add.reduceat(weights[:, by_person], first, axis=1)
    said = np.add.reduceat((comparison.log_odds[active] * weights)[:, by_person], first, axis=1)
    odds = np.where(mass > 0, np.exp(np.minimum(said / np.maximum(mass, 1e-9), MOST)), 0.0)
    burden, voices = np.zeros(comparison.log_odds.shape), np.zeros(len(names))
    burden[active] = np.log1p(np.maximum(odds.sum(axis=1, keepdims=True) - odds, 0.0))[:, person]
    voices[active] = 1.0
    lighter: NDArray[np.float64] = comparison.log_odds - (burden + burden.T) / np.maximum(voices[:, None] + voices, 1.0)
    return lighter


def alike(held: Sequence[int | None]) -> NDArray[np.bool_]:
    """(n, n): whether two segments hold the same identity."""
    number = np.array([-1 - i if identity is None else identity for i, identity in enumerate(held)], np.int64)
    same: NDArray[np.bool_] = number[:, None] == number[None]
    return same
