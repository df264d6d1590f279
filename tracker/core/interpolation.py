"""Offline clean-up of one track: gaps filled and boxes smoothed with knowledge of the whole track."""

import numpy as np
from numpy.typing import NDArray

from tracker.core import boxes, motion
from tracker.core.durations import longer
from tracker.core.motion import MotionConfig, States

Times = NDArray[np.float64]


def fill_gaps(
    t_observed: Times,
    boxes_xyxy: NDArray[np.floating],
    t_frames: Times,
    max_gap_seconds: float,
    config: MotionConfig,
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """The track at its own frames and at those frames between them that miss it for at most max_gap_seconds, from one
    observation to the next; neighbouring frames are no gap however far apart they are.

    t_observed (n,) ascending seconds at which boxes_xyxy (n, 4) were seen, each one of t_frames (m,), the ascending
    times of all frames. Returns indices (k,) into t_frames and smoothed boxes (k, 4) float32 in the same pixels.
    """
    if not (np.diff(t_observed) > 0).all():
        raise ValueError("t_observed must ascend")
    missed = np.diff(np.searchsorted(t_frames, t_observed)) > 1
    pieces = np.flatnonzero(missed & longer(np.diff(t_observed), max_gap_seconds)) + 1
    indices, smoothed = [np.zeros(0, np.intp)], [np.zeros((0, 4), np.float32)]
    for times, seen in zip(np.split(t_observed, pieces), np.split(boxes_xyxy, pieces), strict=True):
        if len(times):
            first, last = np.searchsorted(t_frames, [times[0], times[-1]])
            inside = np.arange(first, last + 1)
            indices.append(inside)
            smoothed.append(smooth(times, seen, t_frames[inside], config))
    return np.concatenate(indices), np.concatenate(smoothed)


def smooth(
    t_observed: Times, boxes_xyxy: NDArray[np.floating], t_frames: Times, config: MotionConfig
) -> NDArray[np.float32]:
    """Boxes (m, 4) float32 at t_frames (m,), which contain t_observed (n,) and begin with it.

    Rauch, Tung, Striebel (1965): the Kalman filter forwards, then every estimate corrected by the one after it.
    """
    measured = boxes.xyxy_to_cxcywh(boxes_xyxy)
    observed = dict(zip(np.searchsorted(t_frames, t_observed).tolist(), range(len(t_observed)), strict=True))
    filtered = [motion.initiate(measured[:1], config)]
    predicted = [filtered[0]]
    for frame in range(1, len(t_frames)):
        ahead = motion.predict(filtered[-1], float(t_frames[frame] - t_frames[frame - 1]), config)
        predicted.append(ahead)
        row = observed.get(frame)
        filtered.append(ahead if row is None else motion.update(ahead, measured[row : row + 1], config))
    estimates = [filtered[-1]]
    for frame in range(len(t_frames) - 2, -1, -1):
        dt = float(t_frames[frame + 1] - t_frames[frame])
        estimates.append(_look_back(filtered[frame], predicted[frame + 1], estimates[-1], dt))
    return boxes.cxcywh_to_xyxy(np.concatenate(estimates[::-1])[:, motion.POSITION])


def _look_back(filtered: States, predicted: States, later: States, dt_seconds: float) -> States:
    """The smoothed state (1, 5, 4) of a frame, from its filtered state and the next frame's two states."""
    _, _, var, cov, var_velocity = (filtered[:, row] for row in range(5))
    _, _, ahead_var, ahead_cov, ahead_var_velocity = (predicted[:, row] for row in range(5))
    determinant = ahead_var * ahead_var_velocity - ahead_cov**2
    # gain = P F' inv(P_ahead), a 2 x 2 matrix for each of the four columns
    left, right = var + dt_seconds * cov, cov
    low_left, low_right = cov + dt_seconds * var_velocity, var_velocity
    g00 = (left * ahead_var_velocity - right * ahead_cov) / determinant
    g01 = (right * ahead_var - left * ahead_cov) / determinant
    g10 = (low_left * ahead_var_velocity - low_right * ahead_cov) / determinant
    g11 = (low_right * ahead_var - low_left * ahead_cov) / determinant
    position, velocity = (later[:, row] - predicted[:, row] for row in (motion.POSITION, motion.VELOCITY))
    smoothed = filtered.copy()
    smoothed[:, motion.POSITION] += g00 * position + g01 * velocity
    smoothed[:, motion.VELOCITY] += g10 * position + g11 * velocity
    return smoothed
