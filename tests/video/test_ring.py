import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tracker.video.ring import FrameRing, SharedFile

SIZE = (64, 48)


@pytest.fixture
def ring() -> FrameRing:
    return FrameRing(SharedFile(), *SIZE)


def grey(value: int) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    return np.full((SIZE[1], SIZE[0], 3), value, np.uint8)


def test_nothing_yet(ring: FrameRing) -> None:
    assert ring.take(0) is None


def test_the_newest_picture_wins_and_is_given_once(ring: FrameRing) -> None:
    for number in range(1, 11):
        ring.publish(grey(number), arrival=number, captured=number - 0.5, camera_ahead=np.nan, errors=number)
    entry = ring.take(0)
    assert entry is not None
    assert (entry.sequence, entry.arrival, entry.captured, entry.errors) == (10, 10.0, 9.5, 10)
    assert np.isnan(entry.camera_ahead)
    np.testing.assert_array_equal(entry.image, grey(10))
    assert ring.take(entry.sequence) is None


def test_pictures_that_were_left_out_count(ring: FrameRing) -> None:
    ring.publish(grey(1), 0, 0, 0, 0)
    ring.publish(grey(2), 0, 0, 0, 0, left_out=7)  # eight further: the same slot
    entry = ring.take(1)
    assert entry is not None
    assert entry.sequence == 9
    np.testing.assert_array_equal(entry.image, grey(2))


def test_a_copy_stays_what_it_was(ring: FrameRing) -> None:
    ring.publish(grey(1), 0, 0, 0, 0)
    entry = ring.take(0)
    for number in range(2, 10):
        ring.publish(grey(number), 0, 0, 0, 0)
    assert entry is not None
    assert (entry.image == 1).all()


def test_memory_is_given_back(ring: FrameRing) -> None:
    before = len(os.listdir("/proc/self/fd"))
    maps = Path("/proc/self/maps").read_text().count("omnitrack-frames")
    file = SharedFile()
    other = FrameRing(file, *SIZE)
    assert Path("/proc/self/maps").read_text().count("omnitrack-frames") == maps + 1
    other.close()
    file.close()
    assert len(os.listdir("/proc/self/fd")) == before
    assert Path("/proc/self/maps").read_text().count("omnitrack-frames") == maps


def publish_many(file: SharedFile, count: int) -> None:
    ring = FrameRing(file, *SIZE)
    for number in range(1, count + 1):
        ring.publish(grey(number % 251), number, number, 0, 0)
        if number % 10 == 0:
            time.sleep(1e-4)  # now and then the reader catches up; in between it is overrun


def test_a_reader_never_sees_half_a_picture_of_another_process() -> None:
    count = 10_000
    file = SharedFile()
    ring = FrameRing(file, *SIZE)
    script = f"from tests.video.test_ring import *; publish_many(SharedFile({file.descriptor}), {count})"
    writer = subprocess.Popen([sys.executable, "-c", script], pass_fds=[file.descriptor])
    last = taken = 0
    while last < count:
        if (entry := ring.take(last)) is not None:
            assert (entry.image == entry.sequence % 251).all()
            assert entry.arrival == entry.sequence
            last = entry.sequence
            taken += 1
    assert writer.wait() == 0
    assert taken > 100
    ring.close()
    file.close()
