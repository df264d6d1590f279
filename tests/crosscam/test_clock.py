"""Clock offsets from where people stood."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tracker.crosscam.clock import clock_offset

STEP = 0.2
Floats = NDArray[np.float64]


def walkers(seed: int, seconds: float = 120.0, people: int = 4) -> Floats:
    """(steps, people, 2): people who turn every few seconds in a square of 20 m."""
    rng = np.random.default_rng(seed)
    steps = round(seconds / STEP)
    turns = np.repeat(rng.normal(0, 1.2, (steps // 20 + 1, people, 2)), 20, axis=0)[:steps]
    return np.asarray(np.abs((np.cumsum(turns * STEP, axis=0) + 100) % 40 - 20))


def seen(paths: Floats, late: float, seed: int, first: int = 0) -> tuple[Floats, Floats]:
    """What a camera whose clock is late by so many seconds sees: half of the people, each 0.2 m from where they are."""
    rng = np.random.default_rng(seed)
    there = rng.random(paths.shape[:2]) < 0.5
    step, person = np.nonzero(there)
    keep = step >= first
    step, person = step[keep], person[keep]
    return np.asarray(step * STEP + late, np.float64), paths[step, person] + rng.normal(0, 0.2, (len(step), 2))


@pytest.mark.parametrize("late", [0.0, 3.0, -4.6, 0.1])
def test_a_known_offset_is_found_to_a_fraction_of_a_frame(late: float) -> None:
    paths = walkers(0)
    found = clock_offset(*seen(paths, 0.0, 1), *seen(paths, late, 2), STEP, 6.0)
    assert found.seconds == pytest.approx(late, abs=STEP / 2 + 0.02)
    assert found.error < STEP


def test_the_order_of_sightings_does_not_matter() -> None:
    paths = walkers(0)
    seconds, xy = seen(paths, 1.0, 2)
    shuffled = np.random.default_rng(3).permutation(len(seconds))
    one = clock_offset(*seen(paths, 0.0, 1), seconds, xy, STEP, 6.0)
    assert clock_offset(*seen(paths, 0.0, 1), seconds[shuffled], xy[shuffled], STEP, 6.0) == one


@pytest.mark.parametrize("other", [walkers(9), walkers(0) + 100, np.zeros((0, 4, 2))])
def test_cameras_that_share_nobody_have_no_offset(other: Floats) -> None:
    with pytest.raises(ValueError, match="at no lag"):
        clock_offset(*seen(walkers(0), 0.0, 1), *seen(other, 0.0, 2), STEP, 6.0)
