"""What this machine can compute on."""

import ctypes
import os
from functools import cache

from tracker.errors import OmnitrackError

_MOST_REQUESTS = 8


def available_cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parallel_requests() -> int:
    """Requests of a network that run side by side on the CPU: one a core, for the most pictures per second. Each
    holds the network's intermediate results in memory, so many cores share them.
    """
    return min(available_cores(), _MOST_REQUESTS)


@cache
def cuda_devices() -> int:
    """Number of CUDA devices, asked of the driver, so that a machine without one need not load torch to know."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


def resolve_devices(device: str) -> tuple[str, ...]:
    """Names of devices, cpu alone or cuda:0, cuda:1, ..., from what a configuration says: auto (all CUDA devices, cpu
    where there is none), cpu, cuda (all), or some of them, separated by commas. OmnitrackError for anything else.
    """
    count = cuda_devices() if device != "cpu" else 0
    if device == "cpu" or (device == "auto" and not count):
        return ("cpu",)
    if device == "cuda" and not count:
        raise OmnitrackError("device: there is no CUDA device; use auto or cpu")
    if device in ("auto", "cuda"):
        return tuple(f"cuda:{index}" for index in range(count))
    chosen = tuple(dict.fromkeys(name.strip() for name in device.split(",")))
    for one in chosen:
        name, _, index = one.partition(":")
        if name != "cuda" or not index.isdigit():
            raise OmnitrackError(f"device: {one!r} is unknown; use auto, cpu, cuda, cuda:0, or cuda:0,cuda:1")
        if int(index) >= count:
            raise OmnitrackError(f"device: {one} is not there, this machine has {count} CUDA devices; use auto")
    return chosen
