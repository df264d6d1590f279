"""What reading and writing video costs, and what damage does, on the project's sample clips.

    python -m benchmarks.video

Processor time per frame (all threads), one run over the whole clip: decoding to BGR pictures, and an annotated video
of the ground truth (drawing and encoding). Damage: the given share of the file's bytes is changed at random places
after the header; delivered are frames that reach the tracker, damaged those of them with guessed parts.
"""

import random
import time
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
from rich.console import Console
from rich.table import Table

from tracker.core.types import TrackState, TrackUpdate
from tracker.ports import Step
from tracker.video.annotate import AnnotatedVideoSink
from tracker.video.batching import StepBatcher
from tracker.video.frame import Frame, FrameBatch
from tracker.video.sources import VideoFileSource

SAMPLES = Path(__file__).resolve().parent.parent / "sample_videos"
CAMERAS = ("west", "east")
HEADER_BYTES = 20_000
SHARES = (0.0001, 0.001, 0.005)


def decoding_milliseconds() -> tuple[float, list[FrameBatch]]:
    batcher = StepBatcher([VideoFileSource(camera, SAMPLES / f"{camera}.mp4") for camera in CAMERAS])
    began = time.process_time()
    batches = list(batcher)
    spent = time.process_time() - began
    batcher.close()
    return 1000 * spent / sum(len(batch.frames) for batch in batches), batches


def annotating_milliseconds(batches: list[FrameBatch], folder: Path) -> float:
    truth = {camera: np.loadtxt(SAMPLES / f"gt_{camera}.txt", delimiter=",") for camera in CAMERAS}
    steps = [Step(batch, {c: updates(f, truth[c]) for c, f in batch.frames.items()}, []) for batch in batches]
    began = time.process_time()
    sink = AnnotatedVideoSink(folder, dict.fromkeys(CAMERAS, 7.0), lambda key: key[1])
    for step in steps:
        sink.write(step)
    sink.close()
    return 1000 * (time.process_time() - began) / sum(len(batch.frames) for batch in batches)


def updates(frame: Frame, truth: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> list[TrackUpdate]:
    found = []
    for row in truth[truth[:, 0] == frame.index + 1]:
        box = np.array([row[2], row[3], row[2] + row[4], row[3] + row[5]], np.float32)
        state = TrackState.CONFIRMED
        found.append(TrackUpdate(frame.camera_id, int(row[1]), frame.t_seconds, state, box, 1.0, 0, confirmed=True))
    return found


def encoded(batches: list[FrameBatch], path: Path) -> Path:
    """The western camera's pictures in another container."""
    options = {"movflags": "faststart"} if path.suffix == ".mp4" else {}  # the index in front, where nothing is changed
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("libx264", rate=7, options={"preset": "veryfast", "g": "28"})
        height, width = batches[0].frames["west"].image.shape[:2]
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 7)
        for number, batch in enumerate(batches):
            frame = av.VideoFrame.from_ndarray(batch.frames["west"].image, format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, 7)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def damaged(path: Path, share: float) -> Path:
    data, chance = bytearray(path.read_bytes()), random.Random(1)
    for _ in range(round(len(data) * share)):
        data[chance.randrange(HEADER_BYTES, len(data))] ^= chance.randrange(1, 256)
    target = path.with_stem(f"{path.stem}_{share}")
    target.write_bytes(data)
    return target


def main() -> None:
    console = Console()
    with TemporaryDirectory() as name:
        folder = Path(name)
        decoding, batches = decoding_milliseconds()
        annotating = annotating_milliseconds(batches, folder)
        height, width = batches[0].frames["west"].image.shape[:2]
        console.print(f"frames of {width}x{height}: decoding {decoding:.2f} ms, annotated video {annotating:.2f} ms")
        table = Table("container", "bytes changed", "delivered", "damaged", "lost", title="damage")
        for suffix in (".mp4", ".ts", ".mkv", ".avi"):
            path = encoded(batches, folder / f"clip{suffix}")
            for share in SHARES:
                source = VideoFileSource("west", damaged(path, share))
                delivered = sum(1 for _ in source)
                source.close()
                cells = (f"{100 * share:g} %", f"{100 * delivered / len(batches):.1f} %")
                table.add_row(suffix[1:], *cells, str(source.damaged_frames), str(source.lost_frames))
        console.print(table)


if __name__ == "__main__":
    main()
