import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import linear_sum_assignment

from tracker.core.assignment import Matches, assign

COSTS = hnp.arrays(
    np.float64, st.tuples(st.integers(0, 7), st.integers(0, 7)), elements=st.floats(0, 2, allow_subnormal=False)
)


def assigned(costs: np.ndarray, limit: float) -> Matches:
    """Every row may have every column."""
    rows, columns = np.indices(costs.shape).reshape(2, -1)
    return assign(rows, columns, costs.ravel(), limit)


@given(COSTS)
def test_gains_as_much_as_the_hungarian_algorithm_on_the_whole_matrix(costs: np.ndarray) -> None:
    gain = np.maximum(1.0 - costs, 0)
    best = gain[linear_sum_assignment(gain, maximize=True)].sum()
    matches = assigned(costs, 1.0)
    assert gain[matches.tracks, matches.detections].sum() == pytest.approx(best)


@given(COSTS)
def test_is_one_to_one_and_below_the_limit(costs: np.ndarray) -> None:
    matches = assigned(costs, 0.7)
    assert len(set(matches.tracks)) == len(set(matches.detections)) == len(matches)
    assert (costs[matches.tracks, matches.detections] < 0.7).all()


def test_forbidden_pairs_are_never_matched() -> None:
    matches = assigned(np.array([[np.inf, 0.2], [np.nan, 0.1]]), 1.0)
    assert matches.tracks.tolist() == [1]
    assert matches.detections.tolist() == [1]
