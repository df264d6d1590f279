"""Pictures of people side by side, each with a line of text."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from tracker.errors import OmnitrackError
from tracker.video.frame import Image

TILES_A_ROW = 10

_WIDTH, _HEIGHT, _MARGIN, _LINE = 160, 256, 8, 18
_FONT, _FONT_SIZE = cv2.FONT_HERSHEY_SIMPLEX, 0.4
_DARK, _EMPTY = (40, 40, 40), (225, 225, 225)


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """A person and what to say of them. picture: BGR, None where there is none."""

    picture: Image | None
    lines: Sequence[str]


def contact_sheet(tiles: Sequence[Tile]) -> Image:
    """All tiles in rows of at most TILES_A_ROW, (height, width, 3) uint8 BGR. There must be at least one."""
    lines = max(len(tile.lines) for tile in tiles)
    drawn = [_drawn(tile, lines) for tile in tiles]
    if len(drawn) > TILES_A_ROW:
        drawn += [np.full_like(drawn[0], 255)] * (-len(drawn) % TILES_A_ROW)
    rows = [np.concatenate(drawn[first : first + TILES_A_ROW], axis=1) for first in range(0, len(drawn), TILES_A_ROW)]
    return np.concatenate(rows)


def write_sheet(out: Path, tiles: Sequence[Tile]) -> None:
    """As a JPEG. Raises OmnitrackError when it cannot be written."""
    try:
        out.write_bytes(encode_jpeg(contact_sheet(tiles)))
    except OSError as error:
        raise OmnitrackError(f"picture {out}: cannot be written ({error.strerror}); name another file") from error


def encode_jpeg(picture: Image) -> bytes:
    return cv2.imencode(".jpg", picture)[1].tobytes()


def decode_jpeg(jpeg: bytes) -> Image:
    """A picture that this program encoded."""
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def _drawn(tile: Tile, lines: int) -> Image:
    height = _HEIGHT + _LINE * lines + 3 * _MARGIN
    canvas = np.full((height, _WIDTH + 2 * _MARGIN, 3), 255, np.uint8)
    frame = canvas[_MARGIN : _MARGIN + _HEIGHT, _MARGIN : _MARGIN + _WIDTH]
    frame[:] = _EMPTY
    if tile.picture is not None:
        scale = min(_HEIGHT / tile.picture.shape[0], _WIDTH / tile.picture.shape[1])
        size = (max(round(tile.picture.shape[1] * scale), 1), max(round(tile.picture.shape[0] * scale), 1))
        fitted = cv2.resize(tile.picture, size, interpolation=cv2.INTER_AREA)
        left, top = (_WIDTH - size[0]) // 2, (_HEIGHT - size[1]) // 2
        frame[top : top + size[1], left : left + size[0]] = fitted
    for number, line in enumerate(tile.lines, 1):
        below = (_MARGIN, _HEIGHT + _MARGIN + number * _LINE)
        plain = line.encode("ascii", "replace").decode()  # the font has no other letters
        cv2.putText(canvas, plain, below, _FONT, _FONT_SIZE, _DARK, 1, cv2.LINE_AA)
    return canvas
