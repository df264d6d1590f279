"""What earlier rounds taught of sure pairs is not forgotten with the round."""

import numpy as np
import pytest

from tests.crosscam.test_calibration import draw
from tests.crosscam.test_restart import through_json
from tracker.crosscam.calibration import Populations
from tracker.crosscam.sure_pairs import MOST_PAIRS, SurePairs

NOTHING = np.zeros(0, np.float32)


def round_of(pairs: int, deviation: float, seed: int = 0) -> Populations:
    return Populations(draw(0.8, 0.05, pairs, seed), draw(0.0, deviation, pairs, seed + 1000), NOTHING)


def test_many_rounds_of_few_pairs_know_strangers_as_well_as_one_of_many() -> None:
    pairs = SurePairs()
    first = pairs.learn(round_of(10, 0.06), 1)
    for number in range(1, 100):
        last = pairs.learn(round_of(10, 0.06, number), 1)
    assert first.different.variance > 3 * 0.06**2, "ten pairs leave what was expected before"
    assert last.different.variance == pytest.approx(0.06**2, rel=0.2)
    assert last.same.mean == pytest.approx(0.8, abs=0.01)


def test_cosines_of_looks_that_are_seen_otherwise_now_say_nothing() -> None:
    pairs, fresh = SurePairs(), SurePairs()
    pairs.learn(round_of(500, 0.3), 1)
    assert pairs.learn(round_of(20, 0.06, 1), 2) == fresh.learn(round_of(20, 0.06, 1), 2)


def test_the_latest_pairs_count_and_memory_is_bounded() -> None:
    pairs = SurePairs()
    pairs.learn(round_of(MOST_PAIRS, 0.3), 1)
    found = pairs.learn(round_of(MOST_PAIRS, 0.06, 1), 1)
    assert found.different.variance == pytest.approx(0.06**2, rel=0.2)
    assert len(pairs.state()["different"]) == MOST_PAIRS


def test_a_saved_state_goes_on_alike() -> None:
    pairs, other = SurePairs(), SurePairs()
    pairs.learn(round_of(50, 0.1), 3)
    other.restore(through_json(pairs.state()))
    assert other.learn(round_of(20, 0.06, 1), 3) == pairs.learn(round_of(20, 0.06, 1), 3)
