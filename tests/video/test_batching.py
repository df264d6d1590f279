from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.video.clips import number_of, write_clip
from tracker.errors import OmnitrackError
from tracker.video.batching import StepBatcher
from tracker.video.frame import Frame
from tracker.video.sources import VideoFileSource


class ListedSource:
    """A camera whose frames come at listed times."""

    def __init__(self, camera_id: str, times: Sequence[float], rate: float = 10.0, total: int | None = None) -> None:
        self.camera_id = camera_id
        self.frames_per_second = rate
        self.total_frames = total
        self.lost_frames = self.damaged_frames = 0
        self.picture_size = (2, 2)
        self.closed = False
        self._times = times

    def __iter__(self) -> Iterator[Frame]:
        for index, t_seconds in enumerate(self._times):
            yield Frame(self.camera_id, index, t_seconds, np.zeros((2, 2, 3), np.uint8))

    def close(self) -> None:
        self.closed = True


def steps(*sources: ListedSource, tolerance: float | None = None) -> list[tuple[float, dict[str, float]]]:
    batches = StepBatcher(sources, tolerance)
    return [(b.t_seconds, {camera: frame.t_seconds for camera, frame in b.frames.items()}) for b in batches]


def test_nothing() -> None:
    assert steps() == []
    assert steps(ListedSource("a", [])) == []


def test_a_shorter_camera_ends_without_ending_the_others() -> None:
    got = steps(ListedSource("a", [0.0, 0.1]), ListedSource("b", [0.0, 0.1, 0.2]), ListedSource("c", []))
    assert got == [(0.0, {"a": 0.0, "b": 0.0}), (0.1, {"a": 0.1, "b": 0.1}), (0.2, {"b": 0.2})]


def test_small_differences_in_phase_are_one_step_and_large_ones_are_two() -> None:
    near = steps(ListedSource("a", [0.04, 0.14]), ListedSource("b", [0.0, 0.1]))
    assert near == [(0.0, {"a": 0.04, "b": 0.0}), (0.1, {"a": 0.14, "b": 0.1})]
    far = steps(ListedSource("a", [0.06, 0.16]), ListedSource("b", [0.0, 0.1]))
    assert [list(frames) for _, frames in far] == [["b"], ["a", "b"], ["a"]]
    exact = steps(ListedSource("a", [0.04]), ListedSource("b", [0.0]), tolerance=0.0)
    assert [list(frames) for _, frames in exact] == [["b"], ["a"]]


def test_cameras_of_different_rates_take_part_as_often_as_they_have_frames() -> None:
    fast, slow = [number / 30 for number in range(60)], [number / 7 for number in range(14)]
    got = steps(ListedSource("fast", fast, rate=30), ListedSource("slow", slow, rate=7))
    moments = [t for t, _ in got]
    assert moments == sorted(set(moments))
    assert [frames["fast"] for _, frames in got if "fast" in frames] == fast
    assert [frames["slow"] for _, frames in got if "slow" in frames] == slow
    assert all(abs(frames["fast"] - frames["slow"]) <= 1 / 60 for _, frames in got if len(frames) == 2)
    assert len(got) < 74  # most of the slow camera's frames found company


def test_totals_and_losses() -> None:
    sources = [ListedSource("a", [], total=3), ListedSource("b", [], total=4)]
    sources[1].lost_frames, sources[0].damaged_frames = 2, 5
    batches = StepBatcher(sources)
    assert batches.total_frames == 7
    assert batches.lost_frames == {"a": 0, "b": 2}
    assert batches.damaged_frames == {"a": 5, "b": 0}
    assert StepBatcher([*sources, ListedSource("c", [])]).total_frames is None
    batches.close()
    assert all(source.closed for source in sources)


def test_bad_input() -> None:
    with pytest.raises(OmnitrackError, match="two cameras are named 'a'"):
        StepBatcher([ListedSource("a", []), ListedSource("b", []), ListedSource("a", [])])
    with pytest.raises(ValueError, match="tolerance_seconds"):
        StepBatcher([], -0.1)


def test_two_files_one_of_them_shifted(tmp_path: Path) -> None:
    long = write_clip(tmp_path / "long.mp4", [number / 10 for number in range(12)])
    short = write_clip(tmp_path / "short.mkv", [number / 5 for number in range(4)])
    batches = StepBatcher([VideoFileSource("long", long), VideoFileSource("short", short, time_offset_seconds=0.2)])
    assert batches.total_frames == 16
    got = [{camera: number_of(frame.image) for camera, frame in batch.frames.items()} for batch in batches]
    expected: list[dict[str, int]] = [{"long": number} for number in range(12)]
    for number, place in enumerate((2, 4, 6, 8)):
        expected[place]["short"] = number
    assert got == expected
    batches.close()
