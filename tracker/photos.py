"""Pictures from people whom we do not know: only JPEG, PNG and WebP are decoded, and only within bounds."""

import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from tracker.errors import OmnitrackError
from tracker.video.frame import Image

MOST_BYTES = 10_000_000
MOST_PIXELS = 25_000_000
LEAST_SIDE = 16
_MOST_JPEG_SCANS = 64  # a progressive picture has about ten; each costs a pass over all its pixels

_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, TypeError, LookupError, OverflowError, struct.error, zlib.error)
"""What Pillow raises over bytes that are not what they claim to be."""


class PhotoError(OmnitrackError):
    """A picture that cannot be used."""


def read_photo(path: Path) -> Image:
    """Decode a file. Raises PhotoError naming it."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise PhotoError(f"photo {path}: cannot be read ({error.strerror})") from error
    try:
        return decode_photo(data)
    except PhotoError as error:
        raise PhotoError(f"photo {path}: {error}") from error


def decode_photo(data: bytes) -> Image:
    """(height, width, 3) uint8 BGR, upright. What the bytes begin with decides, no name does.

    Raises PhotoError for other formats, damaged pictures, and those that are too large or too small.
    """
    if len(data) > MOST_BYTES:
        raise PhotoError(f"is larger than {MOST_BYTES // 1_000_000} MB")
    kind = _kind(data)
    if kind is None:
        raise PhotoError("is no JPEG, PNG or WebP picture")
    if kind == "JPEG" and data.count(b"\xff\xda") > _MOST_JPEG_SCANS:
        raise PhotoError("is a JPEG of too many scans")
    try:
        with _FORMATS[kind](BytesIO(data)) as opened:
            _require_size(*opened.size)
            opened.verify()
        with _FORMATS[kind](BytesIO(data)) as opened:
            upright = ImageOps.exif_transpose(opened)
            rgb = np.asarray(upright.convert("RGB"))
    except (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning) as error:
        raise PhotoError(_TOO_LARGE) from error
    except _DAMAGE as error:
        raise PhotoError(f"is damaged, or no {kind} picture after all") from error
    return np.ascontiguousarray(rgb[:, :, ::-1])


_FORMATS: dict[str, type[ImageFile]] = {"JPEG": JpegImageFile, "PNG": PngImageFile, "WEBP": WebPImageFile}
"""Not Image.open, which other libraries patch to understand more."""
_TOO_LARGE = f"has more than {MOST_PIXELS // 1_000_000} million pixels"


def _kind(data: bytes) -> str | None:
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    return "WEBP" if data.startswith(b"RIFF") and data[8:12] == b"WEBP" else None


def _require_size(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise PhotoError(_TOO_LARGE)
    if min(width, height) < LEAST_SIDE:
        raise PhotoError(f"is {width} x {height} pixels, too small to show a person")
