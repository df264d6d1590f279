"""Recorded detections of one camera in, tracked rows out: what `main.py track` and the benchmarks share."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from tracker.core.interpolation import fill_gaps
from tracker.core.motion import MotionConfig
from tracker.core.single_camera import SingleCameraTracker, TrackerConfig
from tracker.core.types import Detections, TrackQuality, TrackUpdate
from tracker.evaluation.mot import MotRows


def track_frames(frames: Iterable[Detections], frames_per_second: float, config: TrackerConfig) -> MotRows:
    """Rows of every confirmed track, its observations before the confirmation included; frames count from 1."""
    return tracked(frames, frames_per_second, config)[0]


def tracked(
    frames: Iterable[Detections], frames_per_second: float, config: TrackerConfig
) -> tuple[MotRows, dict[int, TrackQuality]]:
    """The rows of track_frames, and how well each of these tracks was seen, by its id."""
    tracker = SingleCameraTracker("camera", config)
    seen: list[tuple[int, TrackUpdate]] = []
    qualities: dict[int, TrackQuality] = {}
    last_seconds = 0.0
    for index, detections in enumerate(frames):
        last_seconds = index / frames_per_second
        updates = tracker.update(last_seconds, detections)
        seen.extend((index + 1, update) for update in updates if update.detection_index is not None)
        qualities.update(_ended(updates))
    qualities.update(_ended(tracker.finish(last_seconds)))
    return _rows([(frame, update) for frame, update in seen if update.track_id in qualities]), qualities


def _ended(updates: Iterable[TrackUpdate]) -> Iterator[tuple[int, TrackQuality]]:
    """The confirmed tracks that end here."""
    for update in updates:
        if update.confirmed and update.track_quality is not None:
            yield update.track_id, update.track_quality


def _rows(seen: Sequence[tuple[int, TrackUpdate]]) -> MotRows:
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
