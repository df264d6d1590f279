from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.video.capture_clock import CaptureClock


def captured(stamps: list[float | None], arrivals: list[float]) -> list[float]:
    clock = CaptureClock()
    return [clock.capture_seconds(stamp, arrival) for stamp, arrival in zip(stamps, arrivals, strict=True)]


def test_varying_delays_are_taken_out() -> None:
    chance = np.random.default_rng(0)
    stamps = np.arange(600) / 10
    arrivals = 5000 + stamps + 0.05 + chance.exponential(0.04, 600)
    times = captured(stamps.tolist(), np.maximum.accumulate(arrivals).tolist())
    error = np.array(times) - (5000 + stamps + 0.05)
    assert np.abs(error[100:]).max() < 0.005  # the least delay is soon found
    assert np.abs(np.diff(times)[100:] - 0.1).max() < 0.005


def test_a_drifting_camera_clock_is_followed() -> None:
    stamps = np.arange(0, 3600, 0.2)
    arrivals = 5000 + stamps * (1 + 200e-6)  # 0.7 s an hour
    lag = arrivals - np.array(captured(stamps.tolist(), arrivals.tolist()))
    assert lag.min() >= 0
    assert lag.max() < 0.02


def test_a_frame_that_arrives_when_the_next_one_begins_was_captured_before_that() -> None:
    clock = CaptureClock()
    stamps = np.arange(10) / 5
    arrivals = 5000 + stamps + 0.2 + 0.01
    seen: list[float | None] = [None, *arrivals[:-1]]
    times = [clock.capture_seconds(*frame) for frame in zip(stamps, arrivals, seen, strict=True)]
    np.testing.assert_allclose(times[2:], 5000.01 + stamps[2:])


def test_without_stamps_capture_is_arrival() -> None:
    assert captured([None, None], [7.0, 7.3]) == [7.0, 7.3]


def test_stamps_that_begin_anew_are_mapped_anew() -> None:
    times = captured([100.0, 100.1, 0.0, 0.1, 1e6], [7.0, 7.1, 7.2, 7.3, 7.4])
    np.testing.assert_allclose(times, [7.0, 7.1, 7.2, 7.3, 7.4])


def test_a_burst_after_a_stall_keeps_the_distances_of_its_stamps() -> None:
    times = captured([0.0, 0.1, 0.2, 0.3, 0.4], [7.0, 7.1, 9.0, 9.001, 9.002])
    np.testing.assert_allclose(times, [7.0, 7.1, 7.2, 7.3, 7.4])


@pytest.mark.parametrize(("stall_seconds", "burst"), [(5.0, [17.0, 17.001]), (20.0, [7.2, 7.3])])
def test_a_stall_that_is_no_loss_is_not_taken_for_new_stamps(stall_seconds: float, burst: list[float]) -> None:
    clock = CaptureClock(stall_seconds=stall_seconds)
    frames = [(0.0, 7.0), (0.1, 7.1), (0.2, 17.0), (0.3, 17.001)]
    times = [clock.capture_seconds(stamp, arrival) for stamp, arrival in frames]
    np.testing.assert_allclose(times[2:], burst, atol=1e-3)


@given(
    st.lists(st.tuples(st.one_of(st.none(), st.floats(-1e5, 1e5)), st.floats(1e-3, 100)), max_size=30),
)
def test_times_increase_and_nothing_is_captured_after_it_arrived(frames: list[tuple[float | None, float]]) -> None:
    arrivals = (1000 + np.cumsum([gap for _, gap in frames])).tolist()
    times = captured([stamp for stamp, _ in frames], arrivals)
    assert all(later > earlier for earlier, later in pairwise(times))
    assert all(time <= arrival + 1e-6 for time, arrival in zip(times, arrivals, strict=True))


def test_two_clocks_know_nothing_of_each_other() -> None:
    first, second = CaptureClock(), CaptureClock()
    assert first.capture_seconds(0.0, 10.0) == 10.0
    assert second.capture_seconds(50.0, 11.0) == 11.0
    assert first.capture_seconds(1.0, 11.5) == pytest.approx(11.0)
