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


def resolve_device(device: str) -> str:
    """Turn auto into cuda:0 where a CUDA device answers, else cpu; check any other value (OmnitrackError)."""
    if device == "auto":
        return "cuda:0" if cuda_devices() else "cpu"
    if device == "cpu":
        return device
    name, _, index = device.partition(":")
    if name != "cuda" or not index.isdigit():
        raise OmnitrackError(f"device: {device!r} is unknown; use auto, cpu or cuda:0, cuda:1, ...")
    if int(index) >= cuda_devices():
        raise OmnitrackError(f"device: {device} is not there, this machine has {cuda_devices()} CUDA devices; use auto")
    return device
