"""The timeline picture: one row per person, one bar per stay in front of a camera."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from tracker.errors import OmnitrackError
from tracker.pictures.palette import Colour, camera_colour, identity_colour

_SCALE = 2  # drawn at twice the size of a plain screen's pixels
_BACKGROUND, _STRIPE, _GRID = (255, 255, 255), (246, 247, 249), (226, 229, 233)
_INK, _FAINT = (32, 36, 42), (112, 118, 126)
_PADDING, _BAR, _LANE, _MARGIN, _PLOT_WIDTH, _MIN_BAR = 6, 14, 7, 24, 960, 3
_OVERLAP_SECONDS = 0.5
_NICE_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200)


@dataclass(frozen=True, slots=True)
class Stay:
    """One person in front of one camera, from t_start_seconds to t_end_seconds."""

    identity_id: int
    label: str
    camera_id: str
    t_start_seconds: float
    t_end_seconds: float


def draw_timeline(stays: Sequence[Stay], path: Path, cameras: Sequence[str] = (), title: str = "Who was where") -> None:
    """Write a PNG with people as rows, in order of first appearance, and their stays as bars coloured by camera.

    cameras: their order in the legend, and so their colours; cameras found only in stays follow by name.
    Where somebody is in front of several cameras at once, every row has a lane per camera.
    No stays give a picture that says so. Raises OmnitrackError when the file cannot be written.
    """
    cameras = [*cameras, *sorted({stay.camera_id for stay in stays} - set(cameras))]
    picture = _Timeline(stays, cameras, title).draw()
    try:
        picture.save(path, format="PNG", dpi=(96 * _SCALE, 96 * _SCALE))
    except OSError as error:
        raise OmnitrackError(f"{path}: cannot be written: {error.strerror}") from error


def tick_seconds(span_seconds: float) -> float:
    """Distance of the time axis' ticks: the shortest round one that needs at most ten of them."""
    fitting = [step for step in _NICE_SECONDS if span_seconds / step <= 10]
    return fitting[0] if fitting else 86400 * math.ceil(span_seconds / 864000)


def _overlapping(stays: Sequence[Stay]) -> bool:
    """Is anybody in front of two cameras at once, for longer than clocks may differ?"""
    by_person = sorted(stays, key=lambda stay: (stay.identity_id, stay.t_start_seconds))
    return any(
        earlier.identity_id == later.identity_id
        and earlier.camera_id != later.camera_id
        and later.t_start_seconds < earlier.t_end_seconds - _OVERLAP_SECONDS
        for earlier, later in pairwise(by_person)
    )


class _Timeline:
    def __init__(self, stays: Sequence[Stay], cameras: Sequence[str], title: str) -> None:
        self._stays = sorted(stays, key=lambda stay: (stay.t_start_seconds, stay.identity_id))
        self._labels = {stay.identity_id: stay.label for stay in self._stays}
        self._rows = {identity_id: row for row, identity_id in enumerate(self._labels)}
        self._cameras = {camera_id: number for number, camera_id in enumerate(cameras)}
        self._title = title
        self._lanes = len(cameras) if _overlapping(stays) else 1
        self._bar_height = _LANE if self._lanes > 1 else _BAR
        self._row_height = self._lanes * self._bar_height + 2 * _PADDING
        begin = min((stay.t_start_seconds for stay in stays), default=0.0)
        end = max((stay.t_end_seconds for stay in stays), default=begin + 1)
        self._step = tick_seconds(end - begin)
        self._begin = math.floor(begin / self._step) * self._step
        self._ticks = max(1, math.ceil((end - self._begin) / self._step))
        self._left = _MARGIN + 30 + round(max((_width(label, 13) for label in self._labels.values()), default=0))
        self._legend_places = _places(cameras, self._left + _PLOT_WIDTH)
        self._top = _MARGIN + 64 + round(max((y for _, y in self._legend_places), default=0))
        self._bottom = self._top + self._row_height * max(1, len(self._rows))
        width, height = self._left + _PLOT_WIDTH + _MARGIN + 12, self._bottom + 44
        self._image = Image.new("RGB", (width * _SCALE, height * _SCALE), _BACKGROUND)
        self._canvas = ImageDraw.Draw(self._image)

    def draw(self) -> Image.Image:
        self._text((_MARGIN, _MARGIN + 8), self._title, 18, _INK)
        self._legend()
        self._people()
        self._axis()
        for stay in self._stays:
            self._bar(stay)
        if not self._stays:
            self._text(
                (self._left + _PLOT_WIDTH / 2, self._top + self._row_height / 2), "nobody was seen", 13, _FAINT, "mm"
            )
        return self._image

    def _legend(self) -> None:
        for (camera_id, number), (x, y) in zip(self._cameras.items(), self._legend_places, strict=True):
            middle = _MARGIN + 38 + y
            self._box(x, middle - 5, x + 18, middle + 5, camera_colour(number))
            self._text((x + 24, middle), camera_id, 13, _INK)

    def _people(self) -> None:
        for identity_id, row in self._rows.items():
            top = self._top + row * self._row_height
            middle = top + self._row_height / 2
            if row % 2 == 0:
                stripe = (_MARGIN, top, self._left + _PLOT_WIDTH, top + self._row_height)
                self._canvas.rectangle([value * _SCALE for value in stripe], fill=_STRIPE)
            self._box(_MARGIN + 6, middle - 4, _MARGIN + 14, middle + 4, identity_colour(identity_id))
            self._text((_MARGIN + 20, middle), self._labels[identity_id], 13, _INK)

    def _axis(self) -> None:
        for tick in range(self._ticks + 1):
            t_seconds = self._begin + tick * self._step
            x = self._x(t_seconds)
            self._canvas.line([x * _SCALE, self._top * _SCALE, x * _SCALE, self._bottom * _SCALE], _GRID, _SCALE)
            self._text((x, self._bottom + 14), _axis_text(t_seconds), 12, _FAINT, "mm")

    def _bar(self, stay: Stay) -> None:
        left = self._x(stay.t_start_seconds)
        right = max(self._x(stay.t_end_seconds), left + _MIN_BAR)
        camera = self._cameras[stay.camera_id]
        lane = camera if self._lanes > 1 else 0
        top = self._top + self._rows[stay.identity_id] * self._row_height + _PADDING + lane * self._bar_height
        self._box(left, top, right, top + self._bar_height - (self._lanes > 1), camera_colour(camera))

    def _x(self, t_seconds: float) -> float:
        return self._left + _PLOT_WIDTH * (t_seconds - self._begin) / (self._ticks * self._step)

    def _box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        area = [value * _SCALE for value in (left, top, right, bottom)]
        self._canvas.rounded_rectangle(area, radius=2 * _SCALE, fill=colour)

    def _text(self, xy: tuple[float, float], text: str, pixels: int, colour: Colour, anchor: str = "lm") -> None:
        font = ImageFont.load_default(pixels * _SCALE)
        self._canvas.text((xy[0] * _SCALE, xy[1] * _SCALE), text, colour, font, anchor)


def _places(cameras: Sequence[str], right: float) -> list[tuple[float, float]]:
    """Left end and height below the first line of every entry of the legend, in lines that end before `right`."""
    places: list[tuple[float, float]] = []
    x, y = float(_MARGIN), 0.0
    for camera_id in cameras:
        width = 24 + _width(camera_id, 13)
        if places and x + width > right:
            x, y = float(_MARGIN), y + 22
        places.append((x, y))
        x += width + 22
    return places


def _width(text: str, pixels: int) -> float:
    return ImageFont.load_default(pixels * _SCALE).getlength(text) / _SCALE


def _axis_text(t_seconds: float) -> str:
    minutes, seconds = divmod(round(t_seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes:02d}:{seconds:02d}"
