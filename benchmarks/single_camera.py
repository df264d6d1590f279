"""The single-camera tracker beside its peers on the same detections: IDF1 / HOTA / MOTA / switches, and speed.

    OMNITRACK_DATA=... python -m benchmarks.single_camera

One set of parameters for all sequences, chosen on PETS View_001 frames 1-400 and TUD-Stadtmitte; the other rows are
held out. Times are processor seconds of one core (set OMP_NUM_THREADS=1). A track's observations before it was
confirmed count, as the tracks written by `main.py track` hold them. Metric maths: TrackEval, IoU >= 0.5.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracker.cli.single_camera import interpolated, track_frames
from tracker.core.boxes import cxcywh_to_xyxy, iou, xyxy_to_cxcywh
from tracker.core.motion import POSITION, MotionConfig, initiate, predict, update
from tracker.core.presets import PRESETS
from tracker.core.types import Detections
from tracker.evaluation.metrics import Scores
from tracker.evaluation.mot import MotRows, read_mot, write_mot
from tracker.evaluation.scores import evaluate
from tracker.recorded.files import read_recording

OSNET, INTEL = "emb_osnet_x0_25", "emb_intel_0287"
RATES = (1, 2, 4)
"""Every frame, every 2nd, every 4th."""
HEADER = "| {} | PETS View_001 | PETS View_006 | TUD-Campus | TUD-Stadtmitte |\n|---|---|---|---|---|"
PEERS = """\
| target | 86/64 | 80/73 | 78/54 | 82/56 |
| roboflow ByteTrack | 84.4/62.1/85.1/24 | 70.0/70.8/94.7/33 | 60.3/46.8/57.9/5 | 76.0/52.8/70.6/14 |
| roboflow C-BIoU | 74.0/57.1/82.9/27 | 64.2/66.4/92.9/32 | 74.4/53.3/61.8/6 | 79.4/53.9/71.4/13 |
| boxmot BoT-SORT | 76.3/58.9/84.6/15 | 72.3/70.2/95.3/35 | 67.4/49.2/61.3/7 | 79.1/54.4/72.4/13 |
| boxmot BoT-SORT, packaged | 58.9/48.5/77.0/32 | 58.0/59.8/89.6/43 | 70.9/51.6/63.2/8 | 80.0/54.9/72.9/12 |
| boxmot OccluBoost | 76.5/59.0/83.3/23 | 64.3/64.2/89.9/40 | 72.3/50.8/63.2/4 | 79.8/54.1/71.2/8 |
| boxmot OccluBoost, packaged | 64.7/51.3/80.3/31 | 70.1/68.8/92.0/36 | 76.3/52.5/64.9/4 | 70.5/50.0/72.5/14 |
| boxmot StrongSORT, embeddings | 80.6/59.0/78.6/11 | 72.9/69.3/91.2/24 | - | - |
| original SORT | 72.8/57.4/81.6/23 | 65.1/62.1/89.8/37 | 71.7/50.5/63.0/2 | 79.9/54.7/71.5/11 |"""
"""Measured once with the peers' own code on these inputs (two cores, November 2026); not run again here."""

PEERS_AT_LOWER_RATES = """\
| roboflow ByteTrack | 84.4 -> 88.0 -> 59.9 | 70.0 -> 62.5 -> 57.9 |
| the same, told the true rate | 82.7 -> 86.2 -> 58.6 | 70.0 -> 62.5 -> 62.7 |
| roboflow C-BIoU | 74.0 -> 70.3 -> 36.3 | 64.2 -> 44.8 -> 42.6 |
| boxmot StrongSORT, embeddings | 80.6 -> 69.4 -> 32.6 | 72.9 -> 61.7 -> 44.4 |"""
"""Printed by benchmarks.peer_rates, which runs the peers' own code."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """detections, truth, ignore: paths under OMNITRACK_DATA. embedded: whether there are embeddings."""

    detections: str
    truth: str
    frames_per_second: float
    ignore: str | None = None
    embedded: bool = False


SEQUENCES = {
    "PETS View_001": Recorded(
        "pets2009/frozen_yolo11n_int8_view001.npz", "pets2009/gt_view001.txt", 7.0, embedded=True
    ),
    "PETS View_006": Recorded(
        "pets2009/frozen_yolo11n_int8_view006.npz",
        "pets2009/gt_view006_derived.txt",
        7.0,
        "pets2009/ignore_view006_derived.txt",
        embedded=True,
    ),
    "TUD-Campus": Recorded("tud/TUD-Campus_det.txt", "tud/TUD-Campus_gt.txt", 25.0),
    "TUD-Stadtmitte": Recorded("tud/TUD-Stadtmitte_det.txt", "tud/TUD-Stadtmitte_gt.txt", 25.0),
}


class Bench:
    """Runs presets over the sequences and scores the rows. data: OMNITRACK_DATA; scratch: a temporary folder."""

    def __init__(self, data: Path, scratch: Path) -> None:
        self.data, self.scratch = data, scratch

    def detections(self, name: str, embedding: str | None) -> tuple[Detections, ...]:
        sequence = SEQUENCES[name]
        array = (embedding or OSNET) if sequence.embedded else None
        frames = read_recording(name, self.data / sequence.detections, array).frames
        if embedding is None:
            frames = tuple(Detections(d.boxes_xyxy, d.scores) for d in frames)
        return frames

    def rows(
        self, name: str, preset: str, embedding: str | None, *, every: int = 1, fill_seconds: float = 0.0
    ) -> MotRows:
        """Tracks over every n-th frame, numbered as in the full sequence."""
        rate, config = SEQUENCES[name].frames_per_second / every, PRESETS[preset]
        rows = track_frames(self.detections(name, embedding)[::every], rate, config)
        if fill_seconds:
            rows = interpolated(rows, rate, fill_seconds, config.motion)
        return rows

    def score(self, name: str, rows: MotRows, frames: tuple[int, int] | None = None, every: int = 1) -> Scores:
        sequence = SEQUENCES[name]
        truth = self.thinned(sequence.truth, every)
        ignore = None if sequence.ignore is None else {name: self.thinned(sequence.ignore, every)}
        prediction = self.scratch / "prediction.txt"
        write_mot(prediction, rows)
        return evaluate({name: truth}, {name: prediction}, ignore, frames=frames).cameras[name]

    def thinned(self, file: str, every: int) -> Path:
        """The MOT file with every n-th frame, renumbered from 1."""
        lines = [line.replace(",", " ").split() for line in (self.data / file).read_text().splitlines() if line.strip()]
        kept = [[str((int(f) - 1) // every + 1), *rest] for f, *rest in lines if (int(f) - 1) % every == 0]
        path = self.scratch / f"{every}_{Path(file).name}"
        path.write_text("".join(",".join(row) + "\n" for row in kept))
        return path

    def frames_per_second(self, name: str, preset: str, repeats: int = 5) -> float:
        """Median over the repeats of frames per processor second, detections in memory."""
        frames, rates = self.detections(name, OSNET if SEQUENCES[name].embedded else None), []
        for _ in range(repeats):
            began = time.process_time()
            track_frames(frames, SEQUENCES[name].frames_per_second, PRESETS[preset])
            rates.append(len(frames) / (time.process_time() - began))
        return statistics.median(rates)


def cell(scores: Scores) -> str:
    return f"{scores.idf1:.1f}/{scores.hota:.1f}/{scores.mota:.1f}/{scores.id_switches}"


def print_row(label: str, cells: list[str]) -> None:
    print(f"| {label} | " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    if "OMNITRACK_DATA" not in os.environ:
        sys.exit("set OMNITRACK_DATA to the folder that holds pets2009/ and tud/")
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(Path(os.environ["OMNITRACK_DATA"]), Path(scratch))
        compare(bench)
        print("\nPETS View_001 in parts, IDF1/HOTA/MOTA/switches")
        halves(bench)
        print("\nWhat the filter's state holds of a box: mean IoU (%) of the predicted and the true box, frames ahead")
        box_states(bench)
        print("\nPETS at lower frame rates: IDF1 at every frame, every 2nd, every 4th")
        lower_rates(bench)


def compare(bench: Bench) -> None:
    """Ours, our rows for the classics, and the peers' own code."""
    print(HEADER.format("IDF1/HOTA/MOTA/switches"))
    for label, embedding, fill in (
        ("**ours**, OSNet x0.25", OSNET, 0.0),
        ("ours, Intel 0287", INTEL, 0.0),
        ("ours, no appearance", None, 0.0),
        ("ours, OSNet x0.25, offline: smoothed, gaps up to 1 s filled", OSNET, 1.0),
    ):
        cells = []
        for name, sequence in SEQUENCES.items():
            here = embedding if sequence.embedded else None
            cells.append(cell(bench.score(name, bench.rows(name, "reid", here, fill_seconds=fill))))
        print_row(label, cells)
    for preset in list(PRESETS)[2:]:
        rows = {name: bench.rows(name, preset, OSNET if s.embedded else None) for name, s in SEQUENCES.items()}
        print_row(f"preset {preset}", [cell(bench.score(name, found)) for name, found in rows.items()])
    print(PEERS)
    print_row("**ours**, frames per second", [f"{bench.frames_per_second(name, 'reid'):.0f}" for name in SEQUENCES])


def halves(bench: Bench) -> None:
    print("| embeddings | frames 1-400 (parameters chosen here) | frames 401-795 (held out) |\n|---|---|---|")
    for embedding in (OSNET, INTEL, None):
        rows = bench.rows("PETS View_001", "reid", embedding)
        parts = [cell(bench.score("PETS View_001", rows, part)) for part in ((1, 400), (401, 795))]
        print_row(embedding or "none", parts)


def box_states(bench: Bench) -> None:
    """The filter fed with a true person's detections, then asked where that person will be some frames later."""
    print("| sequence | frames ahead | cx, cy, w, h | cx, cy, w / h, h |\n|---|---|---|---|")
    for name, sequence in SEQUENCES.items():
        truth = read_mot(bench.data / sequence.truth)
        walks = list(detected_walks(truth[truth.conf != 0], bench.detections(name, None)))
        for ahead in (1, 3, 7):
            errors = [predicted_overlaps(walk, ahead, sequence.frames_per_second) for walk in walks]
            widths, aspects = np.concatenate(errors).mean(axis=0) * 100
            print_row(f"{name} | {ahead}", [f"{widths:.2f}", f"{aspects:.2f}"])


@dataclass(frozen=True, slots=True)
class Walk:
    """One person over n frames: true (n, 4) and detected (n, 4) boxes xyxy, NaN where nothing was detected."""

    true: NDArray[np.float64]
    detected: NDArray[np.float64]


def detected_walks(truth: MotRows, frames: Sequence[Detections]) -> Iterator[Walk]:
    """True people with the detections that overlap them most, from IoU .5 on; stretches without truth are cut out."""
    for person in np.unique(truth.ids):
        rows = truth[truth.ids == person]
        detected = np.full((len(rows), 4), np.nan)
        for index, frame in enumerate(rows.frames.tolist()):
            found = frames[frame - 1].boxes_xyxy if frame <= len(frames) else np.zeros((0, 4), np.float32)
            overlap = iou(rows.boxes_xyxy[index : index + 1], found)[0]
            if len(overlap) and overlap.max() >= 0.5:
                detected[index] = found[overlap.argmax()]
        for stretch in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(rows.frames) > 1) + 1):
            yield Walk(rows.boxes_xyxy[stretch], detected[stretch])


def predicted_overlaps(walk: Walk, ahead: int, frames_per_second: float) -> NDArray[np.float64]:
    """(k, 2): IoU of the box predicted `ahead` frames on with the true one, by the width's and the aspect's filter.

    The aspect times the person's first height is fed in place of the width: so the noise stays the same.
    """
    config, overlaps = MotionConfig(), []
    measured = xyxy_to_cxcywh(walk.detected)
    seen = np.flatnonzero(~np.isnan(measured[:, 0]))
    if not len(seen):
        return np.zeros((0, 2))
    both = np.stack([measured, measured], axis=1)
    both[:, 1, 2] *= measured[seen[0], 3] / measured[:, 3]
    states = initiate(both[seen[0]], config)
    for index in range(seen[0], len(measured) - ahead):
        if index > seen[0]:
            states = predict(states, 1 / frames_per_second, config)
            if not np.isnan(measured[index, 0]):
                states = update(states, both[index], config)
        boxes = predict(states, ahead / frames_per_second, config)[:, POSITION].copy()
        boxes[1, 2] *= boxes[1, 3] / measured[seen[0], 3]
        overlaps.append(iou(cxcywh_to_xyxy(boxes), walk.true[index + ahead][None])[:, 0])
    return np.array(overlaps, np.float64).reshape(-1, 2)


def lower_rates(bench: Bench) -> None:
    print("| tracker | PETS View_001 | PETS View_006 |\n|---|---|---|")
    for preset, embedding in [
        ("reid", OSNET),
        ("reid", INTEL),
        ("reid", None),
        *((p, OSNET) for p in list(PRESETS)[2:]),
    ]:
        cells = []
        for name in list(SEQUENCES)[:2]:
            scored = [bench.score(name, bench.rows(name, preset, embedding, every=n), every=n).idf1 for n in RATES]
            cells.append(" -> ".join(f"{value:.1f}" for value in scored))
        print_row(f"{preset}, {embedding}", cells)
    print(PEERS_AT_LOWER_RATES)


if __name__ == "__main__":
    main()
