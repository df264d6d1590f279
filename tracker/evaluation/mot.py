"""MOT text files: one row per box, `frame, id, left, top, width, height, conf, X, Y, ...`, frames from 1."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tracker.errors import OmnitrackError
from tracker.whole_files import written_whole


@dataclass(frozen=True, slots=True, eq=False)
class MotRows:
    """The rows of one camera.

    frames, ids: (n,) int64. boxes_xyxy: (n, 4) float64 pixels. conf: (n,) float64, in ground truth a flag
    (0 = ignore). ground_metres: (n, 2) float64, NaN where the file holds no position.
    """

    frames: NDArray[np.int64]
    ids: NDArray[np.int64]
    boxes_xyxy: NDArray[np.float64]
    conf: NDArray[np.float64]
    ground_metres: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, rows: NDArray[np.bool_] | NDArray[np.int64] | slice) -> Self:
        return type(self)(
            self.frames[rows], self.ids[rows], self.boxes_xyxy[rows], self.conf[rows], self.ground_metres[rows]
        )

    def clipped(self, image_size: tuple[int, int]) -> Self:
        """Boxes cut to pictures of (width, height) pixels; one that lies outside becomes a line or a point."""
        return replace(self, boxes_xyxy=self.boxes_xyxy.clip(0, [*image_size, *image_size]))

    @classmethod
    def concatenate(cls, parts: Iterable[Self]) -> Self:
        parts = list(parts)
        return cls(
            np.concatenate([p.frames for p in parts]),
            np.concatenate([p.ids for p in parts]),
            np.concatenate([p.boxes_xyxy for p in parts]),
            np.concatenate([p.conf for p in parts]),
            np.concatenate([p.ground_metres for p in parts]),
        )


def parse_line(line: str, where: str) -> list[float]:
    """The first nine columns of a row; a short row is padded as MOT readers expect (conf 1, position -1)."""
    fields = line.replace(",", " ").split()
    if len(fields) < 6:
        raise OmnitrackError(f"{where}: a MOT row needs at least 6 columns (frame,id,left,top,width,height)")
    try:
        values = [float(field) for field in fields[:9]]
    except ValueError as error:
        raise OmnitrackError(f"{where}: {error}; every column of a MOT row is a number") from None
    if not np.isfinite(values).all():
        raise OmnitrackError(f"{where}: a column is not finite")
    if values[0] != int(values[0]) or values[0] < 1:
        raise OmnitrackError(f"{where}: frame is {fields[0]}; frames are whole numbers from 1")
    if values[4] <= 0 or values[5] <= 0:
        raise OmnitrackError(f"{where}: width and height must be positive, got {fields[4]} and {fields[5]}")
    return values + [1.0] * (len(values) == 6) + [-1.0] * (9 - max(len(values), 7))


def read_mot(path: Path) -> MotRows:
    """Rows of a MOT text file in file order; an empty file holds no rows.

    Raises OmnitrackError naming file and line.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise OmnitrackError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise OmnitrackError(f"{path}: not a readable MOT text file ({error})") from None
    rows = [parse_line(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip()]
    table = np.array(rows, np.float64).reshape(-1, 9)
    boxes = table[:, 2:6].copy()
    boxes[:, 2:] += boxes[:, :2]
    ground = table[:, 7:9].copy()
    ground[(ground == -1).all(axis=1)] = np.nan
    return MotRows(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), boxes, table[:, 6], ground)


def format_mot(rows: MotRows) -> str:
    """MOT text, sorted by frame and id, hundredths of a pixel, millimetres; the same rows give the same bytes."""
    order = np.lexsort((rows.ids, rows.frames))
    lines = []
    for k in order:
        x1, y1, x2, y2 = rows.boxes_xyxy[k]
        x, y = rows.ground_metres[k]
        place = "-1,-1" if np.isnan(x) else f"{x:.3f},{y:.3f}"
        box = f"{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f}"
        lines.append(f"{rows.frames[k]},{rows.ids[k]},{box},{rows.conf[k]:.3f},{place},-1\n")
    return "".join(lines)


def write_mot(path: Path, rows: MotRows) -> None:
    """Written whole or not at all. Raises OmnitrackError."""
    with written_whole(path) as file:
        file.write_text(format_mot(rows), encoding="ascii")
