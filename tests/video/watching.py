"""Live cameras watched while they are read, for the tests: what came, when, and what became of the cameras."""

import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from time import monotonic

from tests.video.clips import NUMBERS, number_of
from tests.video.rtsp import RtspServer
from tracker.video.camera import CameraState, LiveConfig
from tracker.video.frame import Frame, FrameBatch
from tracker.video.live import LiveCamera
from tracker.video.live_batching import LiveBatcher
from tracker.video.watchdog import BackoffConfig

RATE = 10
"""Pictures a second of the clips that are served."""
_BACKOFF = BackoffConfig(0.2, 0.5, 60.0)
QUICK = LiveConfig(stale_seconds=3.0, opening_seconds=120.0, backoff=_BACKOFF)
"""For tests in which a silence is to be noticed."""
PATIENT = LiveConfig(stale_seconds=20.0, opening_seconds=120.0, backoff=_BACKOFF)
"""For tests in which a camera is there all the time, however busy the machine is with other things."""
NEVER = LiveConfig(stale_seconds=600.0, opening_seconds=600.0)
PASSWORD = "canary-7391"


class Watcher:
    """Runs a batcher in a thread and keeps what it gives; without `keep` only health tells what that was."""

    def __init__(
        self, urls: dict[str, str], config: LiveConfig = PATIENT, step_seconds: float = 0.0, keep: bool = True
    ) -> None:
        origin = monotonic()
        self.cameras = {name: LiveCamera(name, url, origin, config) for name, url in urls.items()}
        self.batcher = LiveBatcher(list(self.cameras.values()), origin)
        self.origin = origin
        self.batches: list[FrameBatch] = []
        self._ages: dict[str, list[float]] = {name: [] for name in urls}
        self._step_seconds = step_seconds
        self._keep = keep
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        for batch in self.batcher:
            if self._keep:
                for name, frame in batch.frames.items():
                    self._ages[name].append(monotonic() - self.origin - frame.t_seconds)
                self.batches.append(batch)
            time.sleep(self._step_seconds)

    def frames(self, name: str) -> list[Frame]:
        return [batch.frames[name] for batch in list(self.batches) if name in batch.frames]

    def ages(self, name: str) -> list[float]:
        """Seconds from the capture of each frame until it was here."""
        return list(self._ages[name])

    def state(self, name: str) -> CameraState:
        return self.cameras[name].health.state

    def losses(self, name: str) -> int:
        return sum(name in batch.lost_cameras for batch in list(self.batches))

    def wait(self, condition: Callable[[], bool], seconds: float = 240.0) -> float:
        """How long it took until the condition held."""
        began = monotonic()
        while not condition():
            assert monotonic() - began < seconds, {name: camera.health for name, camera in self.cameras.items()}
            time.sleep(0.01)
        return monotonic() - began

    def close(self) -> None:
        self.batcher.close()
        self._thread.join()


Serve = Callable[..., RtspServer]
Watch = Callable[..., Watcher]


def gaps(frames: list[Frame]) -> int:
    """Pictures missing between the first frame and the last one."""
    numbers = [number_of(frame.image) for frame in frames]
    return sum((later - earlier) % NUMBERS - 1 for earlier, later in pairwise(numbers))


def reader_processes() -> list[int]:
    children = [
        child for task in Path("/proc/self/task").iterdir() for child in (task / "children").read_text().split()
    ]
    return [int(child) for child in children if b"reader_process" in Path(f"/proc/{child}/cmdline").read_bytes()]
