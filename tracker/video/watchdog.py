"""When a camera counts as lost, and when it is tried again. No clock: callers pass monotonic seconds."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from tenacity import RetryCallState
from tenacity.wait import wait_exponential, wait_random, wait_random_exponential


class Watchdog:
    """Is a reader still delivering? The first frame has opening_seconds to come, every later one stale_seconds."""

    def __init__(self, now_seconds: float, opening_seconds: float, stale_seconds: float) -> None:
        self._opening_seconds = opening_seconds
        self._stale_seconds = stale_seconds
        self._began = now_seconds
        self._first: float | None = None
        self._last: float | None = None

    def frame(self, now_seconds: float) -> None:
        """A frame has come."""
        self._first = now_seconds if self._first is None else self._first
        self._last = now_seconds

    @property
    def delivering_seconds(self) -> float:
        """From the first frame to the last one."""
        return 0.0 if self._first is None or self._last is None else self._last - self._first

    def remaining_seconds(self, now_seconds: float) -> float:
        """Time left until the reader is overdue; <= 0 once it is."""
        if self._last is None:
            return self._began + self._opening_seconds - now_seconds
        return self._last + self._stale_seconds - now_seconds

    @property
    def complaint(self) -> str:
        """What to say when the reader is overdue."""
        if self._last is None:
            return f"no picture within {self._opening_seconds:g} s of connecting"
        return f"no picture for {self._stale_seconds:g} s"


@dataclass(frozen=True, slots=True)
class BackoffConfig:
    """Pauses between attempts in seconds: first, then doubling to longest; refused after a wrong password.

    steady_seconds: a connection that lasted this long makes the next pause the first one again.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    first_seconds: float = 1.0
    longest_seconds: float = 15.0
    refused_seconds: float = 60.0
    steady_seconds: float = 10.0

    def __post_init__(self) -> None:
        if not 0 < self.first_seconds <= self.longest_seconds <= self.refused_seconds:
            raise ValueError(
                "backoff needs 0 < first_seconds <= longest_seconds <= refused_seconds, "
                f"got {self.first_seconds}, {self.longest_seconds}, {self.refused_seconds}"
            )


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of a connection. delivering_seconds: from its first picture to its last, 0 if none came. refused:
    name and password were not accepted. reason: in words for people.
    """

    reason: str
    delivering_seconds: float = 0.0
    refused: bool = False


def pauses(config: BackoffConfig) -> Callable[[RetryCallState], float]:
    """The pause after each Attempt: exponential, with jitter. It lies between half of its nominal length and all of it,
    so that many cameras behind one switch do not come back at one instant. After a connection that held, attempts are
    counted anew.
    """
    first, longest = config.first_seconds / 2, config.longest_seconds / 2
    growing = wait_exponential(first, longest) + wait_random_exponential(first, longest)
    refused = wait_random(config.refused_seconds / 2, config.refused_seconds)

    def pause_seconds(state: RetryCallState) -> float:
        assert state.outcome is not None
        attempt: Attempt = state.outcome.result()
        if attempt.delivering_seconds >= config.steady_seconds:
            state.attempt_number = 1
        return refused(state) if attempt.refused else growing(state)

    return pause_seconds
