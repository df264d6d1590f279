"""Who follows and links recorded people: a tracker per camera, or one for all on the ground of calibrated cameras."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tracker.core.single_camera import SingleCameraTracker, TrackerConfig
from tracker.core.types import Detections, FloatArray, TrackletKey
from tracker.crosscam.ground.config import GroundConfig
from tracker.crosscam.ground.site import GroundSite
from tracker.crosscam.ground_plane import GroundCamera
from tracker.crosscam.matcher import CrossCameraMatcher
from tracker.ports import Sink, Step
from tracker.video.frame import Frame, FrameBatch

SITE = "ground"
NOWHERE = (float("nan"), float("nan"))
NO_IMAGE = np.zeros((0, 0, 3), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """A person in one frame: in one camera's picture, or (camera_id None) only on the ground."""

    frame: int
    t_seconds: float
    track: TrackletKey
    camera_id: str | None
    box_xyxy: FloatArray | None
    score: float
    ground_metres: tuple[float, float] = NOWHERE


class Associator(Protocol):
    """Follows people through steps and knows, later and later better, who they are."""

    def step(self, frame: int, t_seconds: float, detections: Mapping[str, Detections]) -> list[Sighting]: ...
    def finish(self, t_seconds: float) -> None: ...
    def identity(self, sighting: Sighting) -> int | None:
        """As far as is known now."""


class PerCamera:
    """A tracker per camera, linked by a matcher; sinks are told of every step, without pictures."""

    def __init__(
        self, cameras: Sequence[str], tracker: TrackerConfig, matcher: CrossCameraMatcher, sinks: Sequence[Sink] = ()
    ) -> None:
        self._trackers = {camera: SingleCameraTracker(camera, tracker) for camera in cameras}
        self._matcher = matcher
        self._sinks = sinks

    def step(self, frame: int, t_seconds: float, detections: Mapping[str, Detections]) -> list[Sighting]:
        updates = {camera: self._trackers[camera].update(t_seconds, seen) for camera, seen in detections.items()}
        everything = [update for found in updates.values() for update in found]
        events = self._matcher.update(t_seconds, everything)
        frames = {camera: Frame(camera, frame - 1, t_seconds, NO_IMAGE) for camera in detections}
        self._tell(Step(FrameBatch(t_seconds, frames), updates, events, detections))
        return [
            Sighting(frame, t_seconds, u.key, u.camera_id, u.box_xyxy, u.score)
            for u in everything
            if u.detection_index is not None
        ]

    def finish(self, t_seconds: float) -> None:
        self._tell(Step(FrameBatch(t_seconds, {}), {}, self._matcher.finish(t_seconds)))

    def identity(self, sighting: Sighting) -> int | None:
        return self._matcher.identity_at(sighting.track, sighting.t_seconds)

    def _tell(self, step: Step) -> None:
        for sink in self._sinks:
            sink.write(step)


class OnGround:
    """One tracker for all calibrated cameras; people who leave and return are linked by appearance."""

    def __init__(self, cameras: Mapping[str, GroundCamera], ground: GroundConfig, matcher: CrossCameraMatcher) -> None:
        self._matcher = matcher
        self._site = GroundSite(SITE, cameras, matcher, ground)
        self._last_seen: dict[TrackletKey, int] = {}

    def step(self, frame: int, t_seconds: float, detections: Mapping[str, Detections]) -> list[Sighting]:
        found, _ = self._site.update(t_seconds, detections)
        sightings = []
        for update in found:
            track, place = (SITE, update.track_id), (float(update.xy[0]), float(update.xy[1]))
            sightings.append(Sighting(frame, t_seconds, track, None, None, 1.0, place))
            if update.boxes:
                self._last_seen[self._site.key(update.track_id)] = frame
            for camera, row in update.boxes.items():
                box, score = detections[camera].boxes_xyxy[row], float(detections[camera].scores[row])
                sightings.append(Sighting(frame, t_seconds, track, camera, box, score, place))
        return sightings

    def finish(self, t_seconds: float) -> None:
        self._matcher.finish(t_seconds)

    def identity(self, sighting: Sighting) -> int | None:
        """A track that no camera sees any more has left: its predicted places are nobody's."""
        key = self._site.key(sighting.track[1])
        if self._last_seen.get(key, 0) < sighting.frame:
            return None
        return self._matcher.identity_at(key, sighting.t_seconds)
