"""How well and how fast people are detected: on the validation pictures, PETS2009 and the project's sample clips.

    OMNITRACK_DATA=... OMNITRACK_MODELS=... python -m benchmarks.detection [MODEL ...] [--step N]

MODEL: auto, a name of configs/models.yaml, or a path (default: omnitrack-person and auto). AP50 is the area under
the precision-recall curve; precision and recall are those at a model's own threshold: the one of its best F1 on the
validation pictures (data/persondet, split val). The videos were never trained on. A box is right if it overlaps a
ground-truth person by IoU >= .5, one to one. Milliseconds a picture: median, one picture a call. "Like frozen" compares
with the frozen detections: mean IoU of the matched boxes, and part of the frames with the same number of boxes.
"""

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path
from rich.console import Console
from rich.table import Table
from scipy.optimize import linear_sum_assignment

from tracker.core.boxes import iou
from tracker.core.types import FloatArray
from tracker.detection.opening import open_detector
from tracker.detection.training.annotations import read_split
from tracker.detection.training.validation import LOWEST_SCORE, corners
from tracker.evaluation.detection import Judged, judge
from tracker.inference.registry import load_registry
from tracker.inference.spec import ModelKind
from tracker.ports import Detector
from tracker.video.frame import Image

ROOT = Path(__file__).resolve().parent.parent
USUAL_THRESHOLD = 0.25
"""Where there are no validation pictures."""


@dataclass(frozen=True)
class Labelled:
    """A picture, its people (n, 4) xyxy, which of them are to be ignored, and the frozen boxes where there are some."""

    image: Image
    boxes: FloatArray
    ignored: NDArray[np.bool_]
    frozen: FloatArray | None = None


@dataclass(frozen=True)
class Clip:
    """A video with ground truth in MOT layout, people to ignore in another file, and frozen detections."""

    name: str
    video: Path
    truth: Path
    ignore: Path | None = None
    frozen: Path | None = None

    def pictures(self, step: int) -> Iterator[Labelled]:
        """Every step-th frame."""
        truth = np.loadtxt(self.truth, delimiter=",")
        if self.ignore is not None:
            extra = np.loadtxt(self.ignore, delimiter=",")
            extra[:, 6] = 0
            truth = np.concatenate([truth[:, :7], extra[:, :7]])
        frozen = np.load(self.frozen) if self.frozen else None
        video, number = cv2.VideoCapture(str(self.video)), 0
        while video.grab():
            number += 1
            if number % step == 0:
                rows = truth[truth[:, 0] == number]
                boxes = np.hstack([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]]).astype(np.float32)
                expected = None if frozen is None else frozen["boxes_xyxy"][frozen["frame"] == number]
                yield Labelled(np.asarray(video.retrieve()[1], np.uint8), boxes, rows[:, 6] == 0, expected)


class Photographs:
    """The validation split of the detector's data set."""

    name = "validation"

    def __init__(self, root: Path) -> None:
        self._root = root

    def pictures(self, step: int) -> Iterator[Labelled]:
        for labelled in read_split(self._root, "val")[::step]:
            boxes = corners(labelled)
            image = np.asarray(cv2.imread(str(labelled.path)), np.uint8)
            yield Labelled(image, boxes, np.zeros(len(boxes), np.bool_))


Source = Clip | Photographs


def sources() -> list[Source]:
    """What there is; the validation split comes first."""
    found: list[Source] = []
    if data := os.environ.get("OMNITRACK_DATA"):
        pets = Path(data) / "pets2009"
        found = [
            Photographs(Path(data) / "persondet"),
            Clip(
                "PETS view 1",
                pets / "View_001.mp4",
                pets / "gt_view001.txt",
                frozen=pets / "frozen_yolo11n_int8_view001.npz",
            ),
            Clip(
                "PETS view 6",
                pets / "View_006.mp4",
                pets / "gt_view006_derived.txt",
                pets / "ignore_view006_derived.txt",
                pets / "frozen_yolo11n_int8_view006.npz",
            ),
        ]
    for side in ("west", "east"):
        found.append(
            Clip(f"sample {side}", *(ROOT / "sample_videos" / file for file in (f"{side}.mp4", f"gt_{side}.txt")))
        )
    return found


def build(wanted: str) -> tuple[str, Detector]:
    """A model's name and the detector, which keeps nearly every box."""
    cache = user_cache_path("omnitrack")
    folders = [Path(folder) for folder in os.environ.get("OMNITRACK_MODELS", "").split(os.pathsep) if folder]
    model = load_registry().resolve(ModelKind.DETECTOR, wanted, folders, cache / "models", False, print)
    return model.spec.name, open_detector(model, "cpu", cache, LOWEST_SCORE, 0.6)


@dataclass(frozen=True)
class Measured:
    judged: Judged
    milliseconds: float
    like_frozen: str


def measure(detector: Detector, source: Source, step: int) -> Measured:
    judged: list[Judged] = []
    seconds: list[float] = []
    alike: list[float] = []
    same: list[bool] = []
    for picture in source.pictures(step):
        began = time.perf_counter()
        (found,) = detector.detect([picture.image])
        seconds.append(time.perf_counter() - began)
        judged.append(judge(found, picture.boxes, picture.ignored))
        if picture.frozen is not None:
            sure = found.boxes_xyxy[found.scores >= 0.1]
            overlap = iou(sure, picture.frozen)
            alike.extend(overlap[linear_sum_assignment(-overlap)])
            same.append(len(sure) == len(picture.frozen))
    like = f"{np.mean(alike):.4f}, {np.mean(same):.0%}" if same else "-"
    return Measured(Judged.joined(judged), float(np.median(seconds)) * 1000, like)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL")
    parser.add_argument("--step", type=int, default=1, help="look at every N-th picture only")
    arguments = parser.parse_args()
    table = Table("detector", "pictures", "AP50", "AP50-95", "threshold", "precision", "recall", "ms", "like frozen")
    for wanted in arguments.models or ["omnitrack-person", "auto"]:
        name, detector = build(wanted)
        threshold = USUAL_THRESHOLD
        for source in sources():
            found = measure(detector, source, arguments.step)
            if isinstance(source, Photographs):
                threshold = found.judged.best_threshold()
            scores = found.judged.scored(threshold)
            figures = (scores.ap50, scores.ap50_95, scores.threshold, scores.precision, scores.recall)
            cells = [f"{value:.3f}" for value in figures]
            table.add_row(name, source.name, *cells, f"{found.milliseconds:.1f}", found.like_frozen)
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
