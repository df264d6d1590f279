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
    n, people = len(names), int(person.max(initial=-1)) + 1
    weights = np.where(comparison.rivals, 0.0, comparison.weights)
    np.fill_diagonal(weights, 0.0)
    belongs = np.zeros((n, people))
    belongs[np.arange(n), person] = 1.0
    mass = weights @ belongs
    mean = np.where(mass > 0, (comparison.log_odds * weights) @ belongs / np.maximum(mass, 1e-9), -np.inf)
    odds = np.exp(np.minimum(mean, MOST))
    active = np.array([not segment.resting for segment in comparison.segments])
    others = np.maximum(odds.sum(axis=1, keepdims=True) - odds, 0.0)
    burden = np.where(active[:, None], np.log1p(others), 0.0)[:, person]
    voices = np.maximum(active[:, None].astype(np.float64) + active, 1.0)
    lighter: NDArray[np.float64] = comparison.log_odds - (burden + burden.T) / voices
    return lighter


def alike(held: Sequence[int | None]) -> NDArray[np.bool_]:
    """(n, n): whether two segments hold the same identity."""
    number = np.array([-1 - i if identity is None else identity for i, identity in enumerate(held)], np.int64)
    same: NDArray[np.bool_] = number[:, None] == number[None]
    return same
