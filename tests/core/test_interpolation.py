import numpy as np
import pytest
from filterpy.common import Q_continuous_white_noise
from filterpy.kalman import rts_smoother

from tracker.core import motion
from tracker.core.interpolation import fill_gaps, smooth
from tracker.core.motion import MotionConfig

CONFIG = MotionConfig()


def walk(times: np.ndarray) -> np.ndarray:
    """Boxes 40 px wide, 100 px tall of a person who walks 50 px a second."""
    left = 50 * times
    return np.stack([left, np.full_like(left, 10), left + 40, np.full_like(left, 110)], axis=1)


def test_smoothing_agrees_with_filterpy() -> None:
    """The height does not change here, so all noise is constant and one filterpy run per column is an oracle."""
    rng = np.random.default_rng(0)
    times = np.linspace(0, 2.2, 12)
    boxes = walk(times)
    boxes[:, [0, 2]] += rng.normal(0, 4, (12, 1))
    smoothed = smooth(times, boxes, times, CONFIG)
    height, dt = 100.0, 0.2
    state, covariance = np.array([[boxes[0, [0, 2]].mean()], [0.0]]), np.zeros((2, 2))
    covariance[0, 0] = (CONFIG.centre_error * height) ** 2
    covariance[1, 1] = (CONFIG.centre_speed * height) ** 2
    transition = np.array([[1, dt], [0, 1]])
    noise = Q_continuous_white_noise(2, dt, (CONFIG.centre_acceleration * height) ** 2)
    states, covariances = [state], [covariance]
    for centre in boxes[1:, [0, 2]].mean(axis=1):
        state, covariance = transition @ state, transition @ covariance @ transition.T + noise
        gain = covariance[:, :1] / (covariance[0, 0] + (CONFIG.centre_error * height) ** 2)
        state = state + gain * (centre - state[0, 0])
        covariance = covariance - gain @ covariance[:1]
        states.append(state)
        covariances.append(covariance)
    expected, *_ = rts_smoother(np.array(states), np.array(covariances), [transition] * 12, [noise] * 12)
    np.testing.assert_allclose(smoothed[:, [0, 2]].mean(axis=1), expected[:, 0, 0], atol=1e-3)


def test_short_gaps_are_filled_long_ones_are_not() -> None:
    frames = np.linspace(0, 3.9, 40)
    seen = np.array([0, 1, 2, 6, 7, 25, 26])
    rows, boxes = fill_gaps(frames[seen], walk(frames[seen]), frames, 0.5, CONFIG)
    assert rows.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 25, 26]
    np.testing.assert_allclose(boxes, walk(frames[rows]), atol=2)


def test_neighbouring_frames_are_no_gap_at_a_low_frame_rate() -> None:
    frames = np.arange(10) / 2.0
    rng = np.random.default_rng(1)
    seen = walk(frames) + rng.normal(0, 3, (10, 1))
    rows, boxes = fill_gaps(frames, seen, frames, 0.1, CONFIG)
    assert rows.tolist() == list(range(10))
    np.testing.assert_array_equal(boxes, smooth(frames, seen, frames, CONFIG))


def test_jitter_becomes_smaller() -> None:
    rng = np.random.default_rng(1)
    times = np.linspace(0, 5.9, 60)
    true = walk(times)
    noisy = true + rng.normal(0, 4, true.shape)
    _, boxes = fill_gaps(times, noisy, times, 0.15, CONFIG)
    assert np.abs(boxes - true).mean() < 0.6 * np.abs(noisy - true).mean()


def test_one_observation_stays_as_it_is() -> None:
    rows, boxes = fill_gaps(np.array([0.3]), walk(np.array([0.3])), np.linspace(0, 0.4, 5), 1.0, CONFIG)
    assert rows.tolist() == [3]
    np.testing.assert_allclose(boxes, walk(np.array([0.3])), atol=1e-4)


def test_no_observation() -> None:
    rows, boxes = fill_gaps(np.zeros(0), np.zeros((0, 4)), np.linspace(0, 0.4, 5), 1.0, CONFIG)
    assert rows.shape == (0,)
    assert boxes.shape == (0, 4)


def test_observations_must_ascend() -> None:
    times = np.array([0.1, 0.1])
    with pytest.raises(ValueError, match="ascend"):
        fill_gaps(times, walk(times), times, 1.0, CONFIG)


def test_the_result_is_the_filters_last_estimate_at_the_end() -> None:
    times = np.array([0.0, 0.1, 0.2])
    boxes = walk(times)
    states = motion.initiate(np.array([[20.0, 60, 40, 100]]), CONFIG)
    for time in times[1:]:
        states = motion.update(motion.predict(states, 0.1, CONFIG), np.array([[50 * time + 20, 60, 40, 100]]), CONFIG)
    last = smooth(times, boxes, times, CONFIG)[-1]
    assert (last[0] + last[2]) / 2 == pytest.approx(states[0, motion.POSITION, 0], abs=1e-3)
