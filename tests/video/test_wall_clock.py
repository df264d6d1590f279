from datetime import UTC, datetime, timedelta
from time import monotonic, time

import pytest
import time_machine

from tracker.video.wall_clock import WallClock


@pytest.mark.parametrize("jump", [timedelta(seconds=2), timedelta(hours=-1)])
def test_a_clock_that_is_set_later_changes_nothing(jump: timedelta) -> None:
    before, now = time(), monotonic()
    clock = WallClock()
    made = time()
    with time_machine.travel(datetime.now(UTC) + jump):
        assert before - 0.001 <= clock.seconds(now) <= made + 0.001
        assert WallClock().seconds(now) == pytest.approx(before + jump.total_seconds(), abs=1.0), "a new one follows"
