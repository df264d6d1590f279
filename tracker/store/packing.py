"""A few seconds of a tracklet's boxes as one value of the database, and back.

26 bytes a box: boxes and scores return bit for bit as float32, times to the microsecond. One row per box would cost
about 60 bytes and an index entry.
"""

from struct import Struct
from typing import Any

import numpy as np

from tracker.core.types import FloatArray, IntArray

ROW = np.dtype([("frame", "<u2"), ("t_us", "<u4"), ("box_xyxy", "<f4", (4,)), ("score", "<f4")])
"""One box: frame and time count from the chunk's first box."""

_FRAME_AND_TIME, _SCORE = Struct("<HI"), Struct("<f")

MAX_BOXES = 50
"""Six full chunks fill a page of the database (session.py)."""

MAX_SECONDS = 5.0

_MAX_FRAMES = int(np.iinfo(np.uint16).max)


class Chunk:
    """Boxes that will share a row, in the order in which they were added."""

    def __init__(self, first_frame: int, start_us: int) -> None:
        self.first_frame = first_frame
        self.start_us = start_us
        self._rows: list[bytes] = []
        self._last_us = start_us

    def accepts(self, frame: int, at_us: int) -> bool:
        """Whether a box of that frame and time still fits: not full, not earlier, within MAX_SECONDS."""
        offset_us = at_us - self.start_us
        return (
            len(self._rows) < MAX_BOXES
            and 0 <= offset_us <= MAX_SECONDS * 1e6
            and 0 <= frame - self.first_frame <= _MAX_FRAMES
        )

    def add(self, frame: int, at_us: int, box_xyxy: FloatArray, score: float) -> None:
        """box_xyxy (4,) float32, pixels of the original frame."""
        start = _FRAME_AND_TIME.pack(frame - self.first_frame, at_us - self.start_us)
        self._rows.append(start + np.asarray(box_xyxy, "<f4").tobytes() + _SCORE.pack(score))
        self._last_us = at_us

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def end_us(self) -> int:
        """Time of the last box."""
        return self._last_us

    def row(self) -> dict[str, Any]:
        """Columns of the observations table, without the tracklet."""
        return {"first_frame": self.first_frame, "start_us": self.start_us, "boxes": b"".join(self._rows)}


def unpack(first_frame: int, start_us: int, boxes: bytes) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    """-> frames (n,) int64, times (n,) int64 in UTC microseconds, boxes_xyxy (n, 4) float32, scores (n,) float32."""
    rows = np.frombuffer(boxes, ROW)
    frames = rows["frame"].astype(np.int64) + first_frame
    times_us = rows["t_us"].astype(np.int64) + start_us
    return frames, times_us, rows["box_xyxy"].astype(np.float32), rows["score"].astype(np.float32)


def cut(first_frame: int, start_us: int, boxes: bytes, at_us: int) -> tuple[bytes, dict[str, Any] | None, int]:
    """Cut a chunk in two: its boxes before at_us, a row of those from at_us on (None if there are none), and the time
    of the last box before it (start_us if there are none).
    """
    rows = np.frombuffer(boxes, ROW)
    count = int(np.searchsorted(rows["t_us"], at_us - start_us))
    last_us = start_us + int(rows["t_us"][count - 1]) if count else start_us
    if count == len(rows):
        return boxes, None, last_us
    tail = rows[count:].copy()
    begin_frame, begin_us = int(tail["frame"][0]), int(tail["t_us"][0])
    tail["frame"] -= begin_frame
    tail["t_us"] -= begin_us
    row = {"first_frame": first_frame + begin_frame, "start_us": start_us + begin_us, "boxes": tail.tobytes()}
    return rows[:count].tobytes(), row, last_us


def pack_vector(direction: FloatArray) -> bytes:
    """(d,) float32 of any length > 0 -> its unit vector as little-endian float16."""
    return (direction / max(float(np.linalg.norm(direction)), 1e-12)).astype("<f2").tobytes()


def unpack_vector(vector: bytes) -> FloatArray:
    """-> (d,) float32, unit length to float16's precision."""
    return np.frombuffer(vector, "<f2").astype(np.float32)
