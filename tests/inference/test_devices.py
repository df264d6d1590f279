import os

import pytest

from tracker.errors import OmnitrackError
from tracker.inference import devices
from tracker.inference.devices import available_cores, resolve_device


@pytest.mark.parametrize(("count", "expected"), [(0, "cpu"), (2, "cuda:0")])
def test_auto_takes_a_cuda_device_if_there_is_one(count: int, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "cuda_devices", lambda: count)
    assert resolve_device("auto") == expected
    assert resolve_device("cpu") == "cpu"


def test_device_that_is_there_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "cuda_devices", lambda: 2)
    assert resolve_device("cuda:1") == "cuda:1"
    with pytest.raises(OmnitrackError, match="cuda:2 is not there, this machine has 2"):
        resolve_device("cuda:2")


@pytest.mark.parametrize("device", ["gpu", "cuda", "cuda:", "cuda:one", "tpu:0", ""])
def test_unknown_device_is_refused(device: str) -> None:
    with pytest.raises(OmnitrackError, match="is unknown; use auto, cpu or cuda:0"):
        resolve_device(device)


def test_cores_are_those_that_the_process_may_use() -> None:
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert available_cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)
    assert available_cores() == len(allowed)
