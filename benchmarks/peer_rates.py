"""Peers on PETS at the full, half and quarter frame rate, on the same detections: IDF1 / HOTA / MOTA / switches.

    OMNITRACK_DATA=... python -m benchmarks.peer_rates

Installs the trackers of roboflow into an environment that is thrown away, and runs them there as they come, told their
default rate of 30 frames/s or the true one. benchmarks.single_camera prints ours beside the better of the two.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peer_trackers import make_environment
from benchmarks.single_camera import RATES, SEQUENCES, Bench, cell, print_row
from tracker.core.types import Detections
from tracker.evaluation.mot import MotRows

PACKAGES = ("trackers==2.6.1",)
PEERS = ("ByteTrackTracker", "CBIoUTracker", "OCSORTTracker", "SORTTracker")
DEFAULT_RATE = 30.0


def followed(peer: Any, frames: Sequence[Detections]) -> MotRows:
    """The rows of everybody whom the peer gives a number."""
    supervision: Any = import_module("supervision")  # not among this project's packages
    rows = [np.zeros((0, 7))]
    for number, seen in enumerate(frames, 1):
        given = supervision.Detections(
            xyxy=seen.boxes_xyxy.astype(float),
            confidence=seen.scores.astype(float),
            class_id=np.zeros(len(seen), np.int64),
        )
        told = peer.update(given)
        numbered = np.column_stack([np.full(len(told), number), told.tracker_id, told.xyxy, told.confidence])
        rows.append(numbered[numbered[:, 1] >= 0])
    table = np.concatenate(rows)
    frame, ids = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
    return MotRows(frame, ids, table[:, 2:6], table[:, 6], np.full((len(table), 2), np.nan))


def row(bench: Bench, name: str, make: Callable[[float], Any]) -> str:
    """make: the peer for a frame rate."""
    frames, scores = bench.detections(name, None), []
    for every in RATES:
        peer = make(SEQUENCES[name].frames_per_second / every)
        scores.append(cell(bench.score(name, followed(peer, frames[::every]), every=every)))
    return " -> ".join(scores)


def compare(data: Path) -> None:
    """Inside the environment of the peers."""
    trackers = import_module("trackers")
    print("| tracker | PETS View_001 | PETS View_006 |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(data, Path(scratch))
        for peer in PEERS:
            for told, rate in ((f"told {DEFAULT_RATE:.0f} frames/s", DEFAULT_RATE), ("told the true rate", None)):

                def make(true_rate: float, peer: str = peer, rate: float | None = rate) -> Any:
                    return getattr(trackers, peer)(frame_rate=rate or true_rate)

                print_row(f"{peer}, {told}", [row(bench, name, make) for name in list(SEQUENCES)[:2]])


def main() -> None:
    if "OMNITRACK_DATA" not in os.environ:
        sys.exit("set OMNITRACK_DATA to the folder that holds pets2009/")
    if sys.argv[1:] == ["--inside"]:
        compare(Path(os.environ["OMNITRACK_DATA"]))
        return
    with tempfile.TemporaryDirectory() as folder:
        python = make_environment(Path(folder), PACKAGES)
        subprocess.run([str(python), "-m", "benchmarks.peer_rates", "--inside"], check=True)


if __name__ == "__main__":
    main()
