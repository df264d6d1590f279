"""Frames a second of a GPU, without decoding: YOLO11n at 640 and ten crops of OSNet x1.0 a frame.

    python -m benchmarks.gpu [--device cuda:0] [--batches 1 4 16 64] [--frames 2000]

Weights are random: time does not depend on them; so nobody is found, and the ten boxes a frame are made up. Pictures
are noise of 1920x1080. "networks" is both networks alone, on what lies on the device already; "program" is the
detector and the embedder of a run, from pictures in the machine's memory to boxes and vectors there: crops, upload,
letterbox and suppression included, people sought in one batch while those of the batch before are described. The share
is of the bf16 operations a second that a large matrix product reaches on this device. With `--device cpu` it only
shows that it runs.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch.utils.flop_counter import FlopCounterMode

from reid.embedder import CropEmbedder
from reid.osnet import build
from reid.preprocess import InputSpec
from tracker.core.types import FloatArray
from tracker.detection.torch_yolo import TorchYOLODetector
from tracker.detection.ultralytics_weights import quiet_ultralytics
from tracker.inference.spec import ModelFormat, ModelInput, ModelKind, ModelSpec
from tracker.inference.torch_session import TorchSession
from tracker.video.frame import Image
from tracker.video.readahead import computed_ahead

CROPS = 10
YOLO_INPUT = ModelInput(height=640, width=640)
CROP_INPUT = ModelInput(height=256, width=128, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
YOLO = ModelSpec(
    name="yolo11n with random weights",
    kind=ModelKind.DETECTOR,
    format=ModelFormat.BUILT_IN,
    licence="AGPL-3.0",
    variant="yolo11n",
    input=YOLO_INPUT,
)


def random_yolo() -> torch.nn.Module:
    with TemporaryDirectory() as folder:
        quiet_ultralytics(Path(folder))
        from ultralytics.models.yolo import model

        module: torch.nn.Module = model.YOLO("yolo11n.yaml", task="detect").model.fuse().eval()
    return module


def operations(module: torch.nn.Module, expected: ModelInput) -> int:
    """Floating-point operations for one picture; a multiplication with its addition counts two."""
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        module(torch.zeros(1, 3, *expected.size))
    return int(counter.get_total_flops())


class Clock:
    """Seconds of work on a device, which runs behind the program."""

    def __init__(self, device: str) -> None:
        self._wait: Callable[[], None] = torch.cuda.synchronize if device != "cpu" else lambda: None

    def seconds(self, work: Callable[[], object]) -> float:
        work()
        self._wait()
        began = time.perf_counter()
        work()
        self._wait()
        return time.perf_counter() - began


def bf16_limit(device: str, clock: Clock) -> float:
    """Operations a second of a large matrix product."""
    side, repeats = (8192, 20) if device != "cpu" else (512, 2)
    one = torch.randn(side, side, device=device, dtype=torch.bfloat16)
    return 2 * side**3 * repeats / clock.seconds(lambda: [one @ one for _ in range(repeats)])


@dataclass(frozen=True, slots=True)
class Bench:
    """Both networks on a device, and what they are given for each frame."""

    sought: TorchSession
    described: TorchSession
    detector: TorchYOLODetector
    embedder: CropEmbedder
    boxes_xyxy: FloatArray

    @classmethod
    def on(cls, device: str, yolo: torch.nn.Module, osnet: torch.nn.Module) -> Self:
        sought = TorchSession(yolo, device, (None, 3, *YOLO_INPUT.size), pixels=YOLO_INPUT)
        described = TorchSession(osnet, device, (None, 3, *CROP_INPUT.size), pixels=CROP_INPUT, chunk=256)
        corners = np.random.default_rng(0).uniform((0, 0), (1700, 700), (CROPS, 2))
        boxes = np.hstack([corners, corners + np.linspace((40, 100), (200, 350), CROPS)]).astype(np.float32)
        embedder = CropEmbedder(described, InputSpec(), "osnet_x1_0", 512)
        return cls(sought, described, TorchYOLODetector(sought, YOLO), embedder, boxes)

    def networks(self, batch: int, repeats: int) -> None:
        with torch.inference_mode():
            canvases = self.sought.upload(np.zeros((batch, *YOLO_INPUT.size, 3), np.uint8))
            crops = self.described.upload(np.zeros((batch * CROPS, *CROP_INPUT.size, 3), np.uint8))
            for _ in range(repeats):
                self.sought.compute(canvases)
                self.described.compute(crops)

    def program(self, images: Sequence[Image], repeats: int) -> None:
        for _ in computed_ahead(lambda _: self.detector.detect(images), range(repeats), 2, "detect"):
            self.embedder.embed(images, [self.boxes_xyxy] * len(images))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 16, 64])
    parser.add_argument("--frames", type=int, default=2000, help="for each row")
    given = parser.parse_args()
    if given.device != "cpu" and not torch.cuda.is_available():
        sys.exit(f"{given.device}: this machine has no CUDA device; --device cpu shows that the benchmark runs")
    torch.manual_seed(0)
    console, clock = Console(width=110), Clock(given.device)
    yolo, osnet = random_yolo(), build("osnet_x1_0").eval()
    frame_operations = operations(yolo, YOLO_INPUT) + CROPS * operations(osnet, CROP_INPUT)
    limit = bf16_limit(given.device, clock)
    name = torch.cuda.get_device_name(given.device) if given.device != "cpu" else "the CPU, in full precision"
    console.print(f"{name}: {limit / 1e12:.2f} bf16 TFLOP/s; {frame_operations / 1e9:.1f} GFLOP a frame")
    bench = Bench.on(given.device, yolo, osnet)
    table = Table("frames a batch", "what", "frames/s", "crops/s", "of the bf16 limit")
    for batch in given.batches:
        repeats = max(1, given.frames // batch)
        images = list(np.random.default_rng(1).integers(0, 256, (batch, 1080, 1920, 3), np.uint8))
        rows = {"networks": partial(bench.networks, batch, repeats), "program": partial(bench.program, images, repeats)}
        for what, work in rows.items():
            rate = repeats * batch / clock.seconds(work)
            share = f"{100 * rate * frame_operations / limit:.1f} %"
            table.add_row(str(batch), what, f"{rate:.1f}", f"{CROPS * rate:.0f}", share)
    console.print(table)


if __name__ == "__main__":
    main()
