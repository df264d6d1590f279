"""Milliseconds a crop of OSNet x0.25 and x1.0 under every engine, and crops a second on a GPU where there is one.

    OMP_NUM_THREADS=2 python -m benchmarks.reid_speed [--rounds 5]

Weights are random: time does not depend on them. Engines take turns, so that a busy machine slows all alike; what is
printed is the median of the rounds. Input 256x128, float32 unless the name says otherwise.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from reid import weights
from reid.export import to_onnx, to_openvino, to_openvino_int8
from reid.extractor import OpenVinoSession, TorchSession
from reid.osnet import build
from reid.preprocess import InputSpec

THREADS = 2
BATCH = 16
GPU_BATCH = 256
Batch = NDArray[np.float32]
Infer = Callable[[Batch], object]


def engines(variant: str, folder: Path) -> dict[str, Infer]:
    """Every way to run the variant on the CPU, compiled and ready."""
    torch.manual_seed(0)
    source = folder / f"{variant}.safetensors"
    weights.save(build(variant), source, InputSpec().to_metadata())
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (256, 128, 3), np.uint8) for _ in range(16)]
    to_openvino(source, folder / "f32.xml")
    to_openvino_int8(source, folder / "int8.xml", pictures)
    to_onnx(source, folder / "f32.onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(folder / "f32.onnx", options, providers=["CPUExecutionProvider"])
    return {
        "torch eager": TorchSession(source).infer,
        "ONNX Runtime": lambda batch: session.run(None, {"images": batch}),
        "OpenVINO": OpenVinoSession(folder / "f32.xml", THREADS, "f32").infer,
        "OpenVINO bf16": OpenVinoSession(folder / "f32.xml", THREADS, "bf16").infer,
        "OpenVINO int8": OpenVinoSession(folder / "int8.xml", THREADS, "f32").infer,
    }


def milliseconds_a_crop(infer: Infer, batch: Batch) -> float:
    started = time.perf_counter()
    infer(batch)
    return (time.perf_counter() - started) / len(batch) * 1000


def cpu_table(rounds: int) -> Table:
    table = Table("network", "engine", "ms a crop", "times torch eager")
    batch = np.random.default_rng(0).normal(size=(BATCH, 3, 256, 128)).astype(np.float32)
    for variant in ("osnet_x0_25", "osnet_x1_0"):
        with TemporaryDirectory() as folder:
            ready = engines(variant, Path(folder))
            times: dict[str, list[float]] = {name: [] for name in ready}
            for turn in range(rounds + 1):
                for name, infer in ready.items():
                    spent = milliseconds_a_crop(infer, batch)
                    if turn:  # the first turn warms up
                        times[name].append(spent)
        eager = median(times["torch eager"])
        for name, spent_all in times.items():
            table.add_row(variant, name, f"{median(spent_all):.2f}", f"{eager / median(spent_all):.1f}")
    return table


def gpu_lines(rounds: int) -> list[str]:
    """Crops a second in half precision."""
    lines = []
    for variant in ("osnet_x0_25", "osnet_x1_0"):
        network = build(variant).eval().cuda().half().to(memory_format=torch.channels_last)
        images = torch.randn(GPU_BATCH, 3, 256, 128, device="cuda", dtype=torch.half)
        spent = []
        with torch.inference_mode():
            for _ in range(rounds + 1):
                torch.cuda.synchronize()
                started = time.perf_counter()
                network(images)
                torch.cuda.synchronize()
                spent.append(time.perf_counter() - started)
        lines.append(f"{variant} on {torch.cuda.get_device_name()}: {GPU_BATCH / median(spent[1:]):.0f} crops/s")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="rounds to measure, after one that warms up")
    rounds = parser.parse_args().rounds
    torch.set_num_threads(THREADS)
    console = Console(width=100)
    console.print(cpu_table(rounds))
    if torch.cuda.is_available():
        console.print("\n".join(gpu_lines(rounds)))


if __name__ == "__main__":
    main()
