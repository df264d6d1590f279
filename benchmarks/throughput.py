"""Frames a second, end to end, beside the least that such a program must compute, and beside the peers.

    OMNITRACK_DATA=... OMNITRACK_MODELS=... python -m benchmarks.throughput [--runs 5] [--peers [FOLDER]] [--only ...]

Everything reads both PETS 2009 videos with YOLO11n int8 at 640 and OSNet x0.25 (bf16 where the CPU has it). Each
measurement is a process of its own, the competitors of a round one after the other, so that a busy machine slows all
alike; ratios are medians over the rounds. frames/s counts a process from its start to its end, imports included; steady
from its first result to its last, as does the processor time (CPU), which other programs disturb less.

bare loop           decode, detector (as it was exported: squares, all classes), embedder; nothing else
                    (benchmarks/bare_loop.py)
simple loop         the same as it is usually written
ours                main.py run: tracking, matching, database and MOT files as well; no timeline, no annotated video
ours, selective     the same with embedder.policy selective
ours, shaped        selective, and the detector in the shape of the pictures (detector.shape picture)
ours, ISA           as ours, with the instructions that oneDNN knows by that name and no others (--isa)
peers               ultralytics track, boxmot BoT-SORT (benchmarks/peer_trackers.py): one camera after the other,
                    nothing matched or stored, from a virtual environment that --peers makes in a folder (default: one
                    that is thrown away)

Tables: pets; cameras (the same two files repeated); start (the second start, compiled networks in the cache); overhead
(tracker and matcher at 30 people a frame); street (stages of a 1080p video).
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import fmean, harmonic_mean, median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.peer_trackers import PEERS, make_environment, prepared_weights
from benchmarks.tracker_cost import crowd
from tracker.config import CameraConfig, Config, EmbedderConfig
from tracker.core.settings import TrackerConfig
from tracker.core.single_camera import SingleCameraTracker
from tracker.crosscam.matcher import CrossCameraMatcher
from tracker.detection.letterbox import letterbox
from tracker.inference.checksum import sha256_of
from tracker.measure import stage_milliseconds
from tracker.networks import build_embedder, cache_folder
from tracker.video.sources import VideoFileSource

EMBEDDER = "osnet-x0.25-msmt17-folded"
WEIGHTS = "osnet_x0_25_msmt17_folded.pth"
DETECTOR = "yolo11n_int8_640_openvino_model/yolo11n.xml"
SELECTIVE = ("--set", "embedder.policy=selective")
Result = dict[str, Any]


class Bench:
    """Where things are, and how a measurement is started. prefix: what every command is given to, e.g. taskset."""

    def __init__(self, scratch: Path, prefix: list[str]) -> None:
        data = Path(os.environ["OMNITRACK_DATA"])
        self.models = Path(os.environ["OMNITRACK_MODELS"])
        self.videos = [str(data / "pets2009" / name) for name in ("View_001.mp4", "View_006.mp4")]
        self.street = data / "street1080p" / "people.mp4"
        self.scratch = scratch
        self.prefix = prefix
        self.console = Console(width=130, highlight=False)
        self._runs = 0

    def run(self, *command: str | Path, python: str | Path = sys.executable, isa: str | None = None) -> Result:
        """Start `python command`; returns the JSON of its last line. isa: the most that oneDNN may use of the CPU."""
        full = [*self.prefix, str(python), *map(str, command)]
        environment = os.environ | ({"ONEDNN_MAX_CPU_ISA": isa} if isa else {})
        done = subprocess.run(full, check=True, capture_output=True, text=True, env=environment)
        result: Result = json.loads(done.stdout.strip().splitlines()[-1])
        return result

    def ours(self, videos: list[str], *options: str, out: Path | None = None, isa: str | None = None) -> Result:
        self._runs += 1
        out = out or self.scratch / str(self._runs)
        given = ["--fps", "7", "--set", f"embedder.model={EMBEDDER}", *options]
        return self.run("-m", "benchmarks.whole_program", *given, out, *videos, isa=isa)

    def bare(self, *options: str) -> Result:
        score = min(stage.min_score for stage in TrackerConfig().stages)
        networks = (self.models / DETECTOR, self.exported())
        return self.run("-m", "benchmarks.bare_loop", *options, *networks, str(score), *self.videos)

    def exported(self) -> Path:
        """OSNet x0.25 as the program itself runs it."""
        digest = sha256_of(self.models / WEIGHTS)[:16]
        return next((cache_folder() / "exported").glob(f"{digest}-openvino*.xml"))


def rounds(bench: Bench, runs: int, steps: int, peers: Path | None, isas: Sequence[str]) -> dict[str, list[Result]]:
    """Every competitor once a round."""
    limit = ("--steps", str(steps))
    competitors: dict[str, Callable[[], Result]] = {
        "bare loop": partial(bench.bare, *limit),
        "simple loop": partial(bench.bare, *limit, "--simple"),
        "ours": partial(bench.ours, bench.videos, *limit),
        "ours, selective": partial(bench.ours, bench.videos, *limit, *SELECTIVE),
        "ours, shaped": partial(bench.ours, bench.videos, *limit, *SELECTIVE, "--set", "detector.shape=picture"),
    }
    for isa in isas:
        ours = partial(bench.ours, bench.videos, *limit, isa=isa)
        competitors |= {f"ours, {isa}": ours, f"ours, selective, {isa}": partial(ours, *SELECTIVE)}
    if peers is not None:
        python = make_environment(bench.scratch / peers)  # an absolute folder stands for itself
        for name in PEERS:
            weights = prepared_weights(name, bench.models, bench.exported(), bench.scratch)
            command = [
                "-m",
                "benchmarks.peer_trackers",
                name,
                str(steps),
                *map(str, (bench.models, weights)),
                *bench.videos,
            ]
            competitors[name] = partial(bench.run, *command, python=python)
    results: dict[str, list[Result]] = defaultdict(list)
    for number in range(runs):
        for name, compete in competitors.items():
            results[name].append(compete())
            rate = results[name][-1]["frames"] / results[name][-1]["seconds"]
            print(f"round {number + 1}: {name} {rate:.1f} frames/s", file=sys.stderr, flush=True)
    return results


def pets(bench: Bench, runs: int, steps: int, peers: Path | None, isas: Sequence[str]) -> None:
    results = rounds(bench, runs, steps, peers, isas)
    headings = (
        "frames/s",
        "of bare",
        "steady",
        "of bare",
        "CPU ms",
        "bare CPU",
        "crops",
        "first",
        "memory",
    )
    table = Table("", *headings, title=f"both PETS videos, median of {runs}")
    bare = results["bare loop"]
    for name, ones in results.items():
        speed = [one["frames"] / one["seconds"] for one in ones]
        work = [one["steady_processor_milliseconds"] for one in ones]
        table.add_row(
            name,
            f"{median(speed):.1f}",
            f"{share_of(bare, ones, 'seconds'):.2f}",
            f"{median(one['steady_frames_per_second'] for one in ones):.1f}",
            f"{1 / share_of(bare, ones, 'steady_frames_per_second'):.2f}",
            f"{median(work):.1f}",
            f"{share_of(bare, ones, 'steady_processor_milliseconds'):.2f}",
            f"{ones[0]['boxes'] / ones[0]['frames']:.1f}" if ones[0]["boxes"] else "",
            f"{median(one['first_seconds'] for one in ones):.2f} s",
            f"{max(one['peak_mebibytes'] for one in ones):.0f} MB",
        )
    bench.console.print(table)


def share_of(bare: list[Result], ones: list[Result], what: str) -> float:
    """Median over the rounds of what the bare loop spent over what this one did."""
    return float(median(b[what] / one[what] for b, one in zip(bare, ones, strict=True)))


def cameras(bench: Bench, counts: list[int], runs: int, steps: int) -> None:
    """The same stretch of both videos whatever the number of cameras; a single camera is one video after the other."""
    headings = ("frames/s together", "of the best", "CPU ms a frame", "peak memory", "MB a further camera")
    table = Table("cameras", *headings)
    results = defaultdict(list)
    for _ in range(runs):
        for count in counts:
            groups = [(bench.videos * count)[:count]] if count > 1 else [[video] for video in bench.videos]
            results[count].append([bench.ours(group, "--steps", str(steps)) for group in groups])

    def typical(count: int, what: str, average: Callable[[list[float]], float]) -> float:
        return median(average([one[what] for one in ones]) for ones in results[count])

    rates = {count: typical(count, "steady_frames_per_second", harmonic_mean) for count in counts}
    peaks = {count: max(one["peak_mebibytes"] for ones in results[count] for one in ones) for count in counts}
    for count in counts:
        more = (peaks[count] - peaks[counts[0]]) / (count - counts[0]) if count > counts[0] else 0.0
        share = rates[count] / max(rates.values())
        work = typical(count, "steady_processor_milliseconds", fmean)
        cells = (f"{rates[count]:.1f}", f"{share:.2f}", f"{work:.1f}", f"{peaks[count]:.0f} MB", f"{more:.0f}")
        table.add_row(str(count), *cells)
    bench.console.print(table)


def start(bench: Bench, runs: int) -> None:
    """From the second start on, the compiled networks and the database are there."""
    out = bench.scratch / "start"
    ones = [bench.ours(bench.videos, "--steps", "1", out=out) for _ in range(runs + 1)][1:]
    firsts = sorted(one["first_seconds"] for one in ones)
    bench.console.print(
        f"second start, first result: median {median(firsts):.2f} s, fastest {firsts[0]:.2f} s of {runs}"
    )


def overhead(bench: Bench, people: int = 30, frames: int = 300) -> None:
    """Processor time of tracking and matching, in a crowd that one camera sees whole."""
    tracker, matcher = SingleCameraTracker("c1"), CrossCameraMatcher()
    spent: dict[str, list[float]] = {"tracker": [], "matcher": []}
    seen = []
    for t_seconds, views in crowd(people, 512).frames(frames, 10.0):
        detections = views["c1"].detections
        began = time.process_time()
        updates = tracker.update(t_seconds, detections)
        tracked = time.process_time()
        matcher.update(t_seconds, updates)
        spent["tracker"].append(1000 * (tracked - began))
        spent["matcher"].append(1000 * (time.process_time() - tracked))
        seen.append(len(detections))
    cells = ", ".join(f"{name} {np.mean(costs[frames // 4 :]):.2f}" for name, costs in spent.items())
    bench.console.print(
        f"overhead, {np.mean(seen):.1f} detections a frame of {people} people, mean ms a frame: {cells}"
    )


def street(bench: Bench) -> None:
    camera = CameraConfig(name="street", source=str(bench.street))
    stages = stage_milliseconds(Config(cameras=(camera,), embedder=EmbedderConfig(model=EMBEDDER)), 100)
    table = Table("stage", "ms a frame", "share", title="street1080p, one stage after the other")
    for stage, milliseconds in stages.items():
        table.add_row(stage, f"{milliseconds:.2f}", f"{100 * milliseconds / sum(stages.values()):.0f} %")
    bench.console.print(table)
    source = VideoFileSource("street", bench.street, read_ahead=0)
    pictures = [frame.image for frame in islice(source, 50)]
    source.close()
    canvas = np.zeros((640, 640, 3), np.uint8)
    began = time.perf_counter()
    for picture in pictures:
        letterbox(picture, canvas)
    milliseconds = 1000 * (time.perf_counter() - began) / len(pictures)
    bench.console.print(f"of detection, {milliseconds:.2f} ms a frame are resizing")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument(
        "--peers",
        nargs="?",
        type=lambda folder: Path(folder).absolute(),
        const=Path("peers"),
        help="measure the peers as well; FOLDER keeps their virtual environment for the next time",
    )
    parser.add_argument(
        "--isa", nargs="+", default=[], help="and with no more of the CPU, e.g. AVX512_CORE_BF16: no AMX"
    )
    parser.add_argument("--steps", type=int, default=795, help="frames of each video in the table pets")
    parser.add_argument("--stretch", type=int, default=100, help="frames of each video in the table cameras")
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 2, 4, 8, 16], help="numbers of cameras")
    parser.add_argument("--only", nargs="+", default=["pets", "cameras", "start", "overhead", "street"])
    parser.add_argument(
        "--prefix", type=shlex.split, default=[], help="put before every command, e.g. 'taskset -c 0,1'"
    )
    given = parser.parse_args()
    if not {"OMNITRACK_DATA", "OMNITRACK_MODELS"} <= set(os.environ):
        sys.exit("set OMNITRACK_DATA and OMNITRACK_MODELS to the folders of data and weights")
    build_embedder(Config(embedder=EmbedderConfig(model=EMBEDDER)), print)  # exports the network, if need be
    with TemporaryDirectory() as scratch:
        bench = Bench(Path(scratch), given.prefix)
        if "pets" in given.only:
            pets(bench, given.runs, given.steps, given.peers, given.isa)
        if "cameras" in given.only:
            cameras(bench, given.counts, given.runs, given.stretch)
        if "start" in given.only:
            start(bench, given.runs)
        if "overhead" in given.only:
            overhead(bench)
        if "street" in given.only:
            street(bench)


if __name__ == "__main__":
    main()
