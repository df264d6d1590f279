"""Small real videos, and ways to break them."""

import random
import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from tracker.video.frame import Image

BRIGHTNESS_STEP = 5
NUMBERS = 40


def picture(number: int, width: int = 96, height: int = 64) -> Image:
    """A grey picture whose brightness tells its number modulo NUMBERS, with a bright upper left corner."""
    image = np.full((height, width, 3), 20 + BRIGHTNESS_STEP * (number % NUMBERS), np.uint8)
    image[: height // 4, : width // 4] = 255
    return image


def number_of(image: Image) -> int:
    """The number of a picture() modulo NUMBERS, read back after encoding."""
    return round((float(image[-16:, -16:].mean()) - 20) / BRIGHTNESS_STEP)


def write_clip(
    path: Path,
    times_seconds: Sequence[float],
    gop: int = 5,
    metadata: dict[str, str] | None = None,
    noisy: bool = False,
    size: tuple[int, int] = (96, 64),
    b_frames: int = 3,
) -> Path:
    """An H.264 clip (H.265 if it is named *.h265.ts) with picture(i) at times_seconds[i]; noisy pictures make big
    packets, for breaking. b_frames: at most so many in a row refer to a later picture; cameras send none.
    """
    rate = Fraction(1 / (times_seconds[1] - times_seconds[0])).limit_denominator(1001)
    noise = np.random.default_rng(0)
    options = {"movflags": "faststart"} if path.suffix in (".mp4", ".mov") else {}
    with av.open(str(path), "w", options=options) as container:
        container.metadata.update(metadata or {})
        coding = {"g": str(gop), "crf": "18", "threads": "1", "bf": str(b_frames)}
        if path.name.endswith(".h265.ts"):
            quiet = {"x265-params": f"log-level=none:bframes={b_frames}"}
            stream = container.add_stream("libx265", rate=rate, options=coding | quiet)
        else:
            stream = container.add_stream("libx264", rate=rate, options=coding)
        (stream.width, stream.height), stream.pix_fmt = size, "yuv420p"
        tick = 1 / rate if path.suffix == ".avi" else Fraction(1, 90_000)  # AVI has one frame per tick
        stream.codec_context.time_base = tick
        for number, t_seconds in enumerate(times_seconds):
            image = noise.integers(0, 255, (size[1], size[0], 3), np.uint8) if noisy else picture(number, *size)
            planes = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)
            frame = av.VideoFrame.from_ndarray(np.asarray(planes, np.uint8), format="yuv420p")
            frame.time_base, frame.pts = tick, round(t_seconds / tick)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def flip_bytes(path: Path, share: float, skip: int, seed: int = 0) -> Path:
    """A damaged copy: the given share of its bytes is changed, none of the first `skip`."""
    data, chance = bytearray(path.read_bytes()), random.Random(seed)
    for _ in range(max(1, round(len(data) * share))):
        data[chance.randrange(skip, len(data))] ^= chance.randrange(1, 256)
    return _beside(path, "flipped", bytes(data))


def cut_off(path: Path, share: float) -> Path:
    """A copy that ends early."""
    data = path.read_bytes()
    return _beside(path, "cut", data[: round(len(data) * share)])


def zero_range(path: Path, begin: float, end: float) -> Path:
    """A copy with zeros between two shares of its length."""
    data = bytearray(path.read_bytes())
    first, last = round(len(data) * begin), round(len(data) * end)
    data[first:last] = bytes(last - first)
    return _beside(path, "zeroed", bytes(data))


def lay_on_its_side(path: Path) -> Path:
    """A copy of an mp4 whose track header says: turn the picture 90 degrees clockwise to show it."""
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 4 + 4 * 5 + 8 + 8  # version 0: flags, five words, two reserved, four halves
    data[matrix : matrix + 36] = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
    return _beside(path, "turned", bytes(data))


def _beside(path: Path, mark: str, data: bytes) -> Path:
    target = path.with_stem(f"{path.stem}_{mark}")
    target.write_bytes(data)
    return target
