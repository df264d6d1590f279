"""What a program that processes videos tells about itself, on one line of JSON."""

import json
import os
import resource
import time
from dataclasses import asdict, dataclass
from pathlib import Path


def seconds_since_start() -> float:
    """Since this process began, imports included (Linux)."""
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


def peak_mebibytes() -> float:
    """Most memory that this process ever had in use (Linux); unlike getrusage's, not inherited from its parent."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def cpu_seconds() -> float:
    """Processor time of this process, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@dataclass(slots=True)
class Measurement:
    """Counts while a program works; report() once it is done. Times are seconds since the process began; steady is what
    holds after the first result: frames a second, and milliseconds of processor time (all threads) a frame.
    """

    frames: int = 0
    boxes: int = 0
    first_seconds: float | None = None
    seconds: float = 0.0
    processor_seconds: float = 0.0
    peak_mebibytes: float = 0.0
    steady_frames_per_second: float = 0.0
    steady_processor_milliseconds: float = 0.0
    first_frames: int = 0
    first_processor_seconds: float = 0.0
    last_seconds: float = 0.0

    def step(self, frames: int, boxes: int) -> None:
        """Results for so many frames are there; boxes: embeddings computed."""
        self.last_seconds = seconds_since_start()
        if self.first_seconds is None:
            self.first_seconds, self.first_frames = self.last_seconds, frames
            self.first_processor_seconds = cpu_seconds()
        self.frames += frames
        self.boxes += boxes

    def report(self) -> None:
        self.seconds = seconds_since_start()
        if self.first_seconds is not None and self.last_seconds > self.first_seconds:
            worked = self.last_seconds - self.first_seconds
            frames = self.frames - self.first_frames
            self.steady_frames_per_second = frames / worked
            self.steady_processor_milliseconds = 1000 * (cpu_seconds() - self.first_processor_seconds) / frames
        self.processor_seconds = cpu_seconds()
        self.peak_mebibytes = peak_mebibytes()
        print(json.dumps(asdict(self)))
