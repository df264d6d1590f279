"""A recorded camera among live ones: played as fast as it was recorded."""

import threading
from collections.abc import Callable
from dataclasses import replace
from time import monotonic

from tracker.errors import OmnitrackError
from tracker.ports import FrameSource
from tracker.video.camera import CameraHealth, CameraState
from tracker.video.frame import Frame

_LAST_FRAME_SECONDS = 0.5
"""The last frame is seen before the camera is lost."""


class ReplayedCamera:
    """Plays a recording once, from start() on; what LiveBatcher needs of a camera.

    Like a live camera it waits for nobody: a frame that nobody took gives way to the next. Times are those at which the
    frames are shown, in seconds since origin_seconds (monotonic), and time_offset_seconds is added. After the last
    frame the camera is lost once, so that its tracks end, and stays away.
    """

    def __init__(self, source: FrameSource, origin_seconds: float, time_offset_seconds: float = 0.0) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self._source = source
        self._origin = origin_seconds
        self._offset = time_offset_seconds
        self._lock = threading.Lock()
        self._health = CameraHealth(CameraState.CONNECTING, monotonic())
        self._next: Frame | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._play, name=f"replay {source.camera_id}", daemon=True)

    @property
    def camera_id(self) -> str:
        return self._source.camera_id

    @property
    def frames_per_second(self) -> float:
        return self._source.frames_per_second

    @property
    def lost_frames(self) -> int:
        return self.health.dropped + self._source.lost_frames

    @property
    def damaged_frames(self) -> int:
        return self._source.damaged_frames

    @property
    def health(self) -> CameraHealth:
        with self._lock:
            return self._health

    def start(self) -> None:
        """Begin to play; does nothing the second time."""
        if self._thread.ident is None:
            self._thread.start()

    def take(self) -> Frame | None:
        """The newest frame, if it was not taken before. Never waits."""
        with self._lock:
            frame, self._next = self._next, None
            if frame is not None:
                self._health = replace(self._health, taken=self._health.taken + 1)
            return frame

    def close(self) -> None:
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        self._source.close()

    def _play(self) -> None:
        problem = "the recording ended"
        try:
            self._show_all()
        except OmnitrackError as error:
            problem = str(error)
        with self._lock:
            losses = self._health.losses + (self._health.state is CameraState.ONLINE)
            self._health = replace(
                self._health, state=CameraState.OFFLINE, since_seconds=monotonic(), losses=losses, problem=problem
            )
        self.on_change()

    def _show_all(self) -> None:
        shift: float | None = None
        for frame in self._source:
            if shift is None:
                shift = monotonic() - self._origin - frame.t_seconds
            shown_seconds = frame.t_seconds + shift
            if self._closing.wait(max(0.0, shown_seconds + self._origin - monotonic())):
                return
            with self._lock:
                online = self._health.state is CameraState.ONLINE
                self._health = replace(
                    self._health,
                    state=CameraState.ONLINE,
                    since_seconds=self._health.since_seconds if online else monotonic(),
                    dropped=self._health.dropped + (self._next is not None),
                )
                arrival_seconds = monotonic() - self._origin + self._offset
                t_seconds = shown_seconds + self._offset
                self._next = replace(frame, t_seconds=t_seconds, t_arrival_seconds=arrival_seconds)
            self.on_change()
        self._closing.wait(_LAST_FRAME_SECONDS)
