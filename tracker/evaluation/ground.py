"""People on the ground: places in metres, text files of them, and how those found compare with the true ones.

Protocol: one point per id and frame; similarity max(0, 1 - d / 2D), so that a pair matches within D metres.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracker.errors import OmnitrackError
from tracker.evaluation.metrics import TimeStep
from tracker.evaluation.mot import MotRows
from tracker.whole_files import written_whole

Places = NDArray[np.float64]
"""(n, 4) frame from 1, id, X and Y in metres."""
Area = tuple[float, float, float, float]
"""Least X and Y, largest X and Y, in metres."""


def read_ground(path: Path) -> Places:
    """Places of a text file, a row `frame,id,X,Y` each. Raises OmnitrackError naming file and line, also where an id
    stands twice in a frame.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise OmnitrackError(f"{path}: not a readable text file ({error})") from None
    rows: dict[tuple[float, float], list[float]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = [float(value) for value in line.replace(",", " ").split()]
        except ValueError:
            row = []
        if len(row) != 4 or not np.isfinite(row).all() or row[0] != int(row[0]) or row[0] < 1 or row[1] != int(row[1]):
            raise OmnitrackError(f"{path}:{number}: expected frame from 1, id, X and Y in metres, got {line.strip()!r}")
        if (row[0], row[1]) in rows:
            raise OmnitrackError(f"{path}:{number}: id {row[1]:.0f} stands more than once in frame {row[0]:.0f}")
        rows[row[0], row[1]] = row
    return np.array(list(rows.values()), np.float64).reshape(-1, 4)


def write_ground(path: Path, places: Places) -> None:
    """Write what read_ground reads, in millimetres, whole or not at all. Raises OmnitrackError."""
    with written_whole(path) as file:
        file.write_text("".join(f"{f:.0f},{i:.0f},{x:.3f},{y:.3f}\n" for f, i, x, y in places), encoding="ascii")


def places_told(cameras: Iterable[MotRows]) -> Places:
    """One place per frame and id, the mean of those that the rows of the cameras tell."""
    rows = MotRows.concatenate(cameras)
    rows = rows[~np.isnan(rows.ground_metres[:, 0])]
    keys, row = np.unique(np.column_stack([rows.frames, rows.ids]), axis=0, return_inverse=True)
    sums = np.zeros((len(keys), 2))
    np.add.at(sums, row.ravel(), rows.ground_metres)
    counts = np.bincount(row.ravel(), minlength=len(keys))
    return np.column_stack([keys, sums / counts[:, None]])


def inside(places: Places, area: Area) -> Places:
    """Those within an area, its border included."""
    x, y = places[:, 2], places[:, 3]
    return places[(x >= area[0]) & (y >= area[1]) & (x <= area[2]) & (y <= area[3])]


def ground_steps(truth: Places, found: Places, frames: Iterable[int], distance_metres: float) -> list[TimeStep]:
    """What each of the frames compares."""
    steps = []
    for frame in frames:
        real, guess = truth[truth[:, 0] == frame], found[found[:, 0] == frame]
        apart = np.linalg.norm(real[:, None, 2:] - guess[None, :, 2:], axis=-1)
        similarity = np.clip(1 - apart / (2 * distance_metres), 0, None)
        steps.append(TimeStep(real[:, 1].astype(np.int64), guess[:, 1].astype(np.int64), similarity))
    return steps
