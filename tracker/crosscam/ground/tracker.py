"""One tracker for all cameras that see the same ground: people are followed in metres, not in pixels.

Every step: predict, give each camera's boxes to the tracks (Hungarian per camera, swept over the cameras), ask of each
person's boxes together whose they are, correct each track with all its boxes, let what is left begin new tracks, count
the evidence that each track exists, and merge tracks that turn out to be one person.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tracker.core.types import Detections, FloatArray
from tracker.crosscam.features import unit_rows
from tracker.crosscam.ground.appearance import AppearanceScale, CameraTints, likeness
from tracker.crosscam.ground.association import assign, regroup
from tracker.crosscam.ground.births import find_births
from tracker.crosscam.ground.config import GroundConfig
from tracker.crosscam.ground.gaussian import Array, log_density
from tracker.crosscam.ground.merging import find_duplicates, merge
from tracker.crosscam.ground.rig import Boxes, Rig
from tracker.crosscam.ground.tracks import GroundTracks
from tracker.crosscam.ground_plane import GroundCamera
from tracker.crosscam.state import State


@dataclass(frozen=True, slots=True, eq=False)
class GroundUpdate:
    """One track in one step.

    xy: (2,) metres. covariance: (2, 2). boxes: row of each camera's detections, where it has one. fits: of these boxes,
    log-likelihood ratio of "stands where the track is" over "anywhere", and the metres between the two places. look:
    (d,) float32 unit vector of its boxes without the cameras' tint, None without. confirmed: it counts.
    """

    track_id: int
    t_seconds: float
    xy: Array
    covariance: Array
    boxes: Mapping[str, int]
    fits: Mapping[str, tuple[float, float]]
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
        self.joined: list[tuple[int, int]] = []
        self._next_id = 1
        self._now = -np.inf
        self._stepped = np.full(len(self._names), -np.inf)
        self._remembered = -np.inf

    def update(self, t_seconds: float, detections: Mapping[str, Detections]) -> list[GroundUpdate]:
        """Take one step. A camera without an entry gave no picture: it speaks neither for nor against anybody.

        Raises ValueError if time runs backwards.
        """
        if not t_seconds >= self._now:
            raise ValueError(f"time must not run backwards: {t_seconds} s after {self._now} s")
        passed, self._now = t_seconds - self._now, t_seconds
        present = np.array([name in detections for name in self._names])
        stepped, self._stepped = self._stepped, np.where(present, t_seconds, self._stepped)
        self.joined = []
        here = [detections.get(name, Detections.empty()) for name in self._names]
        tracks = self._known_tracks(here)
        dimension = tracks.looks.shape[2]
        looks = self._tints.remove(here, dimension)
        boxes = self._rig.boxes(here, looks, self.config)
        if np.isfinite(passed):
            tracks.predict(passed, self.config.acceleration)
            tracks.looks *= np.float32(self.config.appearance_memory ** (passed / self.config.interval_seconds))
        self._match(tracks, boxes, stepped[present].min(initial=t_seconds))
        weights = np.minimum((t_seconds - stepped) / self.config.interval_seconds, 1.0)
        self._count_evidence(tracks, weights * present)
        tracks = self._begin(tracks, boxes, present)
        if t_seconds - self._remembered >= 0.99 * self.config.interval_seconds:
            self._remembered = t_seconds
            tracks.remember()
            tracks = self._merge(tracks)
        tracks.confirmed |= tracks.log_odds > self.config.confirm_log_odds
        updates = self._updates(tracks, boxes)
        self._tracks = tracks.take(self._alive(tracks))
        return updates

    @property
    def cameras(self) -> dict[str, GroundCamera]:
        return dict(zip(self._names, self._rig.cameras, strict=True))

    def resize(self, name: str, image_size: tuple[int, int]) -> None:
        """From now on the pictures of a camera are so large, (width, height): the calibrated ones, stretched."""
        cameras = self.cameras
        cameras[name] = cameras[name].resized(image_size)
        self._rig = Rig(list(cameras.values()))

    @classmethod
    def restored(cls, cameras: Mapping[str, GroundCamera], state: State, config: GroundConfig | None = None) -> Self:
        """Goes on where another one was when it gave its state(). The rest as for a new one.

        Raises ValueError for the state of other cameras.
        """
        made = cls(cameras, config)
        if made._names != state["cameras"]:
            raise ValueError(
                f"the saved ground tracker followed people in {', '.join(state['cameras'])}, these cameras are "
                f"{', '.join(made._names)}; start without it"
            )
        made._tints.restore(state["tints"])
        made._scale.restore(state["scale"])
        made._tracks = None if state["tracks"] is None else GroundTracks.restored(state["tracks"])
        made._next_id, made._now = state["next_id"], state["now"]
        made._stepped, made._remembered = state["stepped"].copy(), state["remembered"]
        return made

    def state(self) -> State:
        """All that this tracker knows, as plain data for restored(); calibration and settings are saved apart."""
        return {
            "cameras": list(self._names),
            "tints": self._tints.state(),
            "scale": self._scale.state(),
            "tracks": None if self._tracks is None else self._tracks.state(),
            "next_id": self._next_id,
            "now": self._now,
            "stepped": self._stepped.copy(),
            "remembered": self._remembered,
        }

    def _known_tracks(self, here: list[Detections]) -> GroundTracks:
        """The tracks so far; while there are none, prepared for the dimension of the first embeddings that come."""
        dimension = next((seen.embeddings.shape[1] for seen in here if seen.embeddings is not None), 1)
        if self._tracks is None or len(self._tracks) == 0:
            self._tracks = GroundTracks.empty(len(self._names), dimension, self.config.merge_intervals)
        return self._tracks

    def _match(self, tracks: GroundTracks, boxes: Boxes, before: float) -> None:
        """Give boxes to tracks; correct positions, looks and the scale of appearance. before: when each camera that is
        here now had been here before.
        """
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

    def _count_evidence(self, tracks: GroundTracks, weights: Array) -> None:
        """A camera that has a box for a track speaks for it, one that should and has none speaks against it.

        weights: (c,) how much each camera's word counts now, 0 for one that gave no picture.
        """
        hits = tracks.boxes >= 0
        misses = self._rig.in_view(tracks.mean[:, :2]) & ~hits
        evidence = self.config.hit_log_odds * (hits @ weights) + self.config.miss_log_odds * (misses @ weights)
        tracks.log_odds = np.minimum(tracks.log_odds + evidence, self.config.max_log_odds)

    def _begin(self, tracks: GroundTracks, boxes: Boxes, present: NDArray[np.bool_]) -> GroundTracks:
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
        self._count_evidence(new, present.astype(np.float64))
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
        return tracks.take(~np.isin(np.arange(len(tracks)), [gone for _, gone in pairs]))

    def _alive(self, tracks: GroundTracks) -> NDArray[np.bool_]:
        patience = np.where(tracks.confirmed, self.config.lost_seconds, self.config.tentative_seconds)
        alive: NDArray[np.bool_] = self._now - tracks.seen_seconds <= patience
        return alive & (tracks.log_odds > self.config.end_log_odds)

    def _updates(self, tracks: GroundTracks, boxes: Boxes) -> list[GroundUpdate]:
        row, camera = np.nonzero(tracks.boxes >= 0)
        box = tracks.boxes[row, camera]
        looks = np.zeros((len(tracks), tracks.looks.shape[2]), np.float32)
        seen, first = np.unique(row, return_index=True)
        if len(seen):
            looks[seen] = np.add.reduceat(boxes.looks[box], first)
        looks = unit_rows(looks)
        described: list[bool] = (np.abs(looks).max(axis=1, initial=0) > 0).tolist()
        own: list[dict[str, int]] = [{} for _ in range(len(tracks))]
        fits: list[dict[str, tuple[float, float]]] = [{} for _ in range(len(tracks))]
        xy, covariance = tracks.mean[:, :2].copy(), tracks.covariance[:, :2, :2].copy()
        offset = boxes.xy[box] - xy[row]
        density, _ = log_density(offset, covariance[row] + boxes.covariance[box])
        odds, metres = density - np.log(self.config.clutter_per_square_metre), np.hypot(*offset.T)
        columns = (row, camera, box - boxes.starts[camera], odds, metres)
        for track, name, index, *fit in zip(*(column.tolist() for column in columns), strict=True):
            own[track][self._names[name]] = index
            fits[track][self._names[name]] = (fit[0], fit[1])
        return [
            GroundUpdate(
                number, self._now, xy[k], covariance[k], own[k], fits[k], looks[k] if described[k] else None, sure
            )
            for k, (number, sure) in enumerate(zip(tracks.ids.tolist(), tracks.confirmed.tolist(), strict=True))
        ]
