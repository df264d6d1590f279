import os

import pytest

from tracker.errors import OmnitrackError
from tracker.inference import devices
from tracker.inference.devices import available_cores, resolve_devices


@pytest.mark.parametrize(
    ("count", "device", "expected"),
    [
        (0, "auto", ("cpu",)),
        (1, "auto", ("cuda:0",)),
        (2, "auto", ("cuda:0", "cuda:1")),
        (2, "cpu", ("cpu",)),
        (2, "cuda", ("cuda:0", "cuda:1")),
        (2, "cuda:1", ("cuda:1",)),
        (3, "cuda:2, cuda:0", ("cuda:2", "cuda:0")),
        (3, "cuda:1,cuda:1", ("cuda:1",)),
    ],
)
def test_devices_are_those_that_are_there(
    count: int, device: str, expected: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "cuda_devices", lambda: count)
    assert resolve_devices(device) == expected


@pytest.mark.parametrize(
    ("count", "device", "complaint"),
    [
        (2, "cuda:2", "cuda:2 is not there, this machine has 2"),
        (2, "cuda:0,cuda:7", "cuda:7 is not there, this machine has 2"),
        (0, "cuda", "there is no CUDA device"),
        (0, "cuda:0", "cuda:0 is not there, this machine has 0"),
    ],
)
def test_device_that_is_not_there_is_refused(
    count: int, device: str, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "cuda_devices", lambda: count)
    with pytest.raises(OmnitrackError, match=complaint):
        resolve_devices(device)


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:one", "tpu:0", "", "cpu,cuda:0", "cuda:0;cuda:1"])
def test_unknown_device_is_refused(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "cuda_devices", lambda: 2)
    with pytest.raises(OmnitrackError, match="is unknown; use auto, cpu, cuda, cuda:0, or cuda:0,cuda:1"):
        resolve_devices(device)


def test_cores_are_those_that_the_process_may_use() -> None:
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert available_cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)
    assert available_cores() == len(allowed)
