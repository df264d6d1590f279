"""The tracker of one camera: Kalman prediction, a cascade of Hungarian assignments, lifecycle in seconds."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tracker.core import boxes, motion
from tracker.core.assignment import Matches
from tracker.core.association import Stage, Term, associate
from tracker.core.costs import Scene
from tracker.core.motion import MotionConfig
from tracker.core.track import Mask, Tracks
from tracker.core.types import Detections, FloatArray, TrackState, TrackUpdate

CONFIRMED, LOST, TENTATIVE = (TrackState.CONFIRMED,), (TrackState.LOST,), (TrackState.TENTATIVE,)

DEFAULT_STAGES = (
    Stage(CONFIRMED + LOST, (Term("overlap", limit=0.9), Term("appearance", 0.5, limit=0.5)), 0.8, min_score=0.5),
    Stage(CONFIRMED, (Term("overlap"),), 0.6, max_score=0.5),
    Stage(TENTATIVE, (Term("overlap"),), 0.7, min_score=0.5),
)


@dataclass(frozen=True, slots=True)
class TrackerConfig:
    """Settings of SingleCameraTracker; times in seconds.

    motion: noise of the Kalman filter. stages: the association, in order. new_track_score: a detection that no track
    took begins one from this score on. confirm_hits, confirm_seconds: a track counts after so many observations that
    span at least so long. tentative_seconds, lost_seconds: it ends when it was not observed for longer, before and
    after it was confirmed. bridge_seconds: after a longer gap the filter is run again over the gap (motion.bridge).
    appearance_memory: share of the old running appearance kept at each good view. max_occlusion: crops hidden by
    another person for more than this fraction teach the track nothing. sharp_height_pixels: people at least this tall
    are large enough to be described at full quality.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    motion: MotionConfig = field(default_factory=MotionConfig)
    stages: tuple[Stage, ...] = DEFAULT_STAGES
    new_track_score: float = 0.5
    confirm_hits: int = 3
    confirm_seconds: float = 0.0
    tentative_seconds: float = 0.0
    lost_seconds: float = 3.0
    bridge_seconds: float = 0.3
    appearance_memory: float = 0.9
    max_occlusion: float = 0.3
    sharp_height_pixels: float = 64.0

    def __post_init__(self) -> None:
        for name in ("new_track_score", "appearance_memory", "max_occlusion"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in [0, 1], got {getattr(self, name)}")
        for name in ("confirm_seconds", "tentative_seconds", "lost_seconds", "bridge_seconds"):
            if not 0 <= getattr(self, name) < np.inf:
                raise ValueError(f"{name} must be finite and not negative, got {getattr(self, name)}")
        if self.confirm_hits < 1:
            raise ValueError(f"confirm_hits must be at least 1, got {self.confirm_hits}")
        if not self.sharp_height_pixels > 0:
            raise ValueError(f"sharp_height_pixels must be positive, got {self.sharp_height_pixels}")


class SingleCameraTracker:
    """Follows people in one camera. Instances share nothing; equal input gives equal output.

    Track ids count from 1 in order of birth and are never used twice.
    """

    def __init__(self, camera_id: str, config: TrackerConfig | None = None) -> None:
        self.camera_id = camera_id
        self.config = config or TrackerConfig()
        self._tracks = Tracks.empty()
        self._next_id = 1
        self._now = -np.inf

    def update(
        self, t_seconds: float, detections: Detections, camera_motion: NDArray[np.float64] | None = None
    ) -> list[TrackUpdate]:
        """One frame, taken at t_seconds. Returns one update per track alive, and one for each that ended now.

        A lost track is reported at every step, at its predicted place, without detection_index. camera_motion (2, 3)
        maps points of the previous picture to this one. ValueError if t_seconds is not after the previous frame's.
        """
        self._advance(t_seconds, camera_motion)
        scene = Scene(self._tracks, self._described(detections), t_seconds, self.config.motion)
        matches = associate(scene, self.config.stages)
        quality = self._quality(scene.detections)
        self._correct(scene, matches, quality)
        born = self._begin(scene, matches)
        detection_of = np.full(len(self._tracks), -1, np.intp)
        detection_of[matches.tracks] = matches.detections
        detection_of[len(detection_of) - len(born) :] = born
        ended = self._ended()
        updates = self._updates(detection_of, ended, scene.detections, quality)
        if ended.any():
            self._tracks = self._tracks.select(~ended)
        return updates

    def finish(self, t_seconds: float) -> list[TrackUpdate]:
        """End of the stream: every track alive ends. ValueError if time ran backwards."""
        if not t_seconds >= self._now:
            raise ValueError(f"camera {self.camera_id}: time ran backwards from {self._now} s to {t_seconds} s")
        self._now = t_seconds
        nobody = np.full(len(self._tracks), -1, np.intp)
        updates = self._updates(nobody, np.ones(len(nobody), np.bool_), Detections.empty(), np.zeros(0, np.float32))
        self._tracks = Tracks.empty()
        return updates

    def _advance(self, t_seconds: float, camera_motion: NDArray[np.float64] | None) -> None:
        if not self._now < t_seconds < np.inf:
            raise ValueError(f"camera {self.camera_id}: a frame at {t_seconds} s came after one at {self._now} s")
        if len(self._tracks):
            states = motion.predict(self._tracks.states, t_seconds - self._now, self.config.motion)
            self._tracks.states = states if camera_motion is None else motion.warp(states, camera_motion)
            if camera_motion is not None:
                self._tracks.anchors = motion.warp(self._tracks.anchors, camera_motion)
        self._now = t_seconds

    def _described(self, detections: Detections) -> Detections:
        """The detections; the first that carry embeddings fix their dimension."""
        if detections.embeddings is None or not len(detections):
            return detections
        known, given = self._tracks.embeddings.shape[1], detections.embeddings.shape[1]
        if not known:
            self._tracks.embeddings = np.zeros((len(self._tracks), given), np.float32)
        elif known != given:
            raise ValueError(f"camera {self.camera_id}: embeddings changed dimension from {known} to {given}")
        return detections

    def _quality(self, detections: Detections) -> FloatArray:
        """(m,) in [0, 1]: score x visible fraction x size; 0 where the box is not embedded."""
        if detections.embeddings is None:
            return np.zeros(len(detections), np.float32)
        heights = detections.boxes_xyxy[:, 3] - detections.boxes_xyxy[:, 1]
        size = np.minimum(heights / self.config.sharp_height_pixels, 1)
        visible = 1 - boxes.occlusion(detections.boxes_xyxy)
        return np.asarray(detections.scores * visible * size * detections.embeddings.any(axis=1), np.float32)

    def _correct(self, scene: Scene, matches: Matches, quality: FloatArray) -> None:
        """Feed the matched detections into filter and appearance; mark who was missed."""
        tracks, config, found = self._tracks, self.config, matches.tracks
        tracks.lost = tracks.confirmed.copy()
        if not len(found):
            return
        measured = boxes.xyxy_to_cxcywh(scene.detections.boxes_xyxy[matches.detections])
        gaps = self._now - tracks.seen[found]
        tracks.states[found] = motion.update(tracks.states[found], measured, config.motion)
        returned = gaps > config.bridge_seconds
        if returned.any():
            rows = found[returned]
            tracks.states[rows] = motion.bridge(tracks.anchors[rows], measured[returned], gaps[returned], config.motion)
        tracks.anchors[found] = tracks.states[found]
        tracks.seen[found] = self._now
        tracks.hits[found] += 1
        tracks.scores[found] = scene.detections.scores[matches.detections]
        ready = (tracks.hits[found] >= config.confirm_hits) & (self._now - tracks.born[found] >= config.confirm_seconds)
        tracks.confirmed[found] |= ready
        tracks.lost[found] = False
        self._learn_appearance(scene.detections, matches, quality)

    def _learn_appearance(self, detections: Detections, matches: Matches, quality: FloatArray) -> None:
        """Move the running appearance of matched tracks towards what is seen, by clear views only."""
        if detections.embeddings is None:
            return
        clear = quality[matches.detections] > 0
        clear &= boxes.occlusion(detections.boxes_xyxy)[matches.detections] <= self.config.max_occlusion
        rows, seen = matches.tracks[clear], detections.embeddings[matches.detections[clear]]
        old = self._tracks.embeddings[rows]
        memory = np.where(old.any(axis=1, keepdims=True), self.config.appearance_memory, 0)
        mixed = memory * old + (1 - memory) * seen
        self._tracks.embeddings[rows] = mixed / np.linalg.norm(mixed, axis=1, keepdims=True)

    def _begin(self, scene: Scene, matches: Matches) -> NDArray[np.intp]:
        """New tracks for sure detections that nobody took; returns their rows in the detections."""
        detections = scene.detections
        free = detections.scores >= self.config.new_track_score
        free[matches.detections] = False
        born = np.flatnonzero(free)
        if len(born):
            states = motion.initiate(boxes.xyxy_to_cxcywh(detections.boxes_xyxy[born]), self.config.motion)
            ids = np.arange(self._next_id, self._next_id + len(born))
            embeddings = np.zeros((len(born), self._tracks.embeddings.shape[1]), np.float32)
            if detections.embeddings is not None:
                embeddings[:] = detections.embeddings[born]
            fresh = Tracks.begin(ids, states, self._now, detections.scores[born], embeddings)
            self._tracks = self._tracks.join(fresh)
            self._next_id += len(born)
        return born

    def _ended(self) -> Mask:
        tracks, config = self._tracks, self.config
        patience = np.where(tracks.confirmed, config.lost_seconds, config.tentative_seconds)
        return np.asarray(self._now - tracks.seen > patience)

    def _updates(
        self, detection_of: NDArray[np.intp], ended: Mask, detections: Detections, quality: FloatArray
    ) -> list[TrackUpdate]:
        """One update per track; detection_of (n,) holds the row of its detection, -1 for none."""
        tracks = self._tracks
        predicted = boxes.cxcywh_to_xyxy(tracks.states[:, motion.POSITION])
        updates = []
        columns = (tracks.ids, tracks.confirmed, ended, detection_of)
        for row, (track_id, confirmed, over, index) in enumerate(zip(*(c.tolist() for c in columns), strict=True)):
            seen = index >= 0
            embedding = detections.embeddings[index] if seen and detections.embeddings is not None else None
            updates.append(
                TrackUpdate(
                    camera_id=self.camera_id,
                    track_id=track_id,
                    t_seconds=self._now,
                    state=_state(confirmed, seen, over),
                    box_xyxy=detections.boxes_xyxy[index] if seen else predicted[row],
                    score=float(detections.scores[index]) if seen else 0.0,
                    detection_index=index if seen else None,
                    embedding=embedding,
                    quality=float(quality[index]) if seen else 0.0,
                    confirmed=confirmed,
                )
            )
        return updates


def _state(confirmed: bool, seen: bool, over: bool) -> TrackState:
    if over:
        return TrackState.ENDED
    if not confirmed:
        return TrackState.TENTATIVE
    return TrackState.CONFIRMED if seen else TrackState.LOST
