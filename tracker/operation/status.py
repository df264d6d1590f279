"""How a run is, for whoever watches over it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from typing import Any, Protocol

from tracker.core.people import PeopleCount
from tracker.events.outbox import Outbox
from tracker.operation.timing import StageTimes
from tracker.ports import Step
from tracker.store.writer import WriterCounters
from tracker.video.camera import CameraHealth, CameraState

STALLED_SECONDS = 30.0
"""Without a step for so long although a camera delivers, something hangs."""


class Cameras(Protocol):
    """What is asked of the cameras in step; LiveBatcher has it."""

    @property
    def health(self) -> Mapping[str, CameraHealth]: ...
    @property
    def late_frames(self) -> Mapping[str, int]: ...
    @property
    def seconds(self) -> float:
        """Now, on the clock of the frames' t_seconds."""


@dataclass(slots=True)
class CameraCounts:
    """frames: that went through the pipeline. lag_seconds: from capture to result, of the last one."""

    frames: int = 0
    people: int = 0
    lag_seconds: float = 0.0


class RunStatus:
    """Counts what goes through; implements tracker.ports.Sink, as the last of all, and answers from any thread."""

    def __init__(
        self, cameras: Cameras, writer: WriterCounters, outboxes: Sequence[Outbox], times: StageTimes | None = None
    ) -> None:
        self.cameras = cameras
        self.writer = writer
        self.outboxes = outboxes
        self.times = times or StageTimes()
        self._lock = Lock()
        self._counts: dict[str, CameraCounts] = {}
        self._people = PeopleCount()
        self._steps = 0
        self._last_step = monotonic()

    def write(self, step: Step) -> None:
        now = self.cameras.seconds
        with self._lock:
            self._steps += 1
            self._last_step = monotonic()
            for camera, frame in step.batch.frames.items():
                counts = self._counts.setdefault(camera, CameraCounts())
                counts.frames += 1
                counts.people = len(step.detections.get(camera, ()))
                counts.lag_seconds = now - frame.t_seconds
            self._people.hear(step.events)

    def close(self) -> None:
        """Nothing is kept."""

    @property
    def steps(self) -> int:
        return self._steps

    @property
    def identities(self) -> int:
        """Confirmed so far, merged ones counted once."""
        with self._lock:
            return len(self._people)

    def counts(self) -> dict[str, CameraCounts]:
        """Of the cameras that take part now."""
        present = self.cameras.health
        with self._lock:
            counted = {name: counts for name, counts in self._counts.items() if name in present}
            return {name: CameraCounts(c.frames, c.people, c.lag_seconds) for name, c in counted.items()}

    def health(self) -> dict[str, Any]:
        """status: ok; degraded (a camera is away, or the disk is full, and the run goes on by itself afterwards);
        failing (no camera delivers, or nothing moves although one does). Ready for JSON, and without secrets.
        """
        cameras = self.cameras.health
        online = [health.state is CameraState.ONLINE for health in cameras.values()]
        stalled = any(online) and monotonic() - self._last_step > STALLED_SECONDS
        troubled = not all(online) or self.writer.paused_by is not None
        status = "failing" if stalled or not any(online) else "degraded" if troubled else "ok"
        now = monotonic()
        return {
            "status": status,
            "stalled": stalled,
            "database": self.writer.paused_by or "ok",
            "cameras": {
                name: {
                    "state": health.state.value,
                    "since_seconds": round(now - health.since_seconds, 1),
                    "problem": health.problem,
                    "losses": health.losses,
                }
                for name, health in cameras.items()
            },
        }
