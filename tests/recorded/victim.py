"""A run that another process kills while it records: python -m tests.recorded.victim FOLDER.

Prints the number of each picture when it is written.
"""

import sys
from pathlib import Path

import numpy as np

from tracker.core.types import Detections
from tracker.ports import Step
from tracker.recorded.sink import RecordingSink
from tracker.video.frame import Frame, FrameBatch

INTERVAL_SECONDS = 0.1
IMAGE = np.zeros((120, 200, 3), np.uint8)


def seen_in(number: int, dimension: int = 8) -> Detections:
    """Nobody, or up to four people: every picture has its own."""
    rng = np.random.default_rng(number)
    count = number % 5
    corner = rng.uniform(0, 100, (count, 2))
    looks = rng.normal(size=(count, dimension))
    units = looks / np.linalg.norm(looks, axis=1, keepdims=True)
    boxes = np.hstack([corner, corner + 20])
    scores, sharpness = rng.uniform(0, 1, (2, count))
    columns = (boxes, scores, units, sharpness)
    boxes32, scores32, units32, sharpness32 = (column.astype(np.float32) for column in columns)
    return Detections(boxes32, scores32, units32, sharpness32)


def step_of(number: int, camera: str = "gate", dimension: int = 8) -> Step:
    t_seconds = number * INTERVAL_SECONDS
    frame = Frame(camera, number, t_seconds, IMAGE)
    return Step(FrameBatch(t_seconds, {camera: frame}), {}, [], {camera: seen_in(number, dimension)})


def main(folder: Path) -> None:
    sink, number = RecordingSink(folder, {"gate": 0.0}, "osnet"), 0
    while True:
        sink.write(step_of(number))
        print(number, flush=True)
        number += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]))
