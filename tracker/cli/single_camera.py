"""Recorded detections of one camera in, tracked rows out: what `main.py track` and the benchmarks share."""

from collections.abc import Iterable

import numpy as np

from tracker.core.interpolation import fill_gaps
from tracker.core.motion import MotionConfig
from tracker.core.single_camera import SingleCameraTracker, TrackerConfig
from tracker.core.types import Detections, TrackUpdate
from tracker.evaluation.mot import MotRows


def track_frames(frames: Iterable[Detections], frames_per_second: float, config: TrackerConfig) -> MotRows:
    """Rows of every confirmed track, its observations before the confirmation included; frames count from 1."""
    tracker = SingleCameraTracker("camera", config)
    seen: list[tuple[int, TrackUpdate]] = []
    confirmed: set[int] = set()
    for index, detections in enumerate(frames):
        for update in tracker.update(index / frames_per_second, detections):
            if update.confirmed:
                confirmed.add(update.track_id)
            if update.detection_index is not None:
                seen.append((index + 1, update))
    seen = [(frame, update) for frame, update in seen if update.track_id in confirmed]
    return MotRows(
        np.array([frame for frame, _ in seen], np.int64),
        np.array([update.track_id for _, update in seen], np.int64),
        np.array([update.box_xyxy for _, update in seen], np.float64).reshape(-1, 4),
        np.array([update.score for _, update in seen], np.float64),
        np.full((len(seen), 2), np.nan),
    )


def interpolated(rows: MotRows, frames_per_second: float, max_gap_seconds: float, config: MotionConfig) -> MotRows:
    """Every track smoothed and its gaps of at most max_gap_seconds filled; a filled row has score 0."""
    parts = [rows[:0]]
    for track_id in np.unique(rows.ids):
        own = rows[rows.ids == track_id]
        frames = np.arange(own.frames[0], own.frames[-1] + 1)
        times = frames / frames_per_second
        filled, boxes = fill_gaps(times[own.frames - frames[0]], own.boxes_xyxy, times, max_gap_seconds, config)
        scores = np.zeros(len(frames))
        scores[own.frames - frames[0]] = own.conf
        ids, nowhere = np.full(len(filled), track_id), np.full((len(filled), 2), np.nan)
        parts.append(MotRows(frames[filled], ids, boxes.astype(np.float64), scores[filled], nowhere))
    return MotRows.concatenate(parts)
