"""One tracker for all cameras that see the same ground: people are followed in metres, not in pixels.

Every step: predict, give each camera's boxes to the tracks (Hungarian per camera, swept over the cameras), ask of each
person's boxes together whose they are, correct each track with all its boxes, let what is left begin new tracks, count
the evidence that each track exists, and merge tracks that turn out to be one person.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.core.types import Detections, FloatArray
from tracker.crosscam.features import unit_rows
from tracker.crosscam.ground.appearance import AppearanceScale, CameraTints, likeness
from tracker.crosscam.ground.association import assign, regroup
from tracker.crosscam.ground.births import find_births
from tracker.crosscam.ground.config import GroundConfig
from tracker.crosscam.ground.gaussian import Array
from tracker.crosscam.ground.merging import find_duplicates, merge
from tracker.crosscam.ground.rig import Boxes, Rig
from tracker.crosscam.ground.tracks import GroundTracks
from tracker.crosscam.ground_plane import GroundCamera


@dataclass(frozen=True, slots=True, eq=False)
class GroundUpdate:
    """One track in one step.

    xy: (2,) metres. covariance: (2, 2). boxes: row of each camera's detections, where it has one. look: (d,) float32
    unit vector of its boxes without the cameras' tint, None without. confirmed: it counts.
    """

    track_id: int
    t_seconds: float
    xy: Array
    covariance: Array
    boxes: Mapping[str, int]
    look: FloatArray | None
    confirmed: bool


class GroundTracker:
    """Follows people over calibrated cameras whose clocks agree. Track ids count from 1 and are never used twice."""

    def __init__(self, cameras: Mapping[str, GroundCamera], config: GroundConfig | None = None) -> None:
        if not cameras:
            raise ValueError("a ground tracker needs at least one calibrated camera")
        self.config = config or GroundConfig()
        self._names = sorted(cameras)
        self._rig = Rig([cameras[name] for name in self._names])
        self._tints = CameraTints(len(self._names))
        self._scale = AppearanceScale()
        self._tracks: GroundTracks | None = None
        self._redirect: dict[int, int] = {}
        self.joined: list[tuple[int, int]] = []
        self._next_id = 1
        self._now = -np.inf
        self._remembered = -np.inf

    def update(self, t_seconds: float, detections: Mapping[str, Detections]) -> list[GroundUpdate]:
        """Take one step of all cameras; one without an entry saw nothing. Raises ValueError if time stands still."""
        if t_seconds <= self._now:
            raise ValueError(f"time must grow from step to step: {t_seconds} s after {self._now} s")
        before, self._now = self._now, t_seconds
        passed = t_seconds - before
        self.joined = []
        here = [detections.get(name, Detections.empty()) for name in self._names]
        tracks = self._known_tracks(here)
        dimension = tracks.looks.shape[2]
        looks = self._tints.remove(here, dimension)
        boxes = self._rig.boxes(here, looks, self.config)
        if np.isfinite(passed):
            tracks.predict(passed, self.config.acceleration)
            tracks.looks *= np.float32(self.config.appearance_memory ** self._intervals(passed))
        self._match(tracks, boxes, before)
        self._count_evidence(tracks, min(1.0, self._intervals(passed)))
        tracks = self._begin(tracks, boxes)
        if t_seconds - self._remembered >= 0.99 * self.config.interval_seconds:
            self._remembered = t_seconds
            tracks.remember()
            tracks = self._merge(tracks)
        tracks.confirmed |= tracks.log_odds > self.config.confirm_log_odds
        updates = self._updates(tracks, boxes)
        self._tracks = tracks.take(self._alive(tracks))
        return updates

    def resolve(self, track_id: int) -> int:
        """The track that a track was merged into, or itself."""
        while track_id in self._redirect:
            track_id = self._redirect[track_id]
        return track_id

    def _intervals(self, seconds: float) -> float:
        return seconds / self.config.interval_seconds

    def _known_tracks(self, here: list[Detections]) -> GroundTracks:
        """The tracks so far; while there are none, prepared for the dimension of the first embeddings that come."""
        dimension = next((seen.embeddings.shape[1] for seen in here if seen.embeddings is not None), 1)
        if self._tracks is None or len(self._tracks) == 0:
            self._tracks = GroundTracks.empty(len(self._names), dimension, self.config.merge_intervals)
        return self._tracks

    def _match(self, tracks: GroundTracks, boxes: Boxes, before: float) -> None:
        """Give boxes to tracks; correct positions, looks and the scale of appearance. before: the step before."""
        seen = likeness(tracks.looks, boxes)
        log_odds = self._scale.log_odds(seen)
        found = assign(tracks, boxes, log_odds, self.config)
        found = regroup(tracks, boxes, log_odds, found, before, self.config)
        tracks.boxes = found.boxes
        matched = found.matched
        tracks.correct(matched, found.position[matched], found.covariance[matched])
        tracks.seen_seconds[matched] = self._now
        self._scale.learn(seen, boxes, np.where(tracks.confirmed[:, None], found.boxes, -1))
        row, camera = np.nonzero(found.boxes >= 0)
        tracks.looks[row, camera] += boxes.looks[found.boxes[row, camera]]

    def _count_evidence(self, tracks: GroundTracks, weight: float) -> None:
        """A camera that has a box for a track speaks for it, one that should and has none speaks against it."""
        hits = tracks.boxes >= 0
        misses = self._rig.in_view(tracks.mean[:, :2]) & ~hits
        evidence = self.config.hit_log_odds * hits.sum(axis=1) + self.config.miss_log_odds * misses.sum(axis=1)
        tracks.log_odds = np.minimum(tracks.log_odds + weight * evidence, self.config.max_log_odds)

    def _begin(self, tracks: GroundTracks, boxes: Boxes) -> GroundTracks:
        """New tracks from the boxes that are left, unless the other cameras contradict at once."""
        config = self.config
        births = find_births(tracks.boxes, boxes, self._scale, config)
        n = len(births.xy)
        covariance = np.tile(np.eye(4) * config.start_speed**2, (n, 1, 1))
        covariance[:, :2, :2] = births.covariance
        mean = np.hstack([births.xy, np.zeros((n, 2))])
        steps = tracks.past_xy.shape[1]
        new = GroundTracks.new(np.zeros(n, np.int64), mean, covariance, births.looks, births.boxes, steps)
        new.log_odds[:] = config.birth_log_odds
        new.seen_seconds[:] = self._now
        self._count_evidence(new, 1.0)
        new = new.take(new.log_odds > config.end_log_odds)
        new.ids = np.arange(self._next_id, self._next_id + len(new))
        self._next_id += len(new)
        return tracks.join(new)

    def _merge(self, tracks: GroundTracks) -> GroundTracks:
        """One track for every person; self.joined tells (kept, gone) of this step."""
        pairs = find_duplicates(tracks, self.config)
        for kept, gone in pairs:
            merge(tracks, kept, gone)
            self.joined.append((int(tracks.ids[kept]), int(tracks.ids[gone])))
        self._redirect.update({gone: kept for kept, gone in self.joined})
        return tracks.take(~np.isin(np.arange(len(tracks)), [gone for _, gone in pairs]))

    def _alive(self, tracks: GroundTracks) -> NDArray[np.bool_]:
        patience = np.where(tracks.confirmed, self.config.lost_seconds, self.config.tentative_seconds)
        alive: NDArray[np.bool_] = self._now - tracks.seen_seconds <= patience
        return alive & (tracks.log_odds > self.config.end_log_odds)

    def _updates(self, tracks: GroundTracks, boxes: Boxes) -> list[GroundUpdate]:
        row, camera = np.nonzero(tracks.boxes >= 0)
        box = tracks.boxes[row, camera]
        looks = np.zeros((len(tracks), tracks.looks.shape[2]), np.float32)
        np.add.at(looks, row, boxes.looks[box])
        looks = unit_rows(looks)
        described: list[bool] = (np.abs(looks).max(axis=1, initial=0) > 0).tolist()
        own: list[dict[str, int]] = [{} for _ in range(len(tracks))]
        for track, name, index in zip(
            row.tolist(), camera.tolist(), (box - boxes.starts[camera]).tolist(), strict=True
        ):
            own[track][self._names[name]] = index
        xy, covariance = tracks.mean[:, :2].copy(), tracks.covariance[:, :2, :2].copy()
        return [
            GroundUpdate(number, self._now, xy[k], covariance[k], own[k], looks[k] if described[k] else None, sure)
            for k, (number, sure) in enumerate(zip(tracks.ids.tolist(), tracks.confirmed.tolist(), strict=True))
        ]
