import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.web.limits import RateLimit, RateLimiter


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_then_a_steady_rate() -> None:
    clock = Clock()
    limiter = RateLimiter(RateLimit(2, 3), clock)
    assert [limiter.wait_seconds("a") for _ in range(5)] == [0, 0, 0, 0.5, 0.5]
    assert limiter.wait_seconds("b") == 0
    clock.now = 0.5
    assert [limiter.wait_seconds("a") for _ in range(2)] == [0, 0.5]
    clock.now = 100
    assert [limiter.wait_seconds("a") for _ in range(4)] == [0, 0, 0, 0.5]


@given(st.lists(st.floats(0, 2), min_size=1, max_size=200))
def test_no_span_of_time_has_more_than_it_may(pauses: list[float]) -> None:
    clock, limit = Clock(), RateLimit(2, 3)
    limiter = RateLimiter(limit, clock)
    allowed = []
    for pause in pauses:
        clock.now += pause
        if limiter.wait_seconds("a") == 0:
            allowed.append(clock.now)
    for first, begin in enumerate(allowed):
        for last, end in enumerate(allowed[first:], first):
            assert last - first + 1 <= limit.burst + (end - begin) * limit.per_second + 1e-6


@given(st.lists(st.floats(0, 2), max_size=50))
def test_after_the_wait_one_may_go_on(pauses: list[float]) -> None:
    clock = Clock()
    limiter = RateLimiter(RateLimit(2, 3), clock)
    for pause in pauses:
        clock.now += pause
        wait = limiter.wait_seconds("a")
        if wait > 0:
            clock.now += wait * (1 + 1e-9) + 1e-9
            assert limiter.wait_seconds("a") == 0


def test_memory_is_bounded() -> None:
    limiter = RateLimiter(RateLimit(1, 1), Clock(), max_keys=2)
    assert [limiter.wait_seconds(key) for key in "abcb"] == [0, 0, 0, 1]
    assert limiter.wait_seconds("a") == 0  # forgotten meanwhile


@pytest.mark.parametrize(("per_second", "burst"), [(0, 1), (-1, 1), (1, 0)])
def test_limits_that_allow_nothing_are_refused(per_second: float, burst: int) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        RateLimit(per_second, burst)
