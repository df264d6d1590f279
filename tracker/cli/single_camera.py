"""Recorded detections of one camera in, tracked rows out: what `main.py track` and the benchmarks share."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple, Self

import numpy as np

from tracker.core.interpolation import fill_gaps
from tracker.core.motion import MotionConfig
from tracker.core.single_camera import SingleCameraTracker, TrackerConfig
from tracker.core.types import Detections, TrackQuality, TrackUpdate
from tracker.evaluation.mot import MotRows


class Sighting(NamedTuple):
    """One observation of a track, in plain numbers. frame: from 1; box_xyxy: four pixels."""

    frame: int
    track_id: int
    box_xyxy: list[float]
    score: float


class RecordedTracker:
    """Follows people through recorded frames, in one go or in pieces: frames are counted from 1 over all of them."""

    def __init__(self, frames_per_second: float, config: TrackerConfig) -> None:
        self._rate = frames_per_second
        self._tracker = SingleCameraTracker("camera", config)
        self.frames_done = 0
        self._seen: list[Sighting] = []
        self._qualities: dict[int, TrackQuality] = {}

    def follow(self, frames: Iterable[Detections | None]) -> None:
        """The frames from the first on, None where nobody looked; as many as were done before are passed over."""
        for detections in islice(frames, self.frames_done, None):
            t_seconds = self.frames_done / self._rate
            self.frames_done += 1
            if detections is None:
                continue
            updates = self._tracker.update(t_seconds, detections)
            self._seen.extend(_sightings(self.frames_done, updates))
            self._qualities.update(_ended(updates))

    def state(self) -> dict[str, Any]:
        """Plain data for restored(). The observations of tracks that do not count yet are in it: they are told when
        these count.
        """
        tracker = self._tracker.state()
        counts = dict(zip(tracker["tracks"]["ids"], tracker["tracks"]["confirmed"], strict=True))
        waiting = [list(seen) for seen in self._seen if not counts.get(seen.track_id, True)]
        return {"frames_done": self.frames_done, "waiting": waiting, "tracker": tracker}

    @classmethod
    def restored(cls, state: dict[str, Any], frames_per_second: float, config: TrackerConfig) -> Self:
        """Goes on where another one was when it gave its state(), and tells only what that one did not.

        ValueError if another version of the program wrote it.
        """
        tracker = cls(frames_per_second, config)
        tracker.frames_done = int(state["frames_done"])
        tracker._seen = [Sighting(*seen) for seen in state["waiting"]]
        tracker._tracker = SingleCameraTracker.restored("camera", state["tracker"], config)
        return tracker

    def finish(self) -> tuple[MotRows, dict[int, TrackQuality]]:
        """Ends every track. Rows of all that counted, their observations before that included; and how well each of
        them was seen, by its id.
        """
        self._qualities.update(_ended(self._tracker.finish(max(self.frames_done - 1, 0) / self._rate)))
        return _rows([seen for seen in self._seen if seen.track_id in self._qualities]), self._qualities


def track_frames(frames: Iterable[Detections], frames_per_second: float, config: TrackerConfig) -> MotRows:
    """Rows of every confirmed track, its observations before the confirmation included; frames count from 1."""
    tracker = RecordedTracker(frames_per_second, config)
    tracker.follow(frames)
    return tracker.finish()[0]


def _sightings(frame: int, updates: Iterable[TrackUpdate]) -> Iterator[Sighting]:
    for update in updates:
        if update.detection_index is not None:
            yield Sighting(frame, update.track_id, update.box_xyxy.tolist(), update.score)


def _ended(updates: Iterable[TrackUpdate]) -> Iterator[tuple[int, TrackQuality]]:
    """The confirmed tracks that end here."""
    for update in updates:
        if update.confirmed and update.track_quality is not None:
            yield update.track_id, update.track_quality


def _rows(seen: list[Sighting]) -> MotRows:
    return MotRows(
        np.array([one.frame for one in seen], np.int64),
        np.array([one.track_id for one in seen], np.int64),
        np.array([one.box_xyxy for one in seen], np.float64).reshape(-1, 4),
        np.array([one.score for one in seen], np.float64),
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
