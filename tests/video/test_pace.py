"""Pictures left out where a decoder does not keep up."""

from typing import cast

import av
import pytest
from av.video.stream import VideoStream

from tracker.video.access_units import AccessUnit
from tracker.video.pace import without_backlog


def unit(number: int, arrived: float, *, key: bool) -> AccessUnit:
    packet = cast("av.Packet[VideoStream]", av.Packet(bytes([number])))
    packet.is_keyframe = key
    return AccessUnit(packet, arrived, arrived, float("nan"))


@pytest.mark.parametrize(
    ("ages", "keys", "expected"),
    [
        ([0.0, 0.0, 0.5, 0.0], {0}, [(0, 0), (1, 0), (2, 0), (3, 0)]),
        ([3.0, 2.8, 2.6, 2.4, 0.2, 0.0], {0, 2}, [(2, 2), (3, 2), (4, 2), (5, 2)]),
        ([3.0, 2.8, 2.6, 0.4, 0.2], {0, 3}, [(3, 3), (4, 3)]),
        ([3.0, 2.0, 0.0, 0.0], {0}, [(0, 0), (1, 0), (2, 0), (3, 0)]),
        ([3.0, 2.0], {0, 1}, [(1, 1)]),
    ],
    ids=["in time", "late", "up to a key frame that is not late", "no key frame to begin at", "the end"],
)
def test_what_waits_before_the_newest_key_frame_is_left_out(
    ages: list[float], keys: set[int], expected: list[tuple[int, int]]
) -> None:
    units = [unit(number, 100.0 - age, key=number in keys) for number, age in enumerate(ages)]
    got = [(bytes(one.packet)[0], left_out) for one, left_out in without_backlog(units, lambda: 100.0)]
    assert got == expected
