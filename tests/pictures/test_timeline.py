from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tracker.errors import OmnitrackError
from tracker.pictures.palette import Colour, camera_colour, identity_colour, text_colour
from tracker.pictures.timeline import Stay, draw_timeline, tick_seconds


def columns_of(path: Path, colour: Colour, top: int = 0) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Columns of the picture, below row `top`, that hold exactly this colour."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))[top:]
    return np.flatnonzero((pixels == np.array(colour)).all(axis=2).any(axis=0))


def test_bars_stand_where_people_were(tmp_path: Path) -> None:
    path = tmp_path / "timeline.png"
    stays = [Stay(1, "#1", "west", 0, 30), Stay(1, "#1", "east", 45, 60), Stay(2, "#2", "east", 15, 20)]
    draw_timeline(stays, path, ["west", "east"])
    west, east = columns_of(path, camera_colour(0), top=150), columns_of(path, camera_colour(1), top=150)
    assert (west.max() - west.min()) / (east.max() - west.min()) == pytest.approx(0.5, abs=0.01)
    one_second = (east.max() - west.min()) / 60
    assert (east.min() - west.min()) / one_second == pytest.approx(15, abs=0.2)
    assert columns_of(path, identity_colour(1)).size
    assert columns_of(path, identity_colour(2)).size


def test_cameras_at_one_time_get_lanes(tmp_path: Path) -> None:
    apart = [Stay(1, "#1", "a", 0, 10), Stay(1, "#1", "b", 10, 20), Stay(2, "#2", "c", 5, 15)]
    together = [*apart, Stay(1, "#1", "c", 5, 15)]
    heights = []
    for stays in (apart, together):
        draw_timeline(stays, tmp_path / "t.png")
        with Image.open(tmp_path / "t.png") as image:
            heights.append(image.height)
    assert heights[1] > heights[0]


@pytest.mark.parametrize("people", [0, 1, 60])
def test_any_number_of_people(tmp_path: Path, people: int) -> None:
    stays = [Stay(number, f"#{number}", f"camera {number % 20}", number, number + 5) for number in range(people)]
    draw_timeline(stays, tmp_path / "t.png")
    with Image.open(tmp_path / "t.png") as image:
        assert image.height >= people * 40


def test_a_picture_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OmnitrackError, match=r"none.t\.png: cannot be written"):
        draw_timeline([], tmp_path / "none" / "t.png")


@pytest.mark.parametrize("span", [0.5, 1, 9, 61, 600, 4000, 86400, 86400 * 40])
def test_ticks_are_few_and_round(span: float) -> None:
    step = tick_seconds(span)
    assert span / step <= 10
    assert step == 1 or span / step > 1


def test_identity_colours_are_told_apart_and_readable() -> None:
    colours = [identity_colour(number) for number in range(1, 31)]
    assert len(set(colours)) == 30
    for first, second in pairwise(colours):
        assert np.abs(np.subtract(first, second)).max() > 60
    for colour in colours:
        contrast = np.abs(np.subtract(text_colour(colour), colour)) @ (0.299, 0.587, 0.114)
        assert contrast > 100
