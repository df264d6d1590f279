"""What a program that processes videos tells about itself, on one line of JSON."""

import json
import os
import resource
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path


def seconds_since_start() -> float:
    """Since this process began, imports included (Linux)."""
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


def peak_mebibytes() -> float:
    """Most memory that this process ever had in use (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def cpu_seconds() -> float:
    """Processor time of this process, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@dataclass(slots=True)
class Measurement:
    """Counts while a program works; report() once it is done. Times are seconds since the process began."""

    frames: int = 0
    boxes: int = 0
    first_seconds: float | None = None
    seconds: float = 0.0
    processor_seconds: float = 0.0
    peak_mebibytes: float = 0.0
    steps: int = field(default=0)

    def step(self, frames: int, boxes: int) -> None:
        """Results for so many frames are there; boxes: embeddings computed."""
        if self.first_seconds is None:
            self.first_seconds = seconds_since_start()
        self.steps += 1
        self.frames += frames
        self.boxes += boxes

    def report(self) -> None:
        self.seconds = seconds_since_start()
        self.processor_seconds = cpu_seconds()
        self.peak_mebibytes = peak_mebibytes()
        print(json.dumps(asdict(self)))
