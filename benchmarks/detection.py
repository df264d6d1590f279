"""How well and how fast people are detected, on PETS2009 view 1 and on the project's sample clips.

    OMNITRACK_DATA=... OMNITRACK_MODELS=... python -m benchmarks.detection [MODEL ...] [--step N]

MODEL: auto, a name of configs/models.yaml, or a path (default: auto and hog). Precision and recall at score .25 and at
the score with the best F1; a box is right if it overlaps a ground-truth person by IoU >= .5, one to one. Milliseconds
a frame: median, one frame a call. "Like frozen" compares with the frozen detections: mean IoU of the matched boxes,
and part of the frames with the same number of boxes.
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

from tracker.core.types import Detections, FloatArray
from tracker.detection.hog import HOGDetector
from tracker.detection.opening import open_detector_session
from tracker.detection.suppression import iou_matrix
from tracker.detection.yolo import YOLODetector
from tracker.inference.registry import load_registry
from tracker.inference.spec import ModelKind
from tracker.ports import Detector
from tracker.video.frame import Image

ROOT = Path(__file__).resolve().parent.parent
RIGHT_IOU = 0.5


@dataclass(frozen=True)
class Clip:
    """A video with ground truth in MOT layout, and the frozen detections where there are some."""

    name: str
    video: Path
    truth: Path
    frozen: Path | None = None

    def frames(self, step: int) -> Iterator[tuple[int, Image]]:
        """Every step-th picture with its number, from 1."""
        video, number = cv2.VideoCapture(str(self.video)), 0
        while video.grab():
            number += 1
            if number % step == 0:
                yield number, np.asarray(video.retrieve()[1], np.uint8)


def clips() -> list[Clip]:
    found = [
        Clip(f"sample {side}", *(ROOT / "sample_videos" / name for name in (f"{side}.mp4", f"gt_{side}.txt")))
        for side in ("west", "east")
    ]
    data = os.environ.get("OMNITRACK_DATA")
    if data:
        pets = Path(data) / "pets2009"
        frozen = pets / "frozen_yolo11n_int8_view001.npz"
        found.insert(0, Clip("PETS view 1", pets / "View_001.mp4", pets / "gt_view001.txt", frozen))
    return found


def build(wanted: str) -> tuple[str, Detector]:
    folders = [Path(folder) for folder in os.environ.get("OMNITRACK_MODELS", "").split(os.pathsep) if folder]
    cache = user_cache_path("omnitrack")
    model = load_registry().resolve(ModelKind.DETECTOR, wanted, folders, cache / "models", True, print)
    if model.path is None:
        return model.spec.name, HOGDetector()
    return model.spec.name, YOLODetector(open_detector_session(model, "cpu", cache), model.spec)


def cross_iou(first: FloatArray, second: FloatArray) -> FloatArray:
    """(n, 4) and (m, 4) boxes xyxy -> (n, m) intersection over union."""
    return iou_matrix(np.concatenate([first, second]))[: len(first), len(first) :]


def boxes_of(truth: NDArray[np.float64], number: int) -> tuple[FloatArray, NDArray[np.bool_]]:
    """(n, 4) boxes xyxy of one frame, and which of them are to be ignored."""
    rows = truth[truth[:, 0] == number]
    return np.hstack([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]]).astype(np.float32), rows[:, 6] == 0


@dataclass
class Tally:
    """Scores of right and wrong boxes, and the number of people to be found."""

    right: list[float]
    wrong: list[float]
    people: int = 0

    def add(self, found: Detections, boxes: FloatArray, ignored: NDArray[np.bool_]) -> None:
        iou = cross_iou(found.boxes_xyxy, boxes)
        # each person goes to the surest box that fits: so every threshold on the score has its own one-to-one match
        free = np.ones(len(boxes), bool)
        for row in np.argsort(-found.scores, kind="stable"):
            fitting = np.flatnonzero(free & (iou[row] >= RIGHT_IOU))
            if not len(fitting):
                self.wrong.append(float(found.scores[row]))
                continue
            person = fitting[iou[row, fitting].argmax()]
            free[person] = False
            if not ignored[person]:
                self.right.append(float(found.scores[row]))
        self.people += int((~ignored).sum())

    def precision_recall(self, score: float) -> tuple[float, float]:
        right, wrong = (np.array(scores) >= score for scores in (self.right, self.wrong))
        return float(right.sum() / max(1, right.sum() + wrong.sum())), float(right.sum() / max(1, self.people))

    def best_score(self) -> float:
        """The threshold with the highest F1."""

        def f1(score: float) -> float:
            precision, recall = self.precision_recall(score)
            return 2 * precision * recall / max(1e-9, precision + recall)

        return float(max(np.arange(0.1, 0.95, 0.05), key=f1))


def measure(name: str, detector: Detector, clip: Clip, step: int) -> list[str]:
    truth = np.loadtxt(clip.truth, delimiter=",")
    frozen = np.load(clip.frozen) if clip.frozen else None
    tally = Tally([], [])
    seconds: list[float] = []
    alike: list[float] = []
    same: list[bool] = []
    for number, image in clip.frames(step):
        began = time.perf_counter()
        (found,) = detector.detect([image])
        seconds.append(time.perf_counter() - began)
        tally.add(found, *boxes_of(truth, number))
        if frozen is not None:
            expected = frozen["boxes_xyxy"][frozen["frame"] == number]
            iou = cross_iou(found.boxes_xyxy, expected)
            alike.extend(iou[linear_sum_assignment(-iou)])
            same.append(len(found) == len(expected))
    best = tally.best_score()
    figures = [f"{value:.3f}" for score in (0.25, best) for value in tally.precision_recall(score)]
    like = f"{np.mean(alike):.4f}, {np.mean(same):.0%}" if same else "-"
    return [name, clip.name, *figures[:2], f"{best:.2f}", *figures[2:], f"{np.median(seconds) * 1000:.1f}", like]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL")
    parser.add_argument("--step", type=int, default=1, help="look at every N-th frame only")
    arguments = parser.parse_args()
    table = Table("detector", "video", "P .25", "R .25", "best score", "P", "R", "ms", "like frozen")
    for wanted in arguments.models or ["auto", "hog"]:
        name, detector = build(wanted)
        for clip in clips():
            table.add_row(*measure(name, detector, clip, arguments.step))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
