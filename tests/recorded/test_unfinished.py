"""Recordings of runs that were killed, met a full disk, or go on for ever."""

import errno
import fcntl
import os
import random
import resource
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.recorded.victim import INTERVAL_SECONDS, seen_in, step_of
from tracker.errors import OmnitrackError
from tracker.recorded.files import Recording, read_recording
from tracker.recorded.joining import unfinished
from tracker.recorded.journal import MAGIC
from tracker.recorded.sink import BLOCK_SECONDS, RecordingSink

ROOT = Path(__file__).parents[2]


def begun(folder: Path, pictures: int) -> RecordingSink:
    """A run that has recorded so much and goes on."""
    sink = RecordingSink(folder, {"gate": 0.0}, "osnet")
    for number in range(pictures):
        sink.write(step_of(number))
    return sink


def killed(sink: RecordingSink) -> None:
    """What is left is what a killed process leaves: nothing that waited is written."""
    for recording in sink._recordings.values():
        recording.end()


def require_right(recording: Recording) -> None:
    """Every picture holds what was seen in it."""
    for number, found in enumerate(recording.frames):
        expected = seen_in(number)
        np.testing.assert_array_equal(found.boxes_xyxy, expected.boxes_xyxy)
        np.testing.assert_array_equal(found.scores, expected.scores)
        np.testing.assert_array_equal(found.sharpness, expected.sharpness)
        assert found.embeddings is not None
        assert expected.embeddings is not None
        np.testing.assert_allclose(found.embeddings, expected.embeddings, atol=1e-3)
    np.testing.assert_allclose(recording.times(None), np.arange(len(recording.frames)) * INTERVAL_SECONDS)


def test_ten_kills_lose_no_more_than_the_last_seconds(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    moments = random.Random(5)
    for kill in range(10):
        folder = tmp_path / str(kill)
        folder.mkdir()
        command = [sys.executable, "-m", "tests.recorded.victim", str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as victim:
            assert victim.stdout is not None
            said = [victim.stdout.readline() for _ in range(moments.randrange(30, 400))]
            victim.send_signal(signal.SIGKILL)
            said += victim.stdout.read().split()
            last = int(said[-1])
        caplog.clear()
        recording = read_recording("gate", folder / "gate.npz")
        require_right(recording)
        assert len(recording.frames) >= last - BLOCK_SECONDS / INTERVAL_SECONDS
        assert [path.name for path in folder.iterdir()] == ["gate.npz"]
        (line,) = caplog.messages
        assert line.endswith(
            f"was killed, or could not finish it; what it saw is here, up to second {recording.times(None)[-1]:.1f}"
        )


def test_a_run_that_ends_leaves_its_recording_only(tmp_path: Path) -> None:
    begun(tmp_path, 57).close()
    recording = read_recording("gate", tmp_path / "gate.npz")
    assert (len(recording.frames), recording.image_size, recording.embedder) == (57, (200, 120), "osnet")
    require_right(recording)
    assert [path.name for path in tmp_path.iterdir()] == ["gate.npz"]


def test_a_camera_that_shows_nothing_has_an_empty_recording(tmp_path: Path) -> None:
    begun(tmp_path, 0).close()
    assert read_recording("gate", tmp_path / "gate.npz").frames == ()


@pytest.mark.parametrize("cut", [1, 20, 200, 5000])
def test_what_was_cut_off_or_damaged_does_not_count(tmp_path: Path, cut: int) -> None:
    killed(begun(tmp_path, 200))
    left = unfinished(tmp_path / "gate.npz")
    whole = left.read_bytes()
    left.write_bytes(whole[:-cut])
    require_right(read_recording("gate", tmp_path / "gate.npz"))
    (tmp_path / "gate.npz").unlink()
    left.write_bytes(whole[:-cut] + b"\0" * cut)
    recording = read_recording("gate", tmp_path / "gate.npz")
    assert 100 < len(recording.frames) < 200
    require_right(recording)


def test_a_block_whose_length_was_damaged_ends_the_recording(tmp_path: Path) -> None:
    killed(begun(tmp_path, 60))
    left = unfinished(tmp_path / "gate.npz")
    data = bytearray(left.read_bytes())
    lengths = data.index(b"osnet\n") + len(b"osnet\n") + 4
    data[lengths : lengths + 8] = b"\xff" * 8
    left.write_bytes(data)
    assert read_recording("gate", tmp_path / "gate.npz").frames == ()


def test_another_run_to_the_same_place_leaves_it_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As often as it is killed; and an earlier recording that is whole stays, too."""
    begun(tmp_path, 31).close()
    for pictures in (61, 101):
        killed(begun(tmp_path, pictures))
    begun(tmp_path, 41).close()
    names = ["gate.npz", "gate.interrupted-1.npz", "gate.interrupted-2.npz"]
    assert [line.split()[-1] for line in caplog.messages] == [str(tmp_path / name) for name in names[1:]]
    found = [read_recording("gate", tmp_path / name) for name in names]
    assert [len(recording.frames) for recording in found] == [41, 42, 84]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_a_recording_that_is_asked_for_stays_what_it_was(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    begun(tmp_path, 31).close()
    killed(begun(tmp_path, 61))
    assert len(read_recording("gate", tmp_path / "gate.npz").frames) == 31
    (line,) = caplog.messages
    assert line.startswith(f"{tmp_path}/gate.npz: this is an older recording, which is whole; the newer one was not")
    assert line.endswith(f"is now named {tmp_path}/gate.interrupted-1.npz")


@pytest.mark.parametrize("earlier", [False, True])
def test_the_unfinished_file_may_be_named_itself(tmp_path: Path, earlier: bool) -> None:
    if earlier:
        begun(tmp_path, 31).close()
    killed(begun(tmp_path, 61))
    left = unfinished(tmp_path / "gate.npz")
    assert len(read_recording("gate", left).frames) == 42
    assert not left.exists()


def test_a_run_that_was_killed_at_once_leaves_no_trace(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    killed(begun(tmp_path, 3))
    begun(tmp_path, 41).close()
    assert caplog.messages == []
    assert [path.name for path in tmp_path.iterdir()] == ["gate.npz"]


def test_what_is_being_recorded_is_left_to_its_run(tmp_path: Path) -> None:
    sink = begun(tmp_path, 61)
    with pytest.raises(OmnitrackError, match=r"gate\.npz: a run is recording this; wait for its end"):
        read_recording("gate", tmp_path / "gate.npz")
    with pytest.raises(OmnitrackError, match=r"gate\.npz: another run is recording this; choose another --out"):
        begun(tmp_path, 1)
    sink.close()
    again = begun(tmp_path, 21)
    assert len(read_recording("gate", tmp_path / "gate.npz").frames) == 61, "the earlier one can be read meanwhile"
    again.close()


def test_what_is_no_recording_is_not_touched(tmp_path: Path) -> None:
    unfinished(tmp_path / "gate.npz").write_text("something else")
    for attempt in (lambda: read_recording("gate", tmp_path / "gate.npz"), lambda: begun(tmp_path, 1)):
        with pytest.raises(OmnitrackError, match=r"gate\.npz\.unfinished: not a recording that a run left"):
            attempt()
    assert unfinished(tmp_path / "gate.npz").read_text() == "something else"


@pytest.mark.parametrize("name", ["gate.npz", "gate.npz.unfinished"])
def test_a_place_that_cannot_be_written_is_told_before_anything_is_recorded(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(OmnitrackError, match=rf"{name}: cannot be"):
        begun(tmp_path, 1)


@pytest.mark.parametrize("begins", [b"", b"omnitrack rec", MAGIC, MAGIC + b"osn"])
@pytest.mark.parametrize("earlier", [False, True])
def test_a_file_whose_beginning_is_not_whole_is_in_nobodys_way(tmp_path: Path, begins: bytes, earlier: bool) -> None:
    if earlier:
        begun(tmp_path, 31).close()
    unfinished(tmp_path / "gate.npz").write_bytes(begins)
    assert len(read_recording("gate", tmp_path / "gate.npz").frames) == (31 if earlier else 0)
    unfinished(tmp_path / "gate.npz").write_bytes(begins)
    begun(tmp_path, 41).close()
    assert [path.name for path in tmp_path.iterdir()] == ["gate.npz"]
    assert len(read_recording("gate", tmp_path / "gate.npz").frames) == 41


def test_a_disk_that_is_full_from_the_start_leaves_no_file(tmp_path: Path) -> None:
    with (
        files_no_longer_than(0),
        pytest.raises(OmnitrackError, match=r"unfinished: cannot be written \(File too large"),
    ):
        begun(tmp_path, 1)
    assert list(tmp_path.iterdir()) == []


def fake_lock_of_a_file_system(
    monkeypatch: pytest.MonkeyPatch, refuses: Callable[[str], bool], number: int = errno.EBADF
) -> None:
    """A fake: a real network file system cannot be mounted in a test. refuses: told the mode of the opened file."""
    real = fcntl.flock

    def flock(file: Any, operation: int) -> None:
        if refuses(file.mode):
            raise OSError(number, os.strerror(number))
        real(file, operation)

    monkeypatch.setattr("tracker.recorded.journal.fcntl.flock", flock)


def test_files_are_opened_so_that_a_network_file_system_locks_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There an exclusive lock needs a file that was opened for writing."""
    fake_lock_of_a_file_system(monkeypatch, lambda mode: mode == "rb")
    begun(tmp_path, 57).close()
    require_right(read_recording("gate", tmp_path / "gate.npz"))


def test_without_locks_every_camera_is_told_and_no_recording_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = RecordingSink(tmp_path, {"gate": 0.0, "yard": 0.0}, "osnet")
    for number in range(40):
        sink.write(step_of(number))
        sink.write(step_of(number, "yard"))
    with monkeypatch.context() as patched:
        fake_lock_of_a_file_system(patched, lambda _: True, errno.ENOLCK)
        with pytest.raises(OmnitrackError, match=r"gate\.npz\.unfinished: cannot be read .*; .*yard\.npz\.unfinished"):
            sink.close()
        with pytest.raises(OmnitrackError, match=r"hall\.npz\.unfinished: cannot be written \(No locks available\)"):
            RecordingSink(tmp_path, {"hall": 0.0}, "osnet")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gate.npz.unfinished", "yard.npz.unfinished"]
    require_right(read_recording("gate", tmp_path / "gate.npz"))


@contextmanager
def files_no_longer_than(n_bytes: int) -> Iterator[None]:
    """A disk that is full as soon as a file is so long."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_ends_the_recording_and_not_the_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with files_no_longer_than(5000):
        sink = begun(tmp_path, 400)
        (line,) = caplog.messages
        assert "gate.npz: cannot be written (File too large); the recording ends at second" in line
        with pytest.raises(OmnitrackError, match="ends at second") as raised:
            sink.close()
    assert str(raised.value) in line
    recording = read_recording("gate", tmp_path / "gate.npz")
    assert f"second {len(recording.frames) * INTERVAL_SECONDS:.1f};" in line
    require_right(recording)
    assert 40 < len(recording.frames) < 200


@pytest.mark.parametrize("earlier", [False, True])
def test_what_cannot_be_made_whole_in_the_end_is_made_whole_later(tmp_path: Path, earlier: bool) -> None:
    """By the name that the run tells; what an earlier run recorded keeps its own."""
    if earlier:
        begun(tmp_path, 31).close()
    sink = begun(tmp_path, 100)
    with files_no_longer_than(2000), pytest.raises(OmnitrackError) as raised:
        sink.close()
    assert str(raised.value) == (
        f"{tmp_path}/gate.npz: cannot be written (File too large); what was recorded is kept in "
        f"{tmp_path}/gate.npz.unfinished, and a command that is given this name tries again"
    )
    assert (tmp_path / "gate.npz").exists() == earlier
    recording = read_recording("gate", tmp_path / "gate.npz.unfinished")
    assert len(recording.frames) > 80
    require_right(recording)
    assert len(read_recording("gate", tmp_path / "gate.npz").frames) == (31 if earlier else len(recording.frames))


def test_a_camera_that_returns_or_joins_later_is_recorded_on(tmp_path: Path) -> None:
    sink = begun(tmp_path, 30)
    for number in range(30):
        step = step_of(number, "yard")
        sink.write(step)
    sink.close()
    assert len(read_recording("yard", tmp_path / "yard.npz").frames) == 30


def test_memory_does_not_grow_with_the_run(tmp_path: Path) -> None:
    """Neither while it goes on nor when the recording is made whole."""

    def most(pictures: int) -> tuple[int, int]:
        tracemalloc.start()
        try:
            sink = RecordingSink(tmp_path, {"gate": 0.0}, "osnet")
            for number in range(pictures):
                sink.write(step_of(number, dimension=256))
            running = tracemalloc.get_traced_memory()[1]
            tracemalloc.reset_peak()
            sink.close()
            return running, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    most(100)  # what is imported and cached
    (short_run, short_end), (long_run, long_end) = most(500), most(5000)
    assert (tmp_path / "gate.npz").stat().st_size > 4_000_000
    assert long_run < 1.2 * short_run
    assert long_end < 1.2 * short_end + 450 * 200, "beside the places of the blocks"
