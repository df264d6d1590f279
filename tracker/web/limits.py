"""How often somebody may ask."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RateLimit:
    """per_second requests on average, and up to burst at once."""

    per_second: float = 20.0
    burst: int = 100

    def __post_init__(self) -> None:
        if self.per_second <= 0 or self.burst < 1:
            raise ValueError(f"per_second must be above 0 and burst at least 1, got {self.per_second}, {self.burst}")


class RateLimiter:
    """A token bucket for each key. Threads may share it; the keys seen longest ago are forgotten beyond max_keys."""

    def __init__(self, limit: RateLimit, clock: Callable[[], float], *, max_keys: int = 10_000) -> None:
        self._limit, self._clock, self._max_keys = limit, clock, max_keys
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # what is left, as of when
        self._lock = threading.Lock()

    def wait_seconds(self, key: str) -> float:
        """Take one request off the key's account: 0 if it may go on, else how long until it may (nothing is taken)."""
        with self._lock:
            now = self._clock()
            left, since = self._buckets.pop(key, (float(self._limit.burst), now))
            left = min(left + (now - since) * self._limit.per_second, float(self._limit.burst))
            allowed = left >= 1
            self._buckets[key] = (left - 1 if allowed else left, now)
            if len(self._buckets) > self._max_keys:
                self._buckets.popitem(last=False)
            return 0.0 if allowed else (1 - left) / self._limit.per_second
