"""The vectorised filter against filterpy's 8-dimensional one."""

import numpy as np
import pytest
from filterpy.common import Q_continuous_white_noise
from filterpy.kalman import KalmanFilter

from tracker.core import motion
from tracker.core.motion import MotionConfig

CONFIG = MotionConfig()


def oracle(box: np.ndarray) -> KalmanFilter:
    """filterpy's filter over (position, velocity) of cx, cy, w, h in that order."""
    kalman = KalmanFilter(dim_x=8, dim_z=4)
    kalman.x = np.stack([box, np.zeros(4)], axis=1).reshape(8, 1)
    kalman.H = np.kron(np.eye(4), [1.0, 0.0])
    error = np.array([CONFIG.centre_error] * 2 + [CONFIG.size_error] * 2) * box[3]
    speed = np.array([CONFIG.centre_speed] * 2 + [CONFIG.size_speed] * 2) * box[3]
    kalman.P = np.diag(np.stack([error, speed], axis=1).ravel() ** 2)
    return kalman


def oracle_predict(kalman: KalmanFilter, dt: float) -> None:
    height = kalman.x[6, 0]
    density = np.array([CONFIG.centre_acceleration] * 2 + [CONFIG.size_acceleration] * 2) * height
    kalman.F = np.kron(np.eye(4), [[1.0, dt], [0.0, 1.0]])
    kalman.Q = np.kron(np.diag(density**2), Q_continuous_white_noise(2, dt))
    kalman.predict()


def oracle_update(kalman: KalmanFilter, box: np.ndarray) -> None:
    error = np.array([CONFIG.centre_error] * 2 + [CONFIG.size_error] * 2) * box[3]
    kalman.R = np.diag(error**2)
    kalman.update(box[:, None])


def as_state(kalman: KalmanFilter) -> np.ndarray:
    covariance = kalman.P.reshape(4, 2, 4, 2)[range(4), :, range(4), :]
    x = kalman.x.reshape(4, 2)
    return np.stack([x[:, 0], x[:, 1], covariance[:, 0, 0], covariance[:, 0, 1], covariance[:, 1, 1]])


def test_follows_filterpy_over_irregular_time_steps() -> None:
    rng = np.random.default_rng(0)
    boxes = rng.uniform([0, 0, 20, 60], [600, 400, 60, 160], (5, 4))
    states = motion.initiate(boxes, CONFIG)
    kalmans = [oracle(box) for box in boxes]
    for dt in (0.04, 0.14, 0.5, 0.01, 1.0):
        states = motion.predict(states, dt, CONFIG)
        measured = boxes + rng.normal(0, 5, boxes.shape)
        for kalman in kalmans:
            oracle_predict(kalman, dt)
        distances = motion.squared_distances(states, measured, CONFIG)
        states = motion.update(states, measured, CONFIG)
        for row, (kalman, box) in enumerate(zip(kalmans, measured, strict=True)):
            height = kalman.x[6, 0]
            noise = np.array([CONFIG.centre_error] * 2 + [CONFIG.size_error] * 2) * height
            difference = box - (kalman.H @ kalman.x)[:, 0]
            expected = difference @ np.linalg.inv(kalman.H @ kalman.P @ kalman.H.T + np.diag(noise**2)) @ difference
            assert distances[row] == pytest.approx(expected)
            oracle_update(kalman, box)
    np.testing.assert_allclose(states, [as_state(kalman) for kalman in kalmans], rtol=1e-9, atol=1e-9)


def test_two_half_steps_equal_one_whole_step() -> None:
    states = motion.initiate(np.array([[100.0, 200, 40, 100]]), CONFIG)
    states[:, motion.VELOCITY] = [10, -5, 0, 0]
    halves = motion.predict(motion.predict(states, 0.2, CONFIG), 0.2, CONFIG)
    np.testing.assert_allclose(halves, motion.predict(states, 0.4, CONFIG))


def test_bridge_ends_at_the_measurement_with_the_speed_of_the_straight_line() -> None:
    anchor = motion.initiate(np.array([[100.0, 200, 40, 100]]), CONFIG)
    measured = np.array([[300.0, 200, 40, 100]])
    state = motion.bridge(anchor, measured, np.array([2.0]), CONFIG)
    assert state[0, motion.POSITION, 0] == pytest.approx(300, abs=10)
    assert state[0, motion.VELOCITY, 0] == pytest.approx(100, rel=0.1)


def test_bridge_follows_filterpy_along_each_ones_line_and_over_each_ones_gap() -> None:
    boxes = np.array([[100.0, 200, 40, 100], [10, 20, 30, 60]])
    measured, gaps = boxes + np.array([300.0, -20, 5, 10]), np.array([2.0, 0.5])
    bridged = motion.bridge(motion.initiate(boxes, CONFIG), measured, gaps, CONFIG)
    for state, box, goal, gap in zip(bridged, boxes, measured, gaps, strict=True):
        kalman = oracle(box)
        for part in np.arange(1, 6) / 5:
            oracle_predict(kalman, gap / 5)
            oracle_update(kalman, box + part * (goal - box))
        np.testing.assert_allclose(state, as_state(kalman), rtol=1e-9, atol=1e-9)


def test_warp_moves_positions_and_velocities() -> None:
    states = motion.initiate(np.array([[100.0, 200, 40, 100]]), CONFIG)
    states[:, motion.VELOCITY, :2] = [[3, 4]]
    warped = motion.warp(states, np.array([[0.0, -2, 10], [2, 0, 20]]))
    np.testing.assert_allclose(warped[0, motion.POSITION], [-390, 220, 80, 200])
    np.testing.assert_allclose(warped[0, motion.VELOCITY, :2], [-8, 6])
    np.testing.assert_allclose(warped[0, motion.VAR_POSITION], 4 * states[0, motion.VAR_POSITION])


def test_no_tracks() -> None:
    none = motion.initiate(np.zeros((0, 4)), CONFIG)
    assert motion.update(motion.predict(none, 0.1, CONFIG), np.zeros((0, 4)), CONFIG).shape == (0, 5, 4)
    assert motion.squared_distances(none[:, None], np.zeros((3, 4)), CONFIG).shape == (0, 3)
    assert motion.bridge(none, np.zeros((0, 4)), np.zeros(0), CONFIG).shape == (0, 5, 4)


def test_config_names_the_bad_field() -> None:
    with pytest.raises(ValueError, match="size_error"):
        MotionConfig(size_error=0)
