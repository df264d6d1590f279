"""What this machine can carry: the cost of every stage, and the whole pipeline with more and more cameras."""

import resource
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import cycle, islice
from multiprocessing import get_context
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from time import perf_counter

from tracker.bootstrap import build_run
from tracker.cameras import open_cameras
from tracker.config import Config
from tracker.video.frame import FrameBatch

STAGES = ("decoding", "detection", "embedding", "tracking", "matching", "writing")
STAGE_OF = {
    "detect": "detection",
    "embed": "embedding",
    "select": "tracking",
    "track": "tracking",
    "match": "matching",
    "store": "writing",
    "events": "writing",
    "video": "writing",
}
"""By what a run itself measures."""
WARM_UP_STEPS = 3


@dataclass(frozen=True, slots=True)
class Load:
    """Whole pipeline with so many cameras. frames_per_second: of all together, once it runs; first_seconds: from the
    call to the first result; peak_mebibytes: of the whole process.
    """

    cameras: int
    frames_per_second: float
    first_seconds: float
    peak_mebibytes: float


def peak_mebibytes() -> float:
    """The most memory that this process ever had in use."""
    status = Path("/proc/self/status")
    if status.exists():  # unlike getrusage, not inherited from whoever started this process
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def repeated(config: Config, cameras: int) -> Config:
    """The configuration with so many cameras, its own over and over, and nothing written but the database."""
    sources = islice(cycle(config.cameras), cameras)
    named = tuple(c.model_copy(update={"name": f"c{i}"}) for i, c in enumerate(sources, 1))
    output = config.output.model_copy(update={"video": False, "mot": False, "timeline": False})
    return config.model_copy(update={"cameras": named, "output": output})


def loads(config: Config, counts: Iterable[int], frames: int) -> Iterator[Load]:
    """The pipeline with each number of cameras, over about so many frames of all together; each in a new process, so
    that memory is its own.
    """
    for cameras in counts:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            yield pool.submit(load, repeated(config, cameras), max(2, frames // cameras)).result()


def load(config: Config, steps: int) -> Load:
    """Run so many steps (or as many as the cameras have), and forget what was found."""
    began = perf_counter()
    instants: list[float] = []
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with build_run(config, folder, str(folder / "benchmark.db"), notify=_nobody) as run:
            instants.extend(perf_counter() for _ in islice(run.steps(), steps))
            frames = run.frames
        cameras = len(config.cameras)
        seconds = instants[-1] - instants[0]
        rate = (frames - cameras) / seconds if seconds else 0.0
        return Load(cameras, rate, instants[0] - began, peak_mebibytes())


def stage_milliseconds(config: Config, steps: int) -> dict[str, float]:
    """Mean milliseconds a frame of each of STAGES, one after the other: nothing overlaps, so that each has the machine
    for itself.
    """
    with TemporaryDirectory() as scratch, ExitStack() as opened:
        batches, decoding_seconds = _decoded(config, steps + WARM_UP_STEPS)
        folder = Path(scratch)
        run = opened.enter_context(build_run(config, folder, str(folder / "benchmark.db"), notify=_nobody))
        for batch in batches[:WARM_UP_STEPS]:
            run.pipeline.step(batch)
        before = run.times.totals()
        for batch in batches[WARM_UP_STEPS:]:
            run.pipeline.step(batch)
        after = run.times.totals()
    frames = sum(len(batch.frames) for batch in batches[WARM_UP_STEPS:])
    spent = dict.fromkeys(STAGES, 0.0)
    spent["decoding"] = decoding_seconds * frames / sum(len(batch.frames) for batch in batches)
    for name, (_, seconds) in after.items():
        spent[STAGE_OF[name]] += seconds - before.get(name, (0, 0.0))[1]
    return {stage: 1000 * seconds / frames for stage, seconds in spent.items()}


def _decoded(config: Config, steps: int) -> tuple[list[FrameBatch], float]:
    """So many steps, and the seconds that they took."""
    batcher, _ = open_cameras(config)
    with closing(batcher):
        began = perf_counter()
        return list(islice(batcher, steps)), perf_counter() - began


def most_cameras(results: Iterable[Load], frames_per_second: float) -> int:
    """How many cameras of that rate the machine carries, by its typical throughput."""
    return int(mean(result.frames_per_second for result in results) / frames_per_second)


def _nobody(line: str) -> None:
    """Takes what a user would be told at a start, which was told already."""
