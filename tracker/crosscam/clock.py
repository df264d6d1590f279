"""How far the clocks of two overlapping cameras are apart: the lag at which their people stand on the same places."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

CLOSE_METRES = 0.5
"""Standard deviation of what counts as one place: the error of two foot points together."""
PARTS = 5
SHARPNESS = 8.0
"""Standard deviations by which the best lag has to stand out among the others."""


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """seconds: what the second camera's clock shows more than the first one's. error: its standard error, from parts of
    the recording. sharpness: standard deviations by which that lag stands out.
    """

    seconds: float
    error: float
    sharpness: float


def clock_offset(
    first_seconds: Array, first_xy: Array, second_seconds: Array, second_xy: Array, step: float, longest: float
) -> ClockOffset:
    """From where people stood: (n,) seconds and (n, 2) metres of the first camera, (m,) and (m, 2) of the second.

    step: seconds between two frames; longest: of the offsets that are tried, both ways. Raises ValueError where no lag
    stands out: the views share nobody, or their calibrations no ground.
    """
    reach = round(longest / step)
    close, tried = np.zeros((PARTS, 2 * reach + 1)), np.zeros((PARTS, 2 * reach + 1))
    frames, places = _in_order(second_seconds, second_xy, step)
    moments, here = _in_order(first_seconds, first_xy, step)
    numbers, starts = np.unique(moments, return_index=True)
    for index, (frame, standing) in enumerate(zip(numbers, np.split(here, starts[1:]), strict=False)):
        part = index * PARTS // len(numbers)
        window = slice(*np.searchsorted(frames, [frame - reach, frame + reach + 1]))
        squared = ((standing[:, None] - places[window]) ** 2).sum(axis=2)
        kernel = np.exp(-squared / (2 * CLOSE_METRES**2)).sum(axis=0)
        lags = frames[window] - frame + reach
        close[part] += np.bincount(lags, kernel, minlength=2 * reach + 1)
        tried[part] += np.bincount(lags, minlength=2 * reach + 1) > 0
    best, sharpness = _peak(close.sum(axis=0), tried.sum(axis=0))
    if sharpness < SHARPNESS:
        raise ValueError("at no lag do people of both cameras stand on the same places")
    without = [_peak(close.sum(axis=0) - close[part], tried.sum(axis=0) - tried[part])[0] for part in range(PARTS)]
    error = np.sqrt((PARTS - 1) * np.var(without))  # jackknife
    return ClockOffset((best - reach) * step, float(error) * step, sharpness)


def _in_order(seconds: Array, xy: Array, step: float) -> tuple[NDArray[np.int64], Array]:
    """Numbers of the frames (n,), ascending, and the places (n, 2)."""
    frames = np.rint(seconds / step).astype(np.int64)
    order = np.argsort(frames, kind="stable")
    return frames[order], xy[order]


def _peak(close: Array, tried: Array) -> tuple[float, float]:
    """Place of the highest rate, to a fraction of a row (by the parabola through it and its neighbours), and how many
    robust standard deviations it lies above the others.
    """
    rate = close / np.maximum(tried, 1)
    top = int(rate.argmax())
    spread = 1.4826 * float(np.median(np.abs(rate - np.median(rate))))
    sharpness = float(rate[top] - np.median(rate)) / spread if spread > 0 else 0.0
    if not 0 < top < len(rate) - 1:
        return float(top), sharpness
    before, here, after = rate[top - 1 : top + 2]
    return top + 0.5 * float(before - after) / float(before - 2 * here + after), sharpness
