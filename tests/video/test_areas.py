"""Regions, masks and the pace of a camera."""

from pathlib import Path

import numpy as np
import pytest

from tests.video.clips import write_clip
from tracker.core.types import Detections
from tracker.video.areas import EVERYWHERE, CameraAreas
from tracker.video.pace import Pace, PacedSource
from tracker.video.sources import VideoFileSource

LEFT_HALF = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
FLOOR = ((0.0, 0.8), (1.0, 0.8), (1.0, 1.0), (0.0, 1.0))
IMAGE = np.full((100, 200, 3), 255, np.uint8)


def people(*boxes: tuple[float, float, float, float]) -> Detections:
    scores = np.linspace(0.9, 0.3, len(boxes)).astype(np.float32)
    return Detections(np.array(boxes, np.float32).reshape(-1, 4), scores, np.eye(len(boxes), dtype=np.float32))


def test_feet_decide_whether_somebody_is_in_the_region() -> None:
    # the head of the first is right of the middle, her feet are not; the second one stands on the right
    found = people((80, 10, 110, 60), (120, 10, 150, 60))
    chosen = CameraAreas([LEFT_HALF]).chosen(found, IMAGE)
    assert chosen.boxes_xyxy.tolist() == [[80, 10, 110, 60]]
    assert chosen.embeddings is not None
    assert chosen.embeddings.tolist() == [[1, 0]]


def test_one_of_several_regions_is_enough() -> None:
    found = people((80, 10, 110, 60), (150, 10, 170, 60), (150, 10, 170, 90))
    assert len(CameraAreas([LEFT_HALF, FLOOR]).chosen(found, IMAGE)) == 2


def test_feet_below_the_picture_stand_on_its_lower_edge() -> None:
    assert len(CameraAreas([FLOOR]).chosen(people((10, 10, 30, 104)), IMAGE)) == 1


def test_a_camera_has_a_confidence_of_its_own() -> None:
    found = people((10, 10, 30, 90), (50, 10, 70, 90))
    assert CameraAreas(confidence=0.5).chosen(found, IMAGE).scores.tolist() == pytest.approx([0.9])


def test_nobody_flows_through() -> None:
    assert len(CameraAreas([FLOOR]).chosen(Detections.empty(), IMAGE)) == 0
    found = people((10, 10, 30, 90))
    assert EVERYWHERE.chosen(found, IMAGE) is found


def test_masks_are_black_and_the_rest_is_untouched() -> None:
    image = IMAGE.copy()
    CameraAreas(masks=[LEFT_HALF]).paint_out(image)
    assert not image[:, :100].any()
    assert (image[:, 102:] == 255).all()


@pytest.mark.parametrize(("rate", "most", "expected"), [(30, 10, 10), (25, 10, 10), (30, 60, 30), (7, 5, 5)])
def test_a_pace_is_kept_on_average(rate: int, most: float, expected: int) -> None:
    pace = Pace(most)
    assert sum(pace.takes(number / rate) for number in range(10 * rate)) == pytest.approx(10 * expected, abs=2)


def test_no_pace_takes_everything() -> None:
    pace = Pace(None)
    assert all(pace.takes(number / 30) for number in range(30))


def test_frames_of_a_paced_file_keep_their_numbers(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", [n / 10 for n in range(40)])
    source = PacedSource(VideoFileSource("gate", clip), 5.0)
    assert (source.frames_per_second, source.total_frames) == (5.0, 20)
    frames = list(source)
    source.close()
    assert [frame.index for frame in frames] == list(range(0, 40, 2))
    assert [frame.t_seconds for frame in frames] == pytest.approx([n / 5 for n in range(20)])
