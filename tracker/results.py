"""What a finished run leaves for people: MOT files with global ids, the timeline picture, and a summary."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tracker.core.interpolation import fill_gaps
from tracker.core.motion import MotionConfig
from tracker.evaluation.mot import MotRows, write_mot
from tracker.store.stored_tracks import TrackletRow


@dataclass(frozen=True, slots=True)
class Visit:
    """One stay of a person in one camera, in seconds of the run's time."""

    camera: str
    t_start_seconds: float
    t_end_seconds: float


@dataclass(frozen=True, slots=True)
class Journey:
    """All visits of one identity in order of time."""

    identity_id: int
    visits: tuple[Visit, ...]

    @property
    def cameras(self) -> tuple[str, ...]:
        """Names in order of first appearance."""
        return tuple(dict.fromkeys(visit.camera for visit in self.visits))


def journeys(tracklets: Iterable[TrackletRow], join_seconds: float = 3.0) -> list[Journey]:
    """Visits by identity; pieces of one identity in one camera less than join_seconds apart are one visit."""
    by_identity: dict[int, list[Visit]] = defaultdict(list)
    for row in sorted(tracklets, key=lambda row: (row.t_seconds[0], row.camera, row.track_id)):
        if row.identity_id is None:
            continue
        visits = by_identity[row.identity_id]
        start, end = float(row.t_seconds[0]), float(row.t_seconds[-1])
        last = next((k for k in reversed(range(len(visits))) if visits[k].camera == row.camera), None)
        if last is not None and start - visits[last].t_end_seconds <= join_seconds:
            visits[last] = Visit(row.camera, visits[last].t_start_seconds, max(end, visits[last].t_end_seconds))
        else:
            visits.append(Visit(row.camera, start, end))
    return [Journey(identity, tuple(visits)) for identity, visits in sorted(by_identity.items())]


def write_mot_files(
    tracklets: Sequence[TrackletRow],
    cameras: Sequence[str],
    folder: Path,
    interpolate_seconds: float,
    motion: MotionConfig,
) -> list[Path]:
    """folder/CAMERA.txt for every camera (empty when nobody came), frames from 1, ids global.

    Tracklets are smoothed and their gaps of at most interpolate_seconds filled, with confidence 0.
    """
    paths = []
    for camera in cameras:
        here = [row for row in tracklets if row.camera == camera and row.identity_id is not None]
        parts = [mot_rows(row, interpolate_seconds, motion) for row in here]
        path = folder / f"{camera}.txt"
        write_mot(path, first_of_each_id(MotRows.concatenate([EMPTY_ROWS, *parts])))
        paths.append(path)
    return paths


EMPTY_ROWS = MotRows(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 4)), np.zeros(0), np.zeros((0, 2)))


def mot_rows(row: TrackletRow, interpolate_seconds: float, motion: MotionConfig) -> MotRows:
    """The rows of one tracklet under its identity; frames that were not seen lie evenly in time between the others."""
    frames = np.arange(row.frames[0], row.frames[-1] + 1)
    times = np.interp(frames, row.frames, row.t_seconds)
    filled, boxes = fill_gaps(row.t_seconds, row.boxes_xyxy, times, interpolate_seconds, motion)
    scores = np.zeros(len(frames))
    scores[row.frames - row.frames[0]] = row.scores
    ids = np.full(len(filled), row.identity_id, np.int64)
    nowhere = np.full((len(filled), 2), np.nan)
    return MotRows(frames[filled] + 1, ids, boxes.astype(np.float64), scores[filled], nowhere)


def first_of_each_id(rows: MotRows) -> MotRows:
    """One row per id and frame, an observed box before an interpolated one: what readers of MOT files require."""
    order = np.lexsort((-rows.conf, rows.ids, rows.frames))
    rows = rows[order]
    _, first = np.unique(np.column_stack([rows.frames, rows.ids]), axis=0, return_index=True)
    return rows[first]
