"""When a camera counts as lost, and when it is tried again. No clock: callers pass monotonic seconds."""

import random
from dataclasses import dataclass
from typing import ClassVar


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


class Backoff:
    """Exponential pauses with jitter: a pause lies between half of its nominal length and all of it, so that many
    cameras behind one switch do not come back at one instant.
    """

    def __init__(self, config: BackoffConfig, chance: random.Random) -> None:
        self._config = config
        self._chance = chance
        self._failures = 0

    def pause_seconds(self, connected_seconds: float, refused: bool) -> float:
        """The pause after a connection that delivered for connected_seconds (0: none came about)."""
        if connected_seconds >= self._config.steady_seconds:
            self._failures = 0
        nominal = min(self._config.first_seconds * 2.0 ** min(self._failures, 30), self._config.longest_seconds)
        self._failures += 1
        return (self._config.refused_seconds if refused else nominal) * self._chance.uniform(0.5, 1.0)
