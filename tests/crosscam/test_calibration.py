"""Thresholds from the data: whatever the network, the chosen share of strangers passes."""

import numpy as np
import pytest

from tests.crosscam.test_matcher import seen
from tracker.core.types import FloatArray
from tracker.crosscam.calibration import SureCosines
from tracker.crosscam.comparison import MIN_PAIRS, compare
from tracker.crosscam.segments import Segment

NOTHING = np.zeros(0, np.float32)


def draw(mean: float, deviation: float, count: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).normal(mean, deviation, count).astype(np.float32)


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (0.3, 0.0), (0.5, -0.1)])
@pytest.mark.parametrize("rate", [0.2, 0.05, 0.01])
def test_the_chosen_share_of_strangers_passes_on_any_scale(scale: float, shift: float, rate: float) -> None:
    """The two networks of a test differ in nothing but the scale of their cosines."""
    same, different = (draw(mean * scale + shift, 0.15 * scale, 4000, seed) for mean, seed in ((0.6, 0), (0.0, 1)))
    found = SureCosines.of(same, different).calibration(NOTHING, rate)
    passing = float((found.log_odds(draw(shift, 0.15 * scale, 20000, 2)) > 0).mean())
    assert rate / 2 < passing < 2 * rate


def test_with_nothing_known_the_prior_decides() -> None:
    found = SureCosines.of(NOTHING, NOTHING).calibration(NOTHING, 0.1)
    exceeded = 1.2816 * 0.25  # by a tenth of the strangers whom the prior expects
    slope = 0.7 * 2 / (0.15**2 + 0.25**2)
    assert found.threshold == pytest.approx(exceeded, abs=1e-4)
    assert found.log_odds(np.array([0.9, 0.0], np.float32)).tolist() == [
        found.limit,
        pytest.approx(-slope * exceeded, abs=1e-3),
    ]


def test_the_more_people_the_stricter() -> None:
    sure = SureCosines.of(draw(0.6, 0.1, 50), draw(0.0, 0.1, 200))
    thresholds = [sure.calibration(NOTHING, 0.1 / people).threshold for people in (1, 10, 100)]
    assert thresholds == sorted(thresholds)


def test_a_few_twins_among_the_strangers_change_little() -> None:
    clean = draw(0.0, 0.1, 500)
    odd = np.concatenate([clean, np.full(5, 0.98, np.float32)])
    one, other = (SureCosines.of(draw(0.7, 0.1, 50), d).calibration(NOTHING, 0.05) for d in (clean, odd))
    assert other.threshold == pytest.approx(one.threshold, abs=0.03)


def test_a_network_that_cannot_tell_people_apart_links_nobody() -> None:
    same, different = draw(0.5, 0.1, 300), draw(0.5, 0.1, 300, 1)
    found = SureCosines.of(same, different).calibration(NOTHING, 0.001)
    assert float((found.log_odds(draw(0.5, 0.1, 5000, 2)) > 0).mean()) < 0.01


def people_of(camera: str, count: int, common: float, first: int) -> list[Segment]:
    """Different people; `common` draws every other one towards one of two looks, which hides who they are."""
    segments = []
    for number in range(count):
        segment = Segment((camera, number), 0.0, confirmed=True)
        for step in range(4):
            update = seen(camera, number, first + number, step * 0.1)
            assert update.embedding is not None
            uniform = np.random.default_rng(5).normal(size=len(update.embedding)) * (-1) ** number
            vector = update.embedding + common * (uniform / np.linalg.norm(uniform)).astype(np.float32)
            segment.gallery.add((vector / np.linalg.norm(vector)).astype(np.float32), 0.9)
        segment.presence.see(number * 10.0, None)
        segments.append(segment)
    return segments


def test_cameras_that_make_people_alike_have_a_threshold_of_their_own() -> None:
    """Between the two infrared cameras strangers are more alike than anywhere else: they need more to be one person."""
    count = int(MIN_PAIRS**0.5) + 2
    segments = [
        *people_of("gate", count, 0.0, 0),
        *people_of("infrared", count, 0.9, 100),
        *people_of("infrared2", count, 0.9, 200),
    ]
    found = compare(segments, 0.05)
    alike, usual = found.thresholds[count, 2 * count], found.thresholds[0, count]
    assert alike > usual + 0.1
    assert found.thresholds[2 * count, count] == alike
    strangers = found.log_odds[count : 2 * count, 2 * count :]
    assert float((strangers > 0).mean()) < 0.15
    np.testing.assert_array_equal(found.log_odds, found.log_odds.T)


def test_two_cameras_have_the_scale_of_all() -> None:
    segments = [*people_of("gate", 12, 0.0, 0), *people_of("yard", 12, 0.0, 100)]
    found = compare(segments, 0.05)
    assert set(found.thresholds.ravel().tolist()) == {found.calibration.threshold}


def test_nobody_is_compared_with_nobody() -> None:
    found = compare([], 0.1)
    assert found.log_odds.shape == found.thresholds.shape == (0, 0)


@pytest.mark.parametrize("rate", [0.1, 0.01, 0.0001])
def test_among_many_the_odds_outweigh_the_rate_from_the_threshold_on(rate: float) -> None:
    sure = SureCosines.of(draw(0.8, 0.1, 4000), draw(0.0, 0.06, 4000, 1))
    found = sure.spread(draw(0.0, 0.06, 4000, 2), rate, 20.0)
    at = np.linspace(-1, 1, 401, dtype=np.float32)
    odds = found.log_odds(at)
    assert (np.diff(odds) >= 0).all(), "the more alike, the likelier one person"
    assert found.log_odds(np.array([found.threshold], np.float32))[0] == pytest.approx(0.0, abs=0.02)
    same, different = (
        -((at - fit.mean) ** 2) / (2 * fit.variance) - np.log(fit.variance) / 2 for fit in (found.same, found.different)
    )
    ratio = same - different - np.log(1 / rate - 1)
    between = (at > 0.1) & (np.abs(ratio) < 19)
    np.testing.assert_allclose(odds[between], ratio[between], atol=1e-4)


def test_among_many_who_does_not_stand_out_is_not_ruled_out_and_who_does_is_sure() -> None:
    sure = SureCosines.of(draw(0.8, 0.1, 4000), draw(0.0, 0.06, 4000, 1))
    found = sure.spread(draw(0.0, 0.06, 4000, 2), 0.01, 20.0)
    line = sure.calibration(draw(0.0, 0.06, 4000, 2), 0.01)
    nobody, distinct = found.log_odds(np.array([0.02, 0.4], np.float32)).tolist()
    assert -8 < nobody < -4
    assert distinct > 10 > line.limit
