"""One tracker for all cameras that see the same ground: people are followed in metres, not in pixels.

Every step: predict, give each camera's boxes to the tracks (Hungarian per camera, swept over the cameras), correct each
track with all its boxes, let what is left begin new tracks, count the evidence that each track exists, and merge
tracks that turn out to be one person.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.core.types import Detections, FloatArray
from tracker.crosscam.features import unit_rows
from tracker.crosscam.ground.appearance import AppearanceScale, CameraTint, likeness
from tracker.crosscam.ground.association import View, assign, find_births
from tracker.crosscam.ground.config import GroundConfig
from tracker.crosscam.ground.gaussian import Array
from tracker.crosscam.ground.merging import find_duplicates, merge
from tracker.crosscam.ground.tracks import GroundTracks
from tracker.crosscam.ground_plane import GroundCamera, GroundPoints, locate

BORDER_PIXELS = 3.0
VAGUE_METRES = 20.0
"""A foot point that is less certain than this, near the horizon, tells nothing."""


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
        self._cameras = [cameras[name] for name in self._names]
        self._tints = [CameraTint() for _ in self._names]
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
        passed = t_seconds - self._now
        self._now = t_seconds
        self.joined = []
        here = [detections.get(name, Detections.empty()) for name in self._names]
        tracks = self._known_tracks(here)
        dimension = tracks.looks.shape[2]
        views = [self._view(camera, seen, dimension) for camera, seen in enumerate(here)]
        if np.isfinite(passed):
            tracks.predict(passed, self.config.acceleration)
            tracks.looks *= np.float32(self.config.appearance_memory ** self._intervals(passed))
        self._match(tracks, views)
        self._count_evidence(tracks, min(1.0, self._intervals(passed)))
        tracks = self._begin(tracks, views)
        if t_seconds - self._remembered >= 0.99 * self.config.interval_seconds:
            self._remembered = t_seconds
            tracks.remember()
            tracks = self._merge(tracks)
        tracks.confirmed |= tracks.log_odds > self.config.confirm_log_odds
        updates = self._updates(tracks, views)
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

    def _view(self, camera: int, seen: Detections, dimension: int) -> View:
        """The boxes of one camera on the ground; the picture's border makes the foot of a cut box uncertain."""
        config = self.config
        width, height = self._cameras[camera].image_size
        boxes = seen.boxes_xyxy
        beside = (boxes[:, 0] <= BORDER_PIXELS) | (boxes[:, 2] >= width - BORDER_PIXELS)
        below = boxes[:, 3] >= height - BORDER_PIXELS
        across = np.where(beside, config.cut_noise[0], config.foot_noise[0])
        along = np.where(below, config.cut_noise[1], config.foot_noise[1])
        points = locate(self._cameras[camera], boxes, np.stack([across, along], axis=1))
        covariance = points.covariance + config.base_noise_metres**2 * np.eye(2)
        vague = covariance[:, 0, 0] + covariance[:, 1, 1] > VAGUE_METRES**2
        xy = np.where(vague[:, None], np.nan, points.xy)
        return View(GroundPoints(xy, covariance), self._tints[camera].remove(seen, dimension))

    def _match(self, tracks: GroundTracks, views: list[View]) -> None:
        """Give boxes to tracks; correct positions, looks and the scale of appearance."""
        seen = [likeness(tracks.looks, camera, view.looks) for camera, view in enumerate(views)]
        affinity = [self.config.appearance_weight * self._scale.log_odds(one) for one in seen]
        found = assign(tracks, views, affinity, self.config)
        tracks.boxes = found.boxes
        matched = np.flatnonzero((found.boxes >= 0).any(axis=1))
        tracks.correct(matched, found.position[matched], found.covariance[matched])
        tracks.seen_seconds[matched] = self._now
        for camera, view in enumerate(views):
            rows = np.flatnonzero(found.boxes[:, camera] >= 0)
            sure = rows[tracks.confirmed[rows]]
            self._scale.learn(seen[camera], sure, found.boxes[sure, camera])
            tracks.looks[rows, camera] += view.looks[found.boxes[rows, camera]]

    def _count_evidence(self, tracks: GroundTracks, weight: float) -> None:
        """A camera that has a box for a track speaks for it, one that should and has none speaks against it."""
        hits = tracks.boxes >= 0
        misses = self._in_view(tracks.mean[:, :2]) & ~hits
        evidence = self.config.hit_log_odds * hits.sum(axis=1) + self.config.miss_log_odds * misses.sum(axis=1)
        tracks.log_odds = np.minimum(tracks.log_odds + weight * evidence, self.config.max_log_odds)

    def _begin(self, tracks: GroundTracks, views: list[View]) -> GroundTracks:
        """New tracks from the boxes that are left, unless the other cameras contradict at once."""
        config = self.config
        births = find_births(tracks.boxes, views, self._scale, config)
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

    def _in_view(self, ground: Array) -> NDArray[np.bool_]:
        """(n, c): whether a place (n, 2) on the ground lies inside each camera's picture."""
        inside = []
        for camera in self._cameras:
            pixels = camera.to_image(ground)
            inside.append((np.isfinite(pixels) & (pixels > 0) & (pixels < camera.image_size)).all(axis=1))
        return np.stack(inside, axis=1)

    def _updates(self, tracks: GroundTracks, views: list[View]) -> list[GroundUpdate]:
        looks = np.zeros((len(tracks), tracks.looks.shape[2]), np.float32)
        for camera, view in enumerate(views):
            rows = np.flatnonzero(tracks.boxes[:, camera] >= 0)
            looks[rows] += view.looks[tracks.boxes[rows, camera]]
        looks = unit_rows(looks)
        described = np.abs(looks).sum(axis=1) > 0
        return [
            GroundUpdate(
                int(tracks.ids[row]),
                self._now,
                tracks.mean[row, :2].copy(),
                tracks.covariance[row, :2, :2].copy(),
                {self._names[c]: int(box) for c, box in enumerate(tracks.boxes[row]) if box >= 0},
                looks[row] if described[row] else None,
                bool(tracks.confirmed[row]),
            )
            for row in range(len(tracks))
        ]
