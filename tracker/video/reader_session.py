"""One reader process as its parent sees it."""

import multiprocessing
import os
import threading
from multiprocessing.connection import wait

from tracker.video.reader import Ended, Opened, ReaderSettings, read_camera
from tracker.video.ring import FrameRing, RingEntry, SharedFile

_SPAWN = multiprocessing.get_context("spawn")  # a fork of a process that runs OpenVINO's threads would hang
_TERMINATION_SECONDS = 0.5


class ReaderSession:
    """Starts the process at once. wait() belongs to one thread; take() and terminate() may come from others."""

    def __init__(self, settings: ReaderSettings) -> None:
        self._memory = SharedFile()
        self._ring: FrameRing | None = None
        self._ring_lock = threading.Lock()
        self._wake, wake_end = _SPAWN.Pipe(duplex=False)
        self._control, control_end = _SPAWN.Pipe(duplex=False)
        arguments = (settings, self._memory, wake_end, control_end)
        self._process = _SPAWN.Process(target=read_camera, args=arguments, daemon=True)
        self._process.start()
        wake_end.close()
        control_end.close()

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
        self._process.join(_TERMINATION_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()
        self._wake.close()
        self._control.close()
        with self._ring_lock:
            if self._ring is not None:
                self._ring.close()
                self._ring = None
        self._memory.close()

    def _message(self) -> Opened | Ended:
        try:
            message: Opened | Ended = self._control.recv()
        except EOFError:
            self._process.join(_TERMINATION_SECONDS)
            return Ended(f"the reader process ended unexpectedly (exit code {self._process.exitcode})")
        if isinstance(message, Opened):
            with self._ring_lock:
                self._ring = FrameRing(self._memory, message.width, message.height)
        return message

    def _drained(self) -> bool:
        """Empty the pipe of wake-up bytes; False at its end, when the reader is about to report why."""
        return len(os.read(self._wake.fileno(), 1 << 16)) > 0
