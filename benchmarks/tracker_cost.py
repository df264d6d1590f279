"""What the single-camera tracker costs: time per frame by the number of people, and memory over a long run.

    python -m benchmarks.tracker_cost [--frames 200] [--long-frames 100000]

People walk on a square with four square metres for each; one camera above one side of it sees all of them, with
misses, jitter, false alarms and embeddings of 512 numbers. Times are processor times of one core (with
OMP_NUM_THREADS=1), medians over the frames.
"""

import argparse
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.world import Noise, World, WorldCamera
from tracker.core.single_camera import SingleCameraTracker

LIMITS_MILLISECONDS = {10: 0.5, 50: 2.0, 200: 10.0, 1000: 100.0}
FRAMES_PER_SECOND = 10.0


def crowd(people: int, dimension: int) -> World:
    """A square with so many people, all in view of a 4K camera."""
    side = 2.0 * people**0.5
    camera = WorldCamera("c1", (-side, side / 2, 0.4 * side), 0.0, 15.0, 2700.0, (3840, 2160))
    noise = Noise(hidden_miss=0.3)
    return World(people, [camera], size_metres=(side, side), noise=noise, dimension=dimension)


def frame_costs(people: int, frames: int) -> tuple[float, float, float]:
    """Mean detections per frame; median and 99th percentile of milliseconds per frame once the crowd is known."""
    tracker, costs, seen = SingleCameraTracker("c1"), [], []
    for t_seconds, views in crowd(people, 512).frames(frames, FRAMES_PER_SECOND):
        detections = views["c1"].detections
        began = time.process_time()
        tracker.update(t_seconds, detections)
        costs.append(1e3 * (time.process_time() - began))
        seen.append(len(detections))
    settled = costs[frames // 4 :]
    return float(np.mean(seen)), float(np.median(settled)), float(np.percentile(settled, 99))


def resident_mebibytes() -> float:
    """Memory of this process that is in use now (Linux), else its peak."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return pages * resource.getpagesize() / 2**20


def memory_over_time(frames: int) -> Iterator[tuple[int, float]]:
    """(frame, MiB) at ten instants of a run with ten people at a time, who leave and are replaced by others."""
    tracker = SingleCameraTracker("c1")
    for index, (t_seconds, views) in enumerate(crowd(10, 32).frames(frames, FRAMES_PER_SECOND), 1):
        tracker.update(t_seconds, views["c1"].detections)
        if index % max(frames // 10, 1) == 0:
            yield index, resident_mebibytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=200, help="frames for each number of people")
    parser.add_argument("--long-frames", type=int, default=100_000, help="frames of the memory run; 0 leaves it out")
    arguments = parser.parse_args()
    print("| people | detections a frame | ms a frame, median | 99 % | limit |\n|---|---|---|---|---|")
    for people, limit in LIMITS_MILLISECONDS.items():
        detections, median, worst = frame_costs(people, arguments.frames)
        print(f"| {people} | {detections:.1f} | {median:.2f} | {worst:.2f} | {limit:g} |", flush=True)
    if arguments.long_frames:
        print("\n| frame | memory, MiB |\n|---|---|")
        for frame, mebibytes in memory_over_time(arguments.long_frames):
            print(f"| {frame} | {mebibytes:.1f} |", flush=True)


if __name__ == "__main__":
    main()
