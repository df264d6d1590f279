"""Glass-to-result delay of live cameras, with room to spare and when they send more than the machine can take.

    OMNITRACK_MODELS=... python -m benchmarks.live_latency [--cameras 4] [--seconds 40] [--rates 5 25]
        [--policies every selective] [--crowded]

Serves the sample videos as 640x480 streams by a real RTSP server on this machine (Debian's
gir1.2-gst-rtsp-server-1.0 and python3-gi), and runs `main.py run`'s pipeline on them with its database. Each camera
shows one sample (2.5 people in view on average); --crowded: both beside each other (5 people). The delay runs from the
moment at which the server sends a picture, as its RTCP reports tell (server and program share a clock), to the end of
the step that took it: people found, followed, identified and handed to the database. One row of the table for each rate
(frames/s of every camera) and embedder policy.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer

import av
import cv2
import numpy as np

from benchmarks.soak import SAMPLES, looped
from tests.video.rtsp import RtspServer
from tracker.bootstrap import build_run
from tracker.config import Config
from tracker.ports import Step
from tracker.video.frame import Image
from tracker.video.live_batching import LiveBatcher

SIZE = (640, 480)
WARM_UP_SECONDS = 10.0  # connecting, and the first RTCP report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cameras", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--rates", type=int, nargs="+", default=[5, 25])
    parser.add_argument("--policies", nargs="+", default=["every", "selective"])
    parser.add_argument("--crowded", action="store_true")
    arguments = parser.parse_args()
    print("rate  policy     frames  frames/s  dropped  p50 ms  p95 ms  max ms  cores")
    names = [f"camera{number}" for number in range(arguments.cameras)]
    for rate, policy in product(arguments.rates, arguments.policies):
        with TemporaryDirectory() as scratch:
            folder = Path(scratch)
            scenes = [SAMPLES] if arguments.crowded else [[sample] for sample in SAMPLES]
            clips = [
                looped(stream_of(scene, folder / f"{n}.mp4", rate), folder / f"{n}.ts", arguments.seconds + 60)
                for n, scene in enumerate(scenes)
            ]
            server = RtspServer({name: clips[number % len(clips)] for number, name in enumerate(names)})
            try:
                urls = {name: server.url(name) for name in names}
                print(f"{rate:4}  {policy:9}  {measured(urls, folder, policy, arguments.seconds)}", flush=True)
            finally:
                server.stop()


def stream_of(scene: Sequence[Path], target: Path, rate: int) -> Path:
    """The videos beside each other, scaled into 640x480, as a camera of that rate sends them: no picture refers to a
    later one.
    """
    with av.open(str(target), "w") as made, ExitStack() as opened:
        stream = made.add_stream("libx264", rate=rate)
        (stream.width, stream.height), stream.pix_fmt = SIZE, "yuv420p"
        stream.options = {"bf": "0", "preset": "veryfast", "crf": "22", "g": str(2 * rate)}
        given = [opened.enter_context(av.open(str(file))).decode(video=0) for file in scene]
        for number, frames in enumerate(zip(*given, strict=True)):
            picture = np.concatenate([shown(frame) for frame in frames], axis=1)
            frame = av.VideoFrame.from_ndarray(fitted(picture), format="bgr24").reformat(format="yuv420p")
            frame.pts = number
            made.mux(stream.encode(frame))
        made.mux(stream.encode())
    return target


def shown(frame: av.VideoFrame) -> Image:
    return np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)


def fitted(picture: Image) -> Image:
    """Scaled into SIZE, black beside it."""
    height, width = picture.shape[:2]
    scale = min(SIZE[0] / width, SIZE[1] / height)
    small = cv2.resize(picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    whole = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    left = (SIZE[0] - small.shape[1]) // 2
    whole[: small.shape[0], left : left + small.shape[1]] = small
    return whole


def measured(urls: dict[str, str], folder: Path, policy: str, seconds: float) -> str:
    """The figures of a row of the table."""
    config = Config.model_validate(
        {
            "cameras": [{"name": name, "source": url} for name, url in urls.items()],
            "live": {"trust_camera_clock": True},
            "embedder": {"policy": policy},
        }
    )
    delays: list[float] = []
    dropped = cores = 0.0
    with build_run(config, folder, str(folder / "live.db"), notify=lambda line: print(line, file=sys.stderr)) as run:
        batcher = run.batcher
        assert isinstance(batcher, LiveBatcher)
        ending = Timer(WARM_UP_SECONDS + seconds, run.stop)
        ending.start()
        for step in run.steps():
            if batcher.seconds < WARM_UP_SECONDS:
                dropped, cores = sum(run.lost_frames.values()), time.process_time()
            else:
                delays += step_delays(step, batcher.seconds)
        dropped, cores = sum(run.lost_frames.values()) - dropped, time.process_time() - cores
        ending.cancel()
    if not delays:
        return f"no picture arrived within {WARM_UP_SECONDS + seconds:g} s"
    middle, high, worst = np.percentile(delays, [50, 95, 100])
    figures = f"{len(delays):6}  {len(delays) / seconds:8.1f}  {dropped:7.0f}  {middle:6.0f}  {high:6.0f}  {worst:6.0f}"
    return f"{figures}  {cores / seconds:5.2f}"


def step_delays(step: Step, now_seconds: float) -> list[float]:
    """Milliseconds since the pictures of a step were taken."""
    return [1000 * (now_seconds - frame.t_seconds) for frame in step.batch.frames.values()]


if __name__ == "__main__":
    main()
