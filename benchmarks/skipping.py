"""What is lost by looking less: the policies that skip work, on both PETS 2009 videos, with the answers of the networks
on record.

    OMNITRACK_DATA=... OMNITRACK_MODELS=... python -m benchmarks.skipping [--memory-seconds 10]

The whole program runs on the videos, but detections (YOLO11n int8) and embeddings (OSNet x0.25) come from the frozen
files, so that a row takes seconds. Searches and embeddings are what a policy would cost, per frame of the video. Core
milliseconds: their share of one core, at 29.6 a search and 1.75 an embedding (measured on two cores of an AMD EPYC).
Accuracy: MTMC protocol, MOT files as `main.py run` writes them, gaps up to a second filled.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from tracker.bootstrap import build_run
from tracker.config import Config
from tracker.core.types import Detections, FloatArray
from tracker.evaluation.metrics import Scores
from tracker.evaluation.scores import evaluate
from tracker.ports import Gate
from tracker.recorded.files import Recording, read_recording
from tracker.video.frame import FrameBatch, Image

VIEWS = {"view1": ("View_001.mp4", "view001"), "view6": ("View_006.mp4", "view006")}
FRAMES_PER_SECOND = 7.0
SEARCH_MILLISECONDS, EMBEDDING_MILLISECONDS = 29.6, 1.75
POLICIES: Mapping[str, dict[str, Any]] = {
    "everything": {},
    "selective embedding": {"embedder": {"policy": "selective"}},
    "motion gate": {"detector": {"motion_gate": 8.0}},
    "every 2nd frame": {"process_fps": FRAMES_PER_SECOND / 2},
    "every 3rd frame": {"process_fps": FRAMES_PER_SECOND / 3},
    "selective, every 2nd frame": {"process_fps": FRAMES_PER_SECOND / 2, "embedder": {"policy": "selective"}},
}


class RecordedNetworks:
    """Detector and embedder that know the answers; the gate in front of them tells which pictures come."""

    name, dimension = "recorded", 512

    def __init__(self, recordings: Mapping[str, Recording], gate: Gate | None) -> None:
        self.searches = self.embeddings = 0
        self._recordings = recordings
        self._gate = gate
        self._shown: dict[int, Detections] = {}

    def news(self, batch: FrameBatch) -> FrameBatch:
        for camera, frame in batch.frames.items():
            self._shown[id(frame.image)] = self._recordings[camera].frames[frame.index]
        return batch if self._gate is None else self._gate.news(batch)

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        self.searches += len(images)
        shown = [self._shown[id(image)] for image in images]
        return [Detections(one.boxes_xyxy, one.scores) for one in shown]

    def embed(self, images: Sequence[Image], boxes_xyxy: Sequence[FloatArray]) -> list[FloatArray]:
        self.embeddings += sum(map(len, boxes_xyxy))
        return [self._looks(self._shown.pop(id(i)), boxes) for i, boxes in zip(images, boxes_xyxy, strict=True)]

    def _looks(self, shown: Detections, boxes: FloatArray) -> FloatArray:
        """Of the nearest recorded box: with the motion gate, boxes may be those of an earlier picture."""
        if shown.embeddings is None or not len(shown) or not len(boxes):
            return np.zeros((len(boxes), self.dimension), np.float32)
        apart = np.abs(boxes[:, None] - shown.boxes_xyxy[None]).sum(axis=2)
        return np.asarray(shown.embeddings[apart.argmin(axis=1)], np.float32)


def measure(data: Path, recordings: Mapping[str, Recording], policy: dict[str, Any], memory: float) -> list[str]:
    """The cells of a row."""
    settings = {key: value for key, value in policy.items() if key != "process_fps"}
    camera = {"frames_per_second": FRAMES_PER_SECOND, "process_fps": policy.get("process_fps")}
    config = Config.model_validate(
        {
            "cameras": [{"name": n, "source": str(data / file), **camera} for n, (file, _) in VIEWS.items()],
            "output": {"video": False, "timeline": False},
            "matcher": {"memory_seconds": memory},
        }
        | settings
        | {"embedder": {"model": "osnet-x0.25-msmt17-folded"} | settings.get("embedder", {})}
    )
    frames = sum(len(recording.frames) for recording in recordings.values())
    with TemporaryDirectory() as scratch:
        with build_run(config, Path(scratch), str(Path(scratch) / "o.db"), notify=print) as run:
            networks = RecordedNetworks(recordings, run.pipeline.gate)
            run.pipeline.detector = run.pipeline.embedder = networks
            run.pipeline.gate = networks
            for _ in run.steps():
                pass
        scores = scored(data, Path(scratch))
    searches, embeddings = networks.searches / frames, networks.embeddings / frames
    cost = SEARCH_MILLISECONDS * searches + EMBEDDING_MILLISECONDS * embeddings
    return [f"{searches:.2f}", f"{embeddings:.2f}", f"{cost:.1f}", f"{scores.idf1:.1f}", f"{scores.hota:.1f}"]


def scored(data: Path, out: Path) -> Scores:
    truth = {"view1": data / "gt_view001.txt", "view6": data / "gt_view006_derived.txt"}
    ignore = {"view6": data / "ignore_view006_derived.txt"}
    scores = evaluate(truth, {view: out / f"{view}.txt" for view in VIEWS}, ignore).mtmc
    assert scores is not None
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memory-seconds", type=float, default=10.0, help="matcher.memory_seconds")
    given = parser.parse_args()
    if "OMNITRACK_DATA" not in os.environ:
        sys.exit("set OMNITRACK_DATA to the folder that holds pets2009/")
    data = Path(os.environ["OMNITRACK_DATA"]) / "pets2009"
    recordings = {
        view: read_recording(view, data / f"frozen_yolo11n_int8_{file}.npz", "emb_osnet_x0_25")
        for view, (_, file) in VIEWS.items()
    }
    headings = ("searches/frame", "embeddings/frame", "core ms/frame", "MTMC IDF1", "HOTA")
    table = Table("policy", *headings, title=f"PETS, memory {given.memory_seconds:g} s")
    for name, policy in POLICIES.items():
        table.add_row(name, *measure(data, recordings, policy, given.memory_seconds))
        print(name, "done", file=sys.stderr, flush=True)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
