"""The clips and their ground truth are what sample_videos/README.md says."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from sample_videos.make_clips import CROPS, FRAMES_PER_SECOND, Crop, cut_ground_truth

FOLDER = Path(__file__).resolve().parents[2] / "sample_videos"


def ground_truth(camera_id: str) -> NDArray[np.float64]:
    return np.loadtxt(FOLDER / f"gt_{camera_id}.txt", delimiter=",")


@pytest.mark.parametrize("crop", CROPS, ids=lambda crop: crop.camera_id)
def test_clip_is_small_and_matches_its_ground_truth(crop: Crop) -> None:
    path = FOLDER / f"{crop.camera_id}.mp4"
    assert path.stat().st_size <= 3_000_000
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.frames, stream.average_rate) == (
            "h264",
            795,
            Fraction(FRAMES_PER_SECOND),
        )
        width, height = stream.width, stream.height
    assert width == crop.right - crop.left
    rows = ground_truth(crop.camera_id)
    assert rows[:, 0].min() == 1
    assert rows[:, 0].max() == 795
    assert rows[:, 2].min() >= 0
    assert (rows[:, 2] + rows[:, 4]).max() <= width
    assert (rows[:, 3] + rows[:, 5]).max() <= height + 30  # feet below the picture's edge are annotated too


def test_people_cross_with_a_gap_in_time() -> None:
    sightings = sorted(
        (int(row[1]), int(row[0]), crop.camera_id)
        for crop in CROPS
        for row in ground_truth(crop.camera_id)
        if row[6] == 1
    )
    hand_overs = [(a, b) for a, b in pairwise(sightings) if a[0] == b[0] and a[2] != b[2]]
    gaps_seconds = sorted((b[1] - a[1]) / FRAMES_PER_SECOND for a, b in hand_overs)
    assert len({person for person, _, _ in sightings}) == 19
    assert len({a[0] for a, _ in hand_overs}) == 16
    assert len(hand_overs) == 28
    assert gaps_seconds[0] > 1.5
    assert gaps_seconds[-2] < 4.5


def test_cutting_ground_truth_flags_boxes_that_hardly_show() -> None:
    place = [1, -2.5, 3.5]
    rows = np.array(
        [
            [1, 7, 90, 10, 40, 80, *place],
            [1, 8, 110, 10, 20, 80, *place],
            [2, 9, 60, 0, 40, 90, *place],
            [3, 9, 100.5, 0, 40, 90, *place],
        ]
    )
    cut = cut_ground_truth(rows, Crop("c", 50, 101))
    expected = [[1, 7, 40, 10, 11, 80, 0, -2.5, 3.5, 11 / 40], [2, 9, 10, 0, 40, 90, 1, -2.5, 3.5, 1.0]]
    np.testing.assert_allclose(cut, expected)


def test_no_people_leave_an_empty_ground_truth() -> None:
    assert cut_ground_truth(np.zeros((0, 9)), CROPS[0]).shape == (0, 10)
