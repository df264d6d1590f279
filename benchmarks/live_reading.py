"""Live cameras, read only: delay from sending and from arrival to the end of a step, drops, cost of a reader process.

    python -m benchmarks.live_reading [--cameras 4] [--rate 5] [--size 640x480] [--seconds 30] [--step-milliseconds 0]

Serves a clip by a real RTSP server on this machine (Debian's gir1.2-gst-rtsp-server-1.0 and python3-gi) and reads it
over TCP. What was sent when, the server tells by RTCP. --step-milliseconds imitates a pipeline that is busy for so long
in every step.
"""

import argparse
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

import numpy as np
from rich.console import Console

from tests.video.clips import write_clip
from tests.video.rtsp import RtspServer
from tracker.video.camera import LiveConfig
from tracker.video.live import LiveCamera
from tracker.video.live_batching import LiveBatcher

WARM_UP_SECONDS = 10.0  # connecting, and the first RTCP report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cameras", type=int, default=4)
    parser.add_argument("--rate", type=float, default=5.0)
    parser.add_argument("--size", default="640x480")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--step-milliseconds", type=float, default=0.0)
    arguments = parser.parse_args()
    width, _, height = arguments.size.partition("x")
    names = [f"camera{number}" for number in range(arguments.cameras)]
    with TemporaryDirectory() as folder:
        times = [number / arguments.rate for number in range(round((arguments.seconds + 10) * arguments.rate))]
        clip = write_clip(
            Path(folder) / "clip.ts", times, round(2 * arguments.rate), size=(int(width), int(height)), b_frames=0
        )
        server = RtspServer(dict.fromkeys(names, clip))
        origin = monotonic()
        cameras = [LiveCamera(name, server.url(name), origin, LiveConfig(trust_camera_clock=True)) for name in names]
        batcher = LiveBatcher(cameras, origin)
        try:
            report(batcher, origin, arguments.seconds, arguments.step_milliseconds / 1000)
        finally:
            batcher.close()
            server.stop()


def report(batcher: LiveBatcher, origin: float, seconds: float, step_seconds: float) -> None:
    delays, since_sent = [], []
    first = None
    for batch in batcher:
        time.sleep(step_seconds)
        now = monotonic() - origin
        first = now if first is None and batch.frames else first
        if now > WARM_UP_SECONDS:
            delays += [1000 * (now - (frame.t_arrival_seconds or now)) for frame in batch.frames.values()]
            since_sent += [1000 * (now - frame.t_seconds) for frame in batch.frames.values()]
        if now > seconds:
            break
    console = Console()
    console.print(f"first picture after {first:.1f} s; {len(delays)} pictures after the first {WARM_UP_SECONDS:g} s")
    for beginning, milliseconds in (("sending", since_sent), ("arrival", delays)):
        middle, high, worst = np.percentile(milliseconds, [50, 95, 100])
        console.print(f"{beginning} to end of step: median {middle:.0f} ms, 95 % {high:.0f} ms, worst {worst:.0f} ms")
    console.print(f"dropped or not decodable: {sum(batcher.lost_frames.values())}; late: {batcher.late_frames}")
    processors, memory = zip(*map(cost, children()), strict=True)
    console.print(f"a reader: {100 * max(processors) / seconds:.1f} % of a core, {max(memory) / 1e6:.0f} MB")


def children() -> list[int]:
    """Reader processes of this one: those that hold pictures."""
    listed = [c for t in Path("/proc/self/task").iterdir() for c in (t / "children").read_text().split()]
    return sorted({int(child) for child in listed if "omnitrack-frames" in Path(f"/proc/{child}/maps").read_text()})


def cost(process: int) -> tuple[float, float]:
    """Processor seconds so far and proportional memory in bytes."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
    kilobytes = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return ticks / os.sysconf("SC_CLK_TCK"), kilobytes * 1024.0


if __name__ == "__main__":
    main()
