"""Colours that mean the same everywhere: in videos, pictures and the web page."""

import colorsys

Colour = tuple[int, int, int]
"""Red, green, blue in 0..255."""

GREY: Colour = (150, 156, 164)

_GOLDEN_RATIO = 0.6180339887498949


def identity_colour(identity_id: int) -> Colour:
    """One colour per global identity; neighbouring ids lie far apart (steps of the golden ratio around the hues)."""
    hue = (identity_id * _GOLDEN_RATIO) % 1.0
    lightness = (0.56, 0.66, 0.48)[identity_id % 3]
    return _rgb(hue, lightness, 0.85)


def camera_colour(index: int) -> Colour:
    """One calm colour per camera, by its place in the list of cameras."""
    return _rgb((0.58 + index * _GOLDEN_RATIO) % 1.0, 0.55, 0.55)


def text_colour(background: Colour) -> Colour:
    """Near-black or white, whichever reads better on the background (ITU-R BT.601 luma)."""
    luma = 0.299 * background[0] + 0.587 * background[1] + 0.114 * background[2]
    return (18, 20, 24) if luma > 140 else (255, 255, 255)


def _rgb(hue: float, lightness: float, saturation: float) -> Colour:
    red, green, blue = colorsys.hls_to_rgb(hue, lightness, saturation)
    return round(red * 255), round(green * 255), round(blue * 255)
