"""Drawing people onto a picture. Everything works in place on BGR pictures and in their pixels."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from tracker.core.types import FloatArray
from tracker.pictures.palette import Colour, text_colour
from tracker.video.frame import Image

_INK: Colour = (18, 20, 24)


@dataclass(frozen=True, slots=True)
class Style:
    """Sizes in pixels."""

    line: int
    text: int
    margin: int

    @classmethod
    def for_height(cls, height: int) -> Self:
        """Sizes that look alike on every resolution."""
        text = min(max(round(height / 42), 11), 40)
        return cls(line=max(1, round(text / 7)), text=text, margin=round(text * 0.8))


def draw_person(image: Image, box_xyxy: FloatArray, colour: Colour, style: Style) -> None:
    """An outline on a dark edge that keeps it visible on every background."""
    x1, y1, x2, y2 = (round(float(value)) for value in box_xyxy)
    cv2.rectangle(image, (x1, y1), (x2, y2), _INK[::-1], style.line + 2, cv2.LINE_AA)
    cv2.rectangle(image, (x1, y1), (x2, y2), colour[::-1], style.line, cv2.LINE_AA)


def draw_faint(image: Image, box_xyxy: FloatArray, colour: Colour) -> None:
    """One fine line: somebody who does not count yet."""
    x1, y1, x2, y2 = (round(float(value)) for value in box_xyxy)
    cv2.rectangle(image, (x1, y1), (x2, y2), colour[::-1], 1, cv2.LINE_AA)


def draw_trail(image: Image, points_xy: Sequence[tuple[float, float]], colour: Colour, style: Style) -> None:
    """The way somebody's feet took, oldest point first, growing thicker towards now."""
    points = np.array(points_xy, np.float32).reshape(-1, 1, 2).round().astype(np.int32)
    for thickness in range(1, style.line + 2):
        start = len(points) * (thickness - 1) // (style.line + 1)
        stop = len(points) * thickness // (style.line + 1)
        cv2.polylines(image, [points[start : stop + 1]], False, colour[::-1], thickness, cv2.LINE_AA)


def draw_tag(image: Image, text: str, box_xyxy: FloatArray, colour: Colour, style: Style) -> None:
    """A name on a filled tag above the box, or inside it at the picture's upper edge."""
    sprite = _tag(text, colour, text_colour(colour), 255, style.text)
    height, width = sprite.shape[:2]
    x, y = round(float(box_xyxy[0])), round(float(box_xyxy[1]))
    top = y - height - style.line - 1
    _paste(image, sprite, min(x, image.shape[1] - width), top if top >= 0 else y + style.line + 1)


def draw_caption(image: Image, text: str, style: Style) -> None:
    """Which camera, and when: in the upper left corner."""
    _paste(image, _tag(text, _INK, (255, 255, 255), 190, style.text), style.margin, style.margin)


@lru_cache(maxsize=512)
def _tag(text: str, background: Colour, ink: Colour, opacity: int, text_pixels: int) -> NDArray[np.uint8]:
    """(height, width, 4) uint8 BGRA: text on a rectangle with round corners."""
    font = _font(text_pixels)
    left, _, right, _ = font.getbbox(text)
    width, height = round(right - left) + 2 * round(text_pixels * 0.45), round(text_pixels * 1.5)
    sprite = Pillow.new("RGBA", (width, height), (*background, 0))
    sprite.putalpha(_plate(width, height, opacity))
    ImageDraw.Draw(sprite).text(
        (width / 2, height / 2), text, font=font, fill=(*ink, 255), anchor="mm", stroke_width=0.3
    )
    return np.asarray(sprite, np.uint8)[:, :, [2, 1, 0, 3]]


@cache
def _font(text_pixels: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(text_pixels)


@lru_cache(maxsize=64)
def _plate(width: int, height: int, opacity: int) -> Pillow.Image:
    """The opacity of a rectangle with round corners, drawn large and then shrunk for smooth edges."""
    large = Pillow.new("L", (width * 4, height * 4), 0)
    area = (0, 0, width * 4 - 1, height * 4 - 1)
    ImageDraw.Draw(large).rounded_rectangle(area, radius=height, fill=opacity)
    return large.resize((width, height), Pillow.Resampling.BOX)


def _paste(image: Image, sprite: NDArray[np.uint8], x: int, y: int) -> None:
    """Lay a BGRA sprite over the picture, cut at the picture's edges."""
    x1, y1 = max(x, 0), max(y, 0)
    x2, y2 = min(x + sprite.shape[1], image.shape[1]), min(y + sprite.shape[0], image.shape[0])
    if x1 >= x2 or y1 >= y2:
        return
    part = sprite[y1 - y : y2 - y, x1 - x : x2 - x]
    opacity = part[:, :, 3:].astype(np.float32) / 255
    below = image[y1:y2, x1:x2]
    below[:] = (below * (1 - opacity) + part[:, :, :3] * opacity).round().astype(np.uint8)
