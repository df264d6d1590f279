"""One live camera: readers that are watched, killed when they hang, and started again."""

import logging
import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from time import monotonic
from typing import Any

from tenacity import RetryCallState, Retrying, retry_always, stop_when_event_set
from tenacity.nap import sleep_using_event

from tracker.video.camera import CameraHealth, CameraState, LiveConfig
from tracker.video.clips import ClipSettings
from tracker.video.frame import Frame
from tracker.video.reader import ReaderSettings
from tracker.video.reader_session import ReaderSession
from tracker.video.reports import Ended, Opened
from tracker.video.urls import masked
from tracker.video.watchdog import Attempt, Watchdog, pauses

_LOG = logging.getLogger(__name__)
_LEAST_STEP_SECONDS = 0.001
_PLAUSIBLE_DELAY_SECONDS, _CLOCK_ERROR_SECONDS = 5.0, 0.1


class LiveCamera:
    """A camera that never ends; implements tracker.ports.FrameSource, and take() for those who serve several.

    A thread of this process starts a reader process, watches it on the monotonic clock, kills it when no picture
    comes, and tries again after a growing pause, until close(). The end of the stream is a loss like any other.
    Times are capture times in seconds since origin_seconds (a monotonic time, one for all cameras of a run), so
    changes of the wall clock do nothing; they strictly increase, also over losses. time_offset_seconds is added.
    clips: what comes is kept there as well.

    on_change is called from that thread after every new picture and every change of state, and must be quick.
    """

    total_frames: int | None = None
    damaged_frames = 0  # what a reader's decoder guessed is not told

    def __init__(
        self,
        camera_id: str,
        url: str,
        origin_seconds: float,
        config: LiveConfig | None = None,
        time_offset_seconds: float = 0.0,
        clips: ClipSettings | None = None,
    ) -> None:
        self.camera_id = camera_id
        self.on_change: Callable[[], None] = lambda: None
        self._config = config or LiveConfig()
        self._url = url
        self._clips = clips
        self._shift = time_offset_seconds - origin_seconds
        self._changed = threading.Condition()  # its lock guards everything that changes
        self._health = CameraHealth(CameraState.CONNECTING, monotonic())
        self._session: ReaderSession | None = None
        self._sequence = self._index = self._earlier_errors = 0
        self._last_t = -float("inf")
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name=f"camera {camera_id}", daemon=True)

    def start(self) -> None:
        """Begin to connect; returns at once. Does nothing the second time."""
        if self._thread.ident is None:
            self._thread.start()

    @property
    def frames_per_second(self) -> float:
        """The rate that the camera states, else 25; for written videos only."""
        opened = self.health.opened
        rate = 25.0 if opened is None or opened.frames_per_second is None else opened.frames_per_second
        return min(rate, self._config.most_frames_per_second or rate)

    @property
    def lost_frames(self) -> int:
        """Frames that never reached the pipeline: dropped in favour of newer ones, or not decodable."""
        health = self.health
        return health.dropped + health.errors

    @property
    def health(self) -> CameraHealth:
        with self._changed:
            return self._health

    def take(self) -> Frame | None:
        """The newest frame, if it was not taken before. Never waits."""
        with self._changed:
            return self._take()

    def __iter__(self) -> Iterator[Frame]:
        """Frames as they come, always the newest, until close()."""
        self.start()
        while True:
            with self._changed:
                while (frame := self._take()) is None and not self._closing.is_set():
                    self._changed.wait()
            if frame is None:
                return
            yield frame

    def close(self) -> None:
        """End the reader and the thread; returns within about a second, whatever the camera does."""
        self._closing.set()
        with self._changed:
            if self._session is not None:
                self._session.terminate()  # ends the pipe that the thread waits for
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def _take(self) -> Frame | None:
        entry = None if self._session is None else self._session.take(self._sequence)
        if entry is None:
            return None
        captured = entry.captured
        if self._config.trust_camera_clock and -_PLAUSIBLE_DELAY_SECONDS < entry.camera_ahead < _CLOCK_ERROR_SECONDS:
            captured = entry.arrival + min(entry.camera_ahead, 0.0)
        self._health = replace(
            self._health,
            taken=self._health.taken + 1,
            dropped=self._health.dropped + entry.sequence - self._sequence - 1,
            errors=self._earlier_errors + entry.errors,
            delay_seconds=entry.arrival - captured,
            camera_ahead_seconds=None if math.isnan(entry.camera_ahead) else entry.camera_ahead,
        )
        self._sequence = entry.sequence
        self._last_t = max(captured + self._shift, self._last_t + _LEAST_STEP_SECONDS)
        self._index += 1
        return Frame(self.camera_id, self._index - 1, self._last_t, entry.image, entry.arrival + self._shift)

    def _supervise(self) -> None:
        for_ever = Retrying(
            retry=retry_always,
            stop=stop_when_event_set(self._closing),
            wait=pauses(self._config.backoff),
            sleep=sleep_using_event(self._closing),
            before_sleep=self._lost,
            retry_error_callback=lambda _: None,
        )
        for_ever(self._run_reader)
        self._change(state=CameraState.CLOSED)

    def _run_reader(self) -> Attempt:
        """One connection from beginning to end."""
        if self._closing.is_set():
            return Attempt("closed")
        config = self._config
        watchdog = Watchdog(monotonic(), config.opening_seconds, config.stale_seconds)
        try:
            ended = self._read(watchdog)
        except OSError as error:  # the system is short of something; it may have it again later
            ended = Ended(f"cannot be read by this machine now: {error.strerror or error}")
        return Attempt(ended.reason, watchdog.delivering_seconds, ended.refused)

    def _read(self, watchdog: Watchdog) -> Ended:
        """Raises OSError where there is no room for a reader process or its pictures."""
        config = self._config
        session = ReaderSession(
            ReaderSettings(
                self._url,
                config.transport,
                config.opening_seconds,
                config.stale_seconds,
                config.most_frames_per_second,
                config.hardware_decoding,
                self._clips,
            )
        )
        with self._changed:
            self._session, self._sequence = session, 0
        try:
            return self._watch(session, watchdog)
        finally:
            with self._changed:
                self._session = None
                self._earlier_errors = self._health.errors
            session.close()

    def _watch(self, session: ReaderSession, watchdog: Watchdog) -> Ended:
        while (remaining := watchdog.remaining_seconds(monotonic())) > 0:
            if self._closing.is_set():
                return Ended("closed")
            report = session.wait(remaining)
            if isinstance(report, Ended):
                return report
            if isinstance(report, Opened):
                self._change(opened=report)
            elif report:
                watchdog.frame(monotonic())
                if self._health.state is not CameraState.ONLINE:
                    opened = self._health.opened
                    _LOG.info("camera %s: online%s", self.camera_id, f" ({opened})" if opened else "")
                    self._change(state=CameraState.ONLINE, problem="")
                else:
                    self._change()
        return Ended(watchdog.complaint)

    def _lost(self, state: RetryCallState) -> None:
        assert state.outcome is not None
        attempt: Attempt = state.outcome.result()
        health, reason = self._health, masked(attempt.reason)
        if health.state is CameraState.ONLINE or health.problem != reason:  # the same problem is said once
            _LOG.warning("camera %s: offline: %s (%s)", self.camera_id, reason, masked(self._url))
        losses = health.losses + (health.state is CameraState.ONLINE)
        with self._changed:
            self._last_t = max(self._last_t, monotonic() + self._shift)  # nothing of before comes after this
        self._change(state=CameraState.OFFLINE, losses=losses, problem=reason)

    def _change(self, **fields: Any) -> None:
        with self._changed:
            if fields.get("state", self._health.state) is not self._health.state:
                fields["since_seconds"] = monotonic()
            self._health = replace(self._health, **fields)
            self._changed.notify_all()
        self.on_change()
