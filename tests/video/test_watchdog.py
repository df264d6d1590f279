import random

import pytest

from tracker.video.watchdog import Backoff, BackoffConfig, Watchdog


def test_the_first_picture_has_more_time_than_the_others() -> None:
    watchdog = Watchdog(100.0, opening_seconds=10.0, stale_seconds=5.0)
    assert watchdog.remaining_seconds(104.0) == pytest.approx(6.0)
    assert watchdog.remaining_seconds(111.0) <= 0
    assert watchdog.complaint == "no picture within 10 s of connecting"
    watchdog.frame(104.0)
    assert watchdog.remaining_seconds(104.0) == pytest.approx(5.0)
    watchdog.frame(108.0)
    assert watchdog.remaining_seconds(110.0) == pytest.approx(3.0)
    assert watchdog.remaining_seconds(113.0) <= 0
    assert watchdog.complaint == "no picture for 5 s"
    assert watchdog.delivering_seconds == pytest.approx(4.0)


def test_nothing_delivered() -> None:
    assert Watchdog(0.0, 1.0, 1.0).delivering_seconds == 0


def pauses(backoff: Backoff, count: int, connected_seconds: float = 0.0) -> list[float]:
    return [backoff.pause_seconds(connected_seconds, refused=False) for _ in range(count)]


def test_pauses_double_up_to_the_longest_and_vary() -> None:
    first, second = (pauses(Backoff(BackoffConfig(1, 8), random.Random(seed)), 7) for seed in (1, 2))
    for pause, nominal in zip(first, [1, 2, 4, 8, 8, 8, 8], strict=True):
        assert nominal / 2 <= pause <= nominal
    assert first != second


def test_a_connection_that_held_starts_anew_and_a_flapping_one_does_not() -> None:
    backoff = Backoff(BackoffConfig(1, 50, steady_seconds=10), random.Random(0))
    pauses(backoff, 5)
    assert backoff.pause_seconds(2.0, refused=False) >= 16
    assert backoff.pause_seconds(12.0, refused=False) <= 1
    assert pauses(Backoff(BackoffConfig(), random.Random(0)), 10_000)[-1] <= 15


def test_a_refused_password_is_tried_again_slowly() -> None:
    backoff = Backoff(BackoffConfig(1, 8, refused_seconds=60), random.Random(0))
    assert 30 <= backoff.pause_seconds(0.0, refused=True) <= 60


@pytest.mark.parametrize("values", [(0, 1, 2), (2, 1, 3), (1, 3, 2)])
def test_pauses_must_be_ordered(values: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="first_seconds <= longest_seconds <= refused_seconds"):
        BackoffConfig(*values)
