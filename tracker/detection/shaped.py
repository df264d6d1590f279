"""One detector for pictures of any shape: a network for each, so that none works on grey borders."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from threading import Lock

from tracker.core.types import Detections
from tracker.ports import Detector
from tracker.video.frame import Image

Size = tuple[int, int]
"""(height, width) in pixels."""

_MULTIPLE = 32


class ShapedDetector:
    """Implements ports.Detector with a detector of its own for each shape of picture, opened when the first one comes.

    fit: the size of network that pictures of a size need. opened: gives the detector of that size.
    """

    def __init__(self, fit: Callable[[Size], Size], opened: Callable[[Size], Detector]) -> None:
        self._fit = fit
        self._opened = opened
        self._detectors: dict[Size, Detector] = {}
        self._lock = Lock()

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        rows: dict[Size, list[int]] = defaultdict(list)
        for row, image in enumerate(images):
            rows[self._fit(image.shape[:2])].append(row)
        found: dict[int, Detections] = {}
        for size, chosen in rows.items():
            people = self._of(size).detect([images[row] for row in chosen])
            found.update(zip(chosen, people, strict=True))
        return [found[row] for row in range(len(images))]

    def expect(self, picture: Size) -> None:
        """Open what pictures of that size will need; without it, the first of them waits for that."""
        self._of(self._fit(picture))

    def _of(self, size: Size) -> Detector:
        with self._lock:
            if size not in self._detectors:
                self._detectors[size] = self._opened(size)
            return self._detectors[size]


def fitting(largest: Size, picture: Size) -> Size:
    """The smallest size, in multiples of 32, that holds the picture as large as it fits into the largest one."""
    scale = min(side / pixels for side, pixels in zip(largest, picture, strict=True))
    height, width = (
        min(limit, -(-max(1, round(side * scale)) // _MULTIPLE) * _MULTIPLE)
        for side, limit in zip(picture, largest, strict=True)
    )
    return height, width


def upright_lying_or_square(largest: Size, picture: Size) -> Size:
    """The same, but one of three sizes at most: for pictures of which no two have the same shape."""
    height, width = (
        side if needed > (narrow := -(-side * 3 // (5 * _MULTIPLE)) * _MULTIPLE) else narrow
        for side, needed in zip(largest, fitting(largest, picture), strict=True)
    )
    return height, width
