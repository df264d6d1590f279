"""One reader process as its parent sees it."""

import contextlib
import os
import pickle
import subprocess
import sys
import threading
from multiprocessing import Pipe
from multiprocessing.connection import wait
from pathlib import Path

from tracker.video.reader import ReaderSettings
from tracker.video.reports import Ended, Opened
from tracker.video.ring import FrameRing, RingEntry, SharedFile

_TERMINATION_SECONDS = 0.5
_ROOT = Path(__file__).resolve().parents[2]


def _started(settings: ReaderSettings, descriptors: list[int]) -> "subprocess.Popen[bytes]":
    """A new interpreter: a fork of a process that runs OpenVINO's threads would hang, and multiprocessing would import
    the caller's main module, with whatever that needs, before the reader can begin. In a group of its own Ctrl-C does
    not reach it.
    """
    path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(
        [sys.executable, "-m", "tracker.video.reader_process", *map(str, descriptors)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        pass_fds=descriptors,
        env=os.environ | {"PYTHONPATH": path},
        process_group=0,
    )
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError), process.stdin:  # wait() will tell that it ended
        process.stdin.write(pickle.dumps(settings))
    return process


class ReaderSession:
    """Starts the process at once. wait() belongs to one thread; take() and terminate() may come from others.

    Raises OSError, and leaves nothing behind, when the system has no memory, processes or descriptors left.
    """

    def __init__(self, settings: ReaderSettings) -> None:
        self._ring: FrameRing | None = None
        self._ring_lock = threading.Lock()
        with contextlib.ExitStack() as kept, contextlib.ExitStack() as given:
            self._memory = SharedFile()
            kept.callback(self._memory.close)
            self._wake, wake_end = Pipe(duplex=False)
            kept.enter_context(self._wake)
            given.enter_context(wake_end)
            self._control, control_end = Pipe(duplex=False)
            kept.enter_context(self._control)
            given.enter_context(control_end)
            self._process = _started(settings, [self._memory.descriptor, wake_end.fileno(), control_end.fileno()])
            self._kept = kept.pop_all()

    def wait(self, timeout_seconds: float) -> Opened | Ended | bool:
        """What happened next: the stream was opened, the reader ended, or whether (True) there are new pictures."""
        ready = wait([self._control, self._wake], timeout_seconds)
        if self._control in ready:
            return self._message()
        return self._wake in ready and self._drained()

    def take(self, after: int) -> RingEntry | None:
        """A copy of the newest picture, if its number is above `after`."""
        with self._ring_lock:
            return None if self._ring is None else self._ring.take(after)

    def terminate(self) -> None:
        """Ask the process to end; wait() then returns Ended."""
        self._process.terminate()

    def close(self) -> None:
        """End the process, by force if it must be, and free everything."""
        self._process.terminate()
        if self._exit_code() is None:
            self._process.kill()
            self._process.wait()
        with self._ring_lock:
            if self._ring is not None:
                self._ring.close()
                self._ring = None
        self._kept.close()

    def _message(self) -> Opened | Ended:
        try:
            message: Opened | Ended = self._control.recv()
        except EOFError:
            return Ended(f"the reader process ended unexpectedly (exit code {self._exit_code()})")
        if isinstance(message, Opened):
            with self._ring_lock:
                self._ring = FrameRing(self._memory, message.width, message.height)
        return message

    def _exit_code(self) -> int | None:
        """None if it does not end within a moment."""
        try:
            return self._process.wait(_TERMINATION_SECONDS)
        except subprocess.TimeoutExpired:
            return None

    def _drained(self) -> bool:
        """Empty the pipe of wake-up bytes; False at its end, when the reader is about to report why."""
        return len(os.read(self._wake.fileno(), 1 << 16)) > 0
