"""A decoded picture of one camera, and what the cameras show at one instant."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""(height, width, 3) uint8, BGR as OpenCV has it."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """index counts the camera's delivered pictures from 0; t_seconds is the stream's own time (pts).

    t_arrival_seconds: when the picture of a live camera reached this machine, on the clock of t_seconds.
    """

    camera_id: str
    index: int
    t_seconds: float
    image: Image
    t_arrival_seconds: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class FrameBatch:
    """At most one new frame per camera, aligned by time; t_seconds is the step's time.

    lost_cameras: live cameras that went offline since the step before; whoever they saw is out of sight now.
    """

    t_seconds: float
    frames: Mapping[str, Frame]
    lost_cameras: frozenset[str] = frozenset()
