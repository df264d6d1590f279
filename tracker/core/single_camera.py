"""The tracker of one camera: predict, associate, correct, begin, end."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tracker.core import boxes, motion
from tracker.core.appearance import StrangerDistance, Views, blended
from tracker.core.assignment import Matches
from tracker.core.association import associate, checked_splits
from tracker.core.costs import Scene
from tracker.core.durations import longer
from tracker.core.lifecycle import counts, over_for_good
from tracker.core.reporting import NOBODY, report
from tracker.core.selection import Looks, SelectionConfig
from tracker.core.settings import TrackerConfig
from tracker.core.track import Tracks
from tracker.core.types import Detections, TrackUpdate

__all__ = ["SingleCameraTracker", "TrackerConfig"]

Indices = NDArray[np.intp]

STATE_VERSION = 3
"""Changes whenever saved trackers would be understood differently."""


class SingleCameraTracker:
    """Follows people in one camera. Instances share nothing; equal input gives equal output.

    Track ids count from 1 in order of birth and are never used twice. selection: whose look wants_embedding() asks for;
    None: everybody's.
    """

    def __init__(
        self, camera_id: str, config: TrackerConfig | None = None, selection: SelectionConfig | None = None
    ) -> None:
        self.camera_id = camera_id
        self.config = config or TrackerConfig()
        self._looks = None if selection is None else Looks(selection)
        self._tracks = Tracks.empty()
        self._next_id = 1
        self._now = -np.inf
        self._strangers = StrangerDistance()

    def wants_embedding(
        self, t_seconds: float, detections: Detections, camera_motion: NDArray[np.float64] | None = None
    ) -> NDArray[np.bool_]:
        """(m,) the detections of the frame at t_seconds whose embedding can change what update() will say of it.

        camera_motion: as for update(). Nobody's whose score is too low to continue or begin a track. Changes nothing.
        """
        used = detections.scores >= min(self.config.new_track_score, *(s.min_score for s in self.config.stages))
        if self._looks is not None and len(self._tracks):
            states = motion.predict(self._tracks.states, t_seconds - self._now, self.config.motion)
            if camera_motion is not None:
                states = motion.warp(states, camera_motion)
            predicted = boxes.cxcywh_to_xyxy(states[:, motion.POSITION])
            used[used] = self._looks.wanted(t_seconds, self._tracks.ids, predicted, detections.boxes_xyxy[used])
        return np.asarray(used)

    def update(
        self, t_seconds: float, detections: Detections, camera_motion: NDArray[np.float64] | None = None
    ) -> list[TrackUpdate]:
        """One frame, taken at t_seconds. Returns an update for each track that was observed, got lost or ended.

        A lost track is reported once, on the step that misses it, at its predicted place and without detection_index;
        then it is silent until it returns or ends. camera_motion (2, 3) maps points of the previous picture to this
        one. ValueError if t_seconds is not after the previous frame's, or if embeddings change their dimension.
        """
        if not self._now < t_seconds < np.inf:
            raise ValueError(f"camera {self.camera_id}: a frame at {t_seconds} s came after one at {self._now} s")
        if detections.embeddings is not None and len(detections):
            self._tracks.fit_dimension(detections.embeddings.shape[1], self.camera_id)
        dt_seconds = self._advance(t_seconds, camera_motion)
        views = self._views(detections)
        scene = Scene(self._tracks, views, t_seconds, self.config.motion, self._strangers.value)
        matches = checked_splits(scene, associate(scene, self.config.stages), self.config.split_margin)
        evidence = views.evidence()
        known, was_lost = len(self._tracks), self._tracks.lost
        self._correct(scene, matches, dt_seconds)
        self._tracks.sums[matches.tracks] += evidence[matches.detections]
        self._learn(views, matches)
        born = self._begin(scene, views, evidence, matches)
        partners = np.full(len(self._tracks), NOBODY)
        partners[matches.tracks] = matches.detections
        partners[known:] = born
        still_lost = np.zeros(len(partners), np.bool_)
        still_lost[:known] = was_lost & self._tracks.lost[:known]
        over = over_for_good(self._tracks, t_seconds, self.config)
        updates = self._report((over | ~still_lost).nonzero()[0], partners, over, views)
        if self._looks is not None:
            self._looks.learn(updates)
        if over.any():
            self._tracks = self._tracks.select(~over)
        return updates

    def finish(self, t_seconds: float) -> list[TrackUpdate]:
        """End of the stream: every track alive ends. ValueError if time ran backwards. Another stream may follow, with
        any clock: its tracks are new ones.
        """
        if not t_seconds >= self._now:
            raise ValueError(f"camera {self.camera_id}: time ran backwards from {self._now} s to {t_seconds} s")
        self._now = t_seconds
        count = len(self._tracks)
        over, nobody = np.ones(count, np.bool_), np.full(count, NOBODY)
        updates = self._report(np.arange(count), nobody, over, self._views(Detections.empty()))
        self._tracks = Tracks.empty(self._tracks.embeddings.shape[1])
        self._now = -np.inf
        return updates

    def state(self) -> dict[str, Any]:
        """All that the tracker knows, as numbers, strings, lists and dicts, for JSON; see restored."""
        return {
            "version": STATE_VERSION,
            "next_id": self._next_id,
            "now": self._now if np.isfinite(self._now) else None,
            "strangers": [self._strangers.value, self._strangers.frames],
            "tracks": self._tracks.as_lists(),
            "looks": [] if self._looks is None else self._looks.as_lists(),
        }

    @classmethod
    def restored(
        cls,
        camera_id: str,
        state: dict[str, Any],
        config: TrackerConfig | None = None,
        selection: SelectionConfig | None = None,
    ) -> Self:
        """The tracker that gave this state, to go on with the same ids in another process.

        ValueError if another version of the program wrote it.
        """
        version = state.get("version")
        if version != STATE_VERSION:
            raise ValueError(
                f"camera {camera_id}: the saved tracker is of version {version}, this program reads version "
                f"{STATE_VERSION}; start without it"
            )
        tracker = cls(camera_id, config, selection)
        tracker._next_id = state["next_id"]
        tracker._now = -np.inf if state["now"] is None else state["now"]
        tracker._strangers = StrangerDistance(*state["strangers"])
        tracker._tracks = Tracks.from_lists(state["tracks"])
        if tracker._looks is not None:
            tracker._looks.restore(state["looks"])
        return tracker

    def _advance(self, t_seconds: float, camera_motion: NDArray[np.float64] | None) -> float:
        """Move every track to the present; returns the seconds that passed."""
        tracks, dt_seconds = self._tracks, t_seconds - self._now
        if len(tracks):
            tracks.states = motion.predict(tracks.states, dt_seconds, self.config.motion)
        if camera_motion is not None:
            tracks.states = motion.warp(tracks.states, camera_motion)
            tracks.anchors = motion.warp(tracks.anchors, camera_motion)
        self._now = t_seconds
        return dt_seconds

    def _correct(self, scene: Scene, matches: Matches, dt_seconds: float) -> None:
        """Feed the matched detections into the filter; confirm who was seen often enough, mark who was missed."""
        tracks, config, found = self._tracks, self.config, matches.tracks
        tracks.lost = tracks.confirmed.copy()
        if not len(found):
            return
        measured, gaps = scene.measured_cxcywh.take(matches.detections, axis=0), scene.gaps_seconds.take(found)
        states = motion.update(tracks.states.take(found, axis=0), measured, config.motion)
        returned = longer(gaps, max(dt_seconds, config.bridge_seconds))
        if returned.any():
            anchors = tracks.anchors[found[returned]]
            states[returned] = motion.bridge(anchors, measured[returned], gaps[returned], config.motion)
        tracks.states[found] = tracks.anchors[found] = states
        tracks.seen[found] = self._now
        tracks.hits[found] += 1
        tracks.confirmed |= counts(tracks.hits, tracks.seen - tracks.born, config)
        tracks.lost[found] = False

    def _views(self, detections: Detections) -> Views:
        config = self.config
        return Views.of(detections, config.sharp_height_pixels, config.max_occlusion, config.full_sharpness)

    def _learn(self, views: Views, matches: Matches) -> None:
        """Tracks learn their person's look from clear views, and the camera how much strangers differ."""
        embeddings, good = views.detections.embeddings, views.clear[matches.detections]
        if embeddings is None or not good.any():
            return
        tracks, rows, seen = self._tracks, matches.tracks[good], embeddings.take(matches.detections[good], axis=0)
        remembered, known = tracks.embeddings.take(rows, axis=0), tracks.known.take(rows)
        self._strangers.learn(remembered[known], seen[known])
        tracks.embeddings[rows] = blended(remembered, seen, self.config.appearance_memory)
        tracks.known[rows] = True

    def _begin(self, scene: Scene, views: Views, evidence: NDArray[np.float64], matches: Matches) -> Indices:
        """New tracks for sure detections that nobody took; returns their rows in the detections."""
        detections = scene.detections
        free = detections.scores >= self.config.new_track_score
        free[matches.detections] = False
        born = free.nonzero()[0]
        if len(born):
            states = motion.initiate(scene.measured_cxcywh[born], self.config.motion)
            ids = np.arange(self._next_id, self._next_id + len(born))
            looks, known = np.zeros((len(born), self._tracks.embeddings.shape[1]), np.float32), views.clear[born]
            if detections.embeddings is not None:
                looks[known] = detections.embeddings[born[known]]
            confirmed = counts(np.ones(len(born), np.int64), np.zeros(len(born)), self.config)
            begun = Tracks.begin(ids, states, self._now, confirmed, looks, known, evidence[born])
            self._tracks = self._tracks.join(begun)
            self._next_id += len(born)
        return born

    def _report(self, rows: Indices, partners: Indices, over: NDArray[np.bool_], views: Views) -> list[TrackUpdate]:
        """Updates of the tracks in rows (k,); partners and over (n,) tell about all tracks."""
        return report(self.camera_id, self._now, self._tracks, rows, partners, over, views, self.config.smoothing)
