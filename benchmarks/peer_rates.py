"""Peers on PETS at the full, half and quarter frame rate, on the same detections: IDF1 / HOTA / MOTA / switches.

    OMNITRACK_DATA=... python -m benchmarks.peer_rates

Installs them into an environment that is thrown away, and runs them there as they come: roboflow's trackers, told their
default rate of 30 frames/s or the true one, and boxmot's StrongSORT with its packaged settings and our embeddings.
benchmarks.single_camera prints ours beside the best of them.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peer_trackers import PACKAGES, make_environment
from benchmarks.single_camera import OSNET, RATES, SEQUENCES, Bench, cell, print_row
from tracker.core.types import Detections
from tracker.evaluation.mot import MotRows

Rows = NDArray[np.float64]
"""(n, 7): frame, id, left, top, right, bottom, score."""
Peer = Callable[[Sequence[Detections], float], Rows]
"""What a peer makes of the frames, which came at so many a second."""

ROBOFLOW = ("ByteTrackTracker", "CBIoUTracker", "OCSORTTracker", "SORTTracker")
DEFAULT_RATE = 30.0


def roboflow(name: str, told_rate: float | None, frames: Sequence[Detections], true_rate: float) -> Rows:
    """told_rate None: the peer is told the true rate."""
    trackers, supervision = import_module("trackers"), import_module("supervision")  # not among our own packages
    peer: Any = getattr(trackers, name)(frame_rate=told_rate or true_rate)
    parts = [np.zeros((0, 7))]
    for number, seen in enumerate(frames, 1):
        boxes, scores = seen.boxes_xyxy.astype(float), seen.scores.astype(float)
        given = supervision.Detections(xyxy=boxes, confidence=scores, class_id=np.zeros(len(seen), np.int64))
        told = peer.update(given)
        parts.append(np.column_stack([np.full(len(told), number), told.tracker_id, told.xyxy, told.confidence]))
    rows = np.concatenate(parts)
    return rows[rows[:, 1] >= 0]


def strongsort(frames: Sequence[Detections], _true_rate: float) -> Rows:
    """The camera stands still: its motion compensation sees the same picture again and again."""
    torch: Any = import_module("torch")
    factory, specs = import_module("boxmot.trackers.factory"), import_module("boxmot.trackers.specs")
    detections, geometry = import_module("boxmot.structures.detections"), import_module("boxmot.structures.geometry")
    peer: Any = factory.create_tracker(specs.TrackerSpec("strongsort"))
    picture = np.random.default_rng(0).integers(0, 256, (576, 768, 3), np.uint8)
    parts = [np.zeros((0, 7))]
    for number, seen in enumerate(frames, 1):
        boxes, scores, looks = (torch.as_tensor(c) for c in (seen.boxes_xyxy, seen.scores, seen.embeddings))
        classes = torch.zeros(len(seen), dtype=torch.int64)
        given = detections.Detections(geometry.Boxes(boxes), scores, classes, str(number), embeddings=looks)
        told = peer.update(given, picture)
        places, ids = np.asarray(told.geometry.values, np.float64), np.asarray(told.track_ids)
        parts.append(np.column_stack([np.full(len(ids), number), ids, places, np.ones(len(ids))]))
    return np.concatenate(parts)


def row(bench: Bench, name: str, peer: Peer) -> str:
    frames, scores = bench.detections(name, OSNET), []
    for every in RATES:
        table = peer(frames[::every], SEQUENCES[name].frames_per_second / every)
        frame, ids = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
        found = MotRows(frame, ids, table[:, 2:6], table[:, 6], np.full((len(table), 2), np.nan))
        scores.append(cell(bench.score(name, found, every=every)))
    return " -> ".join(scores)


def compare(data: Path) -> None:
    """Inside the environment of the peers."""
    peers: dict[str, Peer] = {"boxmot StrongSORT": strongsort}
    for name in ROBOFLOW:
        peers[f"roboflow {name}"] = partial(roboflow, name, DEFAULT_RATE)
        peers[f"roboflow {name}, told the true rate"] = partial(roboflow, name, None)
    print("| tracker | PETS View_001 | PETS View_006 |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(data, Path(scratch))
        for label, peer in peers.items():
            print_row(label, [row(bench, name, peer) for name in list(SEQUENCES)[:2]])


def main() -> None:
    if "OMNITRACK_DATA" not in os.environ:
        sys.exit("set OMNITRACK_DATA to the folder that holds pets2009/")
    if sys.argv[1:] == ["--inside"]:
        compare(Path(os.environ["OMNITRACK_DATA"]))
        return
    with tempfile.TemporaryDirectory() as folder:
        python = make_environment(Path(folder), ("trackers==2.6.1", *PACKAGES))
        subprocess.run([str(python), "-m", "benchmarks.peer_rates", "--inside"], check=True)


if __name__ == "__main__":
    main()
