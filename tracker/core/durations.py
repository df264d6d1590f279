"""Durations compared with limits. Frames are often exactly as far apart as a limit says; what follows from that must
not hang on the last digit of their times.
"""

import numpy as np
from numpy.typing import NDArray

ROUNDING_SECONDS = 0.001


def longer(seconds: NDArray[np.float64], limit_seconds: float | NDArray[np.float64]) -> NDArray[np.bool_]:
    """(n,) whether durations (n,) exceed a limit, or each its own (n,)."""
    return np.asarray(seconds > limit_seconds + ROUNDING_SECONDS)


def as_long(seconds: NDArray[np.float64], limit_seconds: float) -> NDArray[np.bool_]:
    """(n,) whether durations (n,) reach a limit."""
    return np.asarray(seconds >= limit_seconds - ROUNDING_SECONDS)
