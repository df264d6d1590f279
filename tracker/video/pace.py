"""Fewer pictures than a camera delivers."""

from collections.abc import Callable, Iterable, Iterator
from time import monotonic

from tracker.ports import FrameSource
from tracker.video.access_units import AccessUnit
from tracker.video.frame import Frame

_ROUNDING = 1e-6
_LATE_SECONDS = 1.0


class Pace:
    """Chooses among pictures so that no more than frames_per_second remain, evenly; None: all."""

    def __init__(self, frames_per_second: float | None) -> None:
        self._interval = 0.0 if frames_per_second is None else 1 / frames_per_second
        self._due = -float("inf")

    def takes(self, t_seconds: float) -> bool:
        """Whether the picture of this time (times grow) is one of them."""
        if t_seconds < self._due - _ROUNDING:
            return False
        in_time = t_seconds - self._due < self._interval
        self._due = (self._due if in_time else t_seconds) + self._interval
        return True


class PacedSource:
    """A recorded camera of which no more than frames_per_second are looked at; frames keep the numbers that they have
    in the recording. Implements tracker.ports.FrameSource.
    """

    def __init__(self, source: FrameSource, frames_per_second: float) -> None:
        self._source = source
        self._most = frames_per_second

    @property
    def camera_id(self) -> str:
        return self._source.camera_id

    @property
    def total_frames(self) -> int | None:
        total = self._source.total_frames
        return None if total is None else round(total * self.frames_per_second / self._source.frames_per_second)

    @property
    def frames_per_second(self) -> float:
        return min(self._most, self._source.frames_per_second)

    @property
    def picture_size(self) -> tuple[int, int] | None:
        return self._source.picture_size

    @property
    def lost_frames(self) -> int:
        return self._source.lost_frames

    @property
    def damaged_frames(self) -> int:
        return self._source.damaged_frames

    def __iter__(self) -> Iterator[Frame]:
        pace = Pace(self._most)
        return (frame for frame in self._source if pace.takes(frame.t_seconds))

    def close(self) -> None:
        self._source.close()


def without_backlog(
    units: Iterable[AccessUnit], now: Callable[[], float] = monotonic
) -> Iterator[tuple[AccessUnit, int]]:
    """Coded pictures of a camera, and how many were left out so far because the decoder does not keep up: when some
    have waited for a second, those before the newest one at which decoding can begin. None is waited for: where no
    such one has come yet, all are decoded. now: the clock of AccessUnit.arrived.
    """
    late: list[AccessUnit] = []
    left_out = 0
    for unit in units:
        if unit.packet.is_keyframe:
            left_out += len(late)
            late.clear()
        late.append(unit)
        if now() - unit.arrived < _LATE_SECONDS:
            yield from ((one, left_out) for one in late)
            late.clear()
    yield from ((one, left_out) for one in late)
