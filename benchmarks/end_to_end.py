"""`main.py run` on both PETS 2009 videos, as a user starts it: accuracy, speed and peak memory of the whole process.

    OMNITRACK_DATA=... OMNITRACK_MODELS=... python -m benchmarks.end_to_end [--runs 3] [--no-video] [--calibrated]

The scene was filmed at about 7 frames/s, whatever the files state. Prints the medians over the runs beside what naive
peers reach on the same videos (appearance only, MTMC protocol), and whether all runs wrote the same bytes.
--calibrated: with the calibration of both cameras, so that people are followed on the ground.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tracker.evaluation.scores import evaluate

ROOT = Path(__file__).resolve().parent.parent
PEERS = (
    ("Open Model Zoo demo, default, online", 42.7, 31.9),
    ("the same, corrected history, best of 72", 59.2, 50.0),
    ("BoT-SORT tracks, greedy cosine linking", 57.3, 52.3),
    ("ByteTrack tracks, greedy cosine linking", 62.6, 54.9),
)
VIEWS = {"View_001": "View_001.mp4", "View_006": "View_006.mp4"}


def run_once(data: Path, out: Path, options: list[str]) -> float:
    """Wall seconds of one `main.py run`."""
    videos = [f"{name}={data / file}" for name, file in VIEWS.items()]
    options = ["--fps", "7", "--quiet", *options]
    command = [sys.executable, str(ROOT / "main.py"), "run", *videos, "--out", str(out), *options]
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--no-video", action="store_true", help="do not write annotated videos")
    parser.add_argument("--calibrated", action="store_true", help="follow people on the ground")
    arguments = parser.parse_args()
    if "OMNITRACK_DATA" not in os.environ:
        sys.exit("set OMNITRACK_DATA to the folder that holds pets2009/")
    data = Path(os.environ["OMNITRACK_DATA"]) / "pets2009"
    gt = {"View_001": data / "gt_view001.txt", "View_006": data / "gt_view006_derived.txt"}
    ignore = {"View_006": data / "ignore_view006_derived.txt"}
    options = ["--no-video"] if arguments.no_video else []
    if arguments.calibrated:
        options += [part for view in VIEWS for part in ("--calibration", str(data / f"{view}.xml"))]
    frames = 2 * 795
    seconds, texts, scores = [], set(), None
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(arguments.runs):
            out = Path(scratch) / str(number)
            seconds.append(run_once(data, out, options))
            tracks = {name: out / f"{name}.txt" for name in VIEWS}
            texts.add(tuple(file.read_bytes() for file in tracks.values()))
            scores = evaluate(gt, tracks, ignore).mtmc
    assert scores is not None
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    median = statistics.median(seconds)
    print(f"{'':44}{'IDF1':>6}{'HOTA':>6}")
    for name, idf1, hota in PEERS:
        print(f"{name:44}{idf1:6.1f}{hota:6.1f}")
    print(
        f"{'Omnitrack, main.py run, default settings':44}{scores.idf1:6.1f}{scores.hota:6.1f}   {scores.ids} ids of 19"
    )
    print(
        f"whole process, median of {arguments.runs}: {median:.1f} s, {frames / median:.1f} frames/s, peak {peak:.0f} MB"
    )
    print("MOT files of all runs are " + ("byte-identical" if len(texts) == 1 else "DIFFERENT"))


if __name__ == "__main__":
    main()
