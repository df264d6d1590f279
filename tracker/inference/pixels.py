"""From pictures to what a network computes with; the arithmetic that sessions build into their networks, in numpy."""

import numpy as np
from numpy.typing import NDArray

from tracker.core.types import FloatArray
from tracker.inference.spec import ModelInput

Pictures = NDArray[np.uint8]
"""(n, height, width, 3) uint8, BGR as OpenCV has it, in the network's own size."""


def to_planar(pictures: Pictures, expected: ModelInput) -> FloatArray:
    """Pictures (n, h, w, 3) -> (n, 3, h, w) float32: (pixel * scale - mean) / std, channels in the order of colour."""
    channels = pictures[..., ::-1] if expected.colour == "rgb" else pictures
    planar = np.ascontiguousarray(channels.transpose(0, 3, 1, 2), dtype=np.float32)
    mean, std = (np.array(values, np.float32).reshape(1, 3, 1, 1) for values in (expected.mean, expected.std))
    planar *= np.float32(expected.scale)
    planar -= mean
    planar /= std
    return planar
