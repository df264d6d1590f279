"""Times of frames from what the container says about them."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

_SMALLEST_STEP = 0.05  # of a period; less is the same moment, said twice


def presentation_times(
    stamped: Iterable[tuple[float | None, T]], origin_seconds: float | None, period_seconds: float
) -> Iterator[tuple[float, T]]:
    """Strictly increasing times in seconds for frames in order of presentation.

    stamped: (stamp in seconds or None, frame). origin_seconds: the stamp that means 0; None takes the first one.
    period_seconds: 1 / nominal rate, > 0.

    A stamp is believed when it advances and the next one does not fall back behind it: a single stamp that leaps
    ahead is damage, a gap that lasts is not. A frame whose stamp is missing or not believed comes one period after
    the frame before it. The generator holds one frame back, because it looks at the next stamp.
    """
    last = -period_seconds
    pending: tuple[float | None, T] | None = None
    for stamp, item in stamped:
        if stamp is not None:
            origin_seconds = stamp if origin_seconds is None else origin_seconds
            stamp -= origin_seconds
        if pending is not None:
            last = _next_time(pending[0], stamp, last, period_seconds)
            yield last, pending[1]
        pending = (stamp, item)
    if pending is not None:
        yield _next_time(pending[0], None, last, period_seconds), pending[1]


def _next_time(stamp: float | None, following: float | None, last: float, period_seconds: float) -> float:
    if stamp is None or stamp < 0 or stamp - last < _SMALLEST_STEP * period_seconds:
        return last + period_seconds
    leaps = following is not None and last < following <= stamp
    return last + period_seconds if leaps else stamp
