import pytest
from tenacity import Retrying, retry_always

from tracker.video.watchdog import Attempt, BackoffConfig, Watchdog, pauses


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


def slept(config: BackoffConfig, attempts: list[Attempt]) -> list[float]:
    """The pauses after attempts of which all but the last are followed by another."""
    seconds: list[float] = []
    waiting = list(attempts)
    retrying = Retrying(
        retry=retry_always,
        stop=lambda _: not waiting,
        wait=pauses(config),
        sleep=lambda pause: seconds.append(float(pause)),
        retry_error_callback=lambda _: None,
    )
    retrying(lambda: waiting.pop(0))
    return seconds


FAILED = Attempt("no route")


def test_pauses_double_up_to_the_longest_and_vary() -> None:
    first, second = (slept(BackoffConfig(1, 8), [FAILED] * 8) for _ in range(2))
    for pause, nominal in zip(first, [1, 2, 4, 8, 8, 8, 8], strict=True):
        assert nominal / 2 <= pause <= nominal
    assert len(set(first + second)) == 14, "also the longest ones differ"


def test_a_connection_that_held_starts_anew_and_a_flapping_one_does_not() -> None:
    config = BackoffConfig(1, 50, steady_seconds=10)
    flapping, steady = Attempt("lost", 2.0), Attempt("lost", 12.0)
    seconds = slept(config, [*[FAILED] * 5, flapping, steady, FAILED, FAILED])
    assert seconds[5] >= 16
    assert seconds[6] <= 1
    assert 1 <= seconds[7] <= 2
    assert slept(BackoffConfig(), [FAILED] * 5000)[-1] <= 15


def test_a_refused_password_is_tried_again_slowly() -> None:
    refused = Attempt("name or password refused", refused=True)
    (pause,) = slept(BackoffConfig(1, 8, refused_seconds=60), [refused, refused])
    assert 30 <= pause <= 60


@pytest.mark.parametrize("values", [(0, 1, 2), (2, 1, 3), (1, 3, 2)])
def test_pauses_must_be_ordered(values: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="first_seconds <= longest_seconds <= refused_seconds"):
        BackoffConfig(*values)
