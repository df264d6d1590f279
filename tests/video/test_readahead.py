"""Work ahead of a consumer: in order, bounded, and gone when it is closed."""

import threading
import time
from collections.abc import Iterator

import pytest

from tracker.video.readahead import computed_ahead


class Numbers:
    """0, 1, 2, ... without end, and how many were taken."""

    def __init__(self) -> None:
        self.taken = 0

    def __iter__(self) -> Iterator[int]:
        while True:
            self.taken += 1
            yield self.taken - 1


def slow_when_even(number: int) -> int:
    time.sleep(0.005 * (number % 2 == 0))
    return number * number


@pytest.mark.parametrize("ahead", [1, 2, 5])
def test_results_come_in_the_order_of_the_items(ahead: int) -> None:
    assert list(computed_ahead(slow_when_even, range(30), ahead, "square")) == [(n, n * n) for n in range(30)]


def test_without_anything_ahead_there_would_be_no_bound() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        next(computed_ahead(slow_when_even, range(3), 0, "square"))


def test_nothing_to_compute() -> None:
    assert list(computed_ahead(slow_when_even, [], 2, "square")) == []


@pytest.mark.parametrize("ahead", [1, 2, 5])
def test_items_are_taken_only_a_little_ahead(ahead: int) -> None:
    numbers = Numbers()
    results = computed_ahead(slow_when_even, numbers, ahead, "square")
    for _ in range(3):
        next(results)
    time.sleep(0.1)
    assert numbers.taken == 3 + ahead
    results.close()
    assert numbers.taken == 3 + ahead


def test_several_calls_are_under_way_at_once() -> None:
    meeting = threading.Barrier(3, timeout=60)
    assert [n for n, _ in computed_ahead(lambda _: meeting.wait(), range(6), 3, "meet")] == list(range(6))


def test_closing_ends_all_threads() -> None:
    before = set(threading.enumerate())
    results = computed_ahead(slow_when_even, Numbers(), 3, "square")
    next(results)
    results.close()
    assert set(threading.enumerate()) <= before


def test_an_error_of_the_items_comes_after_the_results_before_it() -> None:
    def failing() -> Iterator[int]:
        yield from range(3)
        raise OSError("cable pulled")

    results = computed_ahead(slow_when_even, failing(), 2, "square")
    assert [next(results)[1] for _ in range(3)] == [0, 1, 4]
    with pytest.raises(OSError, match="cable pulled"):
        next(results)
