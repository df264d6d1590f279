"""Zones and lines: geometry against a reference (OpenCV), and people who walk as told."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tracker.core.polygons import inside, require_polygon, segments_meet, signed_distances
from tracker.core.zones import Line, PlaceEvent, PlaceEventKind, Zone, ZoneConfig, ZoneWatch

SIZE = (200, 100)
DOOR = Zone("door", ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)), most_people=1)
GATE = Line("gate", (0.5, 0.0), (0.5, 1.0))
"""Looking down the picture: the left half of the picture is to the right."""


def walk(watch: ZoneWatch, xs: list[float], track_id: int = 1, y: float = 50.0, begin: float = 0.0) -> list[PlaceEvent]:
    """One person, 20 pixels high, whose feet are at each x in turn, ten times a second."""
    events = []
    for step, x in enumerate(xs):
        box = np.array([[x - 4, y - 20, x + 4, y]], np.float32)
        events += watch.update(begin + step / 10, SIZE, np.array([track_id]), box)
    return events


@given(arrays(np.float64, (30, 2), elements=st.floats(-5, 105)), st.integers(3, 9), st.integers(0, 10**6))
def test_points_in_polygons_as_opencv_says(points: np.ndarray, corners: int, seed: int) -> None:
    polygon = np.random.default_rng(seed).uniform(0, 100, (corners, 2))
    contour = polygon.astype(np.float32).reshape(-1, 1, 2)
    distances = np.array([cv2.pointPolygonTest(contour, (float(x), float(y)), True) for x, y in points])
    certain = np.abs(distances) > 1e-3
    assert (inside(points, polygon) == (distances > 0))[certain].all()


def test_nobody_is_in_no_polygon() -> None:
    assert inside(np.zeros((0, 2)), np.array([[0.0, 0], [1, 0], [1, 1]])).shape == (0,)
    assert ZoneWatch([DOOR], [GATE]).update(0.0, SIZE, np.zeros(0, np.int64), np.zeros((0, 4), np.float32)) == []


def test_the_right_of_a_line_is_positive() -> None:
    points = np.array([[1.0, 0.0], [-2.0, 5.0]])
    np.testing.assert_allclose(signed_distances(points, np.zeros(2), np.array([0.0, 10.0])), [-1.0, 2.0])


def test_segments_that_touch_meet_and_parallel_ones_do_not() -> None:
    a, b, c, d = (np.array(p, np.float64) for p in ((0, 0), (2, 2), (0, 2), (2, 0)))
    assert segments_meet(a, b, c, d)
    assert segments_meet(a, b, b, d)
    assert not segments_meet(a, c, d, b)


@pytest.mark.parametrize(
    ("corners", "complaint"),
    [
        (((0.1, 0.1), (0.9, 0.9)), "at least 3 corners"),
        (((0.1, 0.1), (0.5, 0.5), (0.9, 0.9)), "encloses no area"),
        (((0.1, 0.1), (0.1, 0.1), (0.1, 0.1)), "encloses no area"),
        (((0.1, 0.1), (0.9, 0.9), (0.9, 0.1), (0.1, 0.9)), "edges 1 and 3 cross"),
        (((0.1, 0.1), (640.0, 0.1), (0.9, 0.9)), r"\[640.0, 0.1\] lies outside of the picture"),
        (((0.1, 0.1), (float("nan"), 0.1), (0.9, 0.9)), "lies outside"),
    ],
)
def test_polygons_that_are_none_are_refused(corners: tuple[tuple[float, float], ...], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        require_polygon(corners)


def test_a_line_needs_a_length_and_a_zone_a_name() -> None:
    with pytest.raises(ValueError, match="are one point"):
        Line("gate", (0.5, 0.5), (0.5, 0.5))
    with pytest.raises(ValueError, match="needs a name"):
        Zone(" ", DOOR.polygon)


def test_a_stay_has_an_entry_an_exit_and_a_length() -> None:
    watch = ZoneWatch([DOOR])
    events = walk(watch, [50.0] * 10 + [150.0] * 20 + [50.0] * 10)
    assert [event.kind for event in events] == [PlaceEventKind.ENTERED, PlaceEventKind.LEFT]
    assert [event.t_seconds for event in events] == pytest.approx([1.0, 3.0])
    assert events[1].dwell_seconds == pytest.approx(2.0)
    assert events[1].track_id == 1


def test_who_stands_on_the_border_does_not_flicker() -> None:
    watch = ZoneWatch([DOOR], [GATE])
    assert walk(watch, [99.0, 101.0] * 50) == []


def test_a_track_that_ends_in_a_zone_left_it_when_last_seen() -> None:
    watch = ZoneWatch([DOOR])
    walk(watch, [150.0] * 11)
    (left,) = watch.end(9.0, [1, 77])
    assert (left.kind, left.t_seconds, left.dwell_seconds) == (PlaceEventKind.LEFT, 1.0, 1.0)
    assert watch.people() == {"door": 0}
    assert watch.end(9.1, [1]) == []


def test_a_short_visit_does_not_count() -> None:
    assert walk(ZoneWatch([DOOR], config=ZoneConfig(settle_seconds=1.0)), [50.0] * 5 + [150.0] * 6 + [50.0] * 30) == []


def test_a_crossing_has_a_direction_and_a_moment() -> None:
    there = [float(x) for x in range(90, 112, 2)]
    watch = ZoneWatch([], [GATE])
    (first, second) = walk(watch, [*there, *there[::-1]])
    assert (first.kind, first.place, first.direction) == (PlaceEventKind.CROSSED, "gate", "left")
    assert first.t_seconds == pytest.approx(0.5)
    assert second.direction == "right"
    assert second.t_seconds == pytest.approx(1.6)


def test_walking_round_the_end_of_a_line_is_no_crossing() -> None:
    short = Line("short", (0.5, 0.0), (0.5, 0.4))
    assert walk(ZoneWatch([], [short]), [80.0, 90.0, 110.0, 120.0], y=60.0) == []
    assert len(walk(ZoneWatch([], [short]), [80.0, 90.0, 110.0, 120.0], y=30.0)) == 1


def test_two_people_cross_independently() -> None:
    watch = ZoneWatch([], [GATE])
    assert walk(watch, [80.0], track_id=1) == []
    assert walk(watch, [120.0], track_id=2) == []


def test_a_zone_that_is_too_full_says_so_once() -> None:
    watch = ZoneWatch([DOOR])
    limits = {PlaceEventKind.OVER_LIMIT, PlaceEventKind.WITHIN_LIMIT}
    events: list[PlaceEvent] = []
    for track_id in (1, 2, 3):
        events += walk(watch, [150.0] * 11, track_id, begin=track_id * 2.0)
    (over,) = [event for event in events if event.kind in limits]
    assert (over.kind, over.count, over.track_id) == (PlaceEventKind.OVER_LIMIT, 2, None)
    assert watch.people() == {"door": 3}
    (within,) = [event for event in watch.end(9.0, [1, 2]) if event.kind in limits]
    assert (within.kind, within.count) == (PlaceEventKind.WITHIN_LIMIT, 1)


def test_coordinates_follow_the_size_of_the_picture() -> None:
    box = np.array([[596, 10, 604, 90]], np.float32)
    watch = ZoneWatch([DOOR], config=ZoneConfig(settle_seconds=0.0))
    (entered,) = watch.update(0.0, (800, 600), np.array([4]), box)
    assert entered.kind is PlaceEventKind.ENTERED
