"""Reader processes on a machine that is short of something."""

import os
import resource
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import pytest

from tests.video.watching import PATIENT
from tracker.errors import OmnitrackError
from tracker.video.live import LiveCamera
from tracker.video.probing import probe_camera
from tracker.video.reader import ReaderSettings
from tracker.video.reader_session import ReaderSession

NOWHERE = "rtsp://127.0.0.1:1/a"
NEEDED_DESCRIPTORS = 9
"""Shared memory, two pipes, standard input of the process, and how Popen hears that it began."""


@contextmanager
def free_descriptors(count: int) -> Iterator[None]:
    """No more than so many can be opened."""
    free = [os.dup(0) for _ in range(count + 1)]
    for descriptor in free:
        os.close(descriptor)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free[count], hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("free", range(NEEDED_DESCRIPTORS))
def test_a_reader_that_cannot_begin_leaves_no_descriptor_behind(free: int) -> None:
    before = os.listdir("/proc/self/fd")
    with free_descriptors(free), pytest.raises(OSError, match="Too many open files"):
        ReaderSession(ReaderSettings(NOWHERE, "tcp", 1.0, 1.0, None))
    assert os.listdir("/proc/self/fd") == before


@pytest.fixture
def no_processes(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When it was tried to start one."""
    tried: list[float] = []

    def refuse(*_: object, **__: object) -> None:
        tried.append(monotonic())
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    return tried


def test_a_camera_is_tried_again_when_the_machine_could_not_start_a_reader(no_processes: list[float]) -> None:
    camera = LiveCamera("gate", NOWHERE, monotonic(), PATIENT)
    camera.start()
    deadline = monotonic() + 60
    while len(no_processes) < 3 and monotonic() < deadline:
        time.sleep(0.01)
    problem = camera.health.problem
    camera.close()
    assert len(no_processes) >= 3
    assert problem == "cannot be read by this machine now: Resource temporarily unavailable"


@pytest.mark.usefixtures("no_processes")
def test_a_first_look_says_what_the_machine_lacks() -> None:
    with pytest.raises(OmnitrackError, match=r"camera gate: .*Resource temporarily unavailable"):
        probe_camera("gate", NOWHERE, PATIENT)
