"""The association of the pipeline without pictures: trackers, the ground of calibrated cameras, the matcher."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from tracker.core.types import Detections, FloatArray, TrackletKey
from tracker.crosscam.following import Followers
from tracker.crosscam.ground.local_tracks import Seen
from tracker.crosscam.ground.site import SITE
from tracker.ports import Matcher, Sink, Step
from tracker.video.frame import FrameBatch

NOWHERE = (math.nan, math.nan)


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """A person in one frame: in one camera's picture, or (camera_id None) only on the ground.

    frame: number of the camera's picture, from 1. ground_frame: of the step; it counts as the camera does that is
    furthest.
    """

    frame: int
    ground_frame: int
    t_seconds: float
    track: TrackletKey
    camera_id: str | None
    box_xyxy: FloatArray | None
    score: float
    ground_metres: tuple[float, float] = NOWHERE


class Associator:
    """Follows people through steps and knows, later and better, who they are; sinks are told of every step."""

    def __init__(self, followers: Followers, matcher: Matcher, sinks: Sequence[Sink] = ()) -> None:
        self._followers = followers
        self._matcher = matcher
        self._sinks = sinks
        self._last_seen: dict[TrackletKey, float] = {}
        self._ground_frame = 0
        self.t_seconds = -math.inf

    @property
    def on_shared_ground(self) -> frozenset[str]:
        """Cameras whose people are followed on one ground."""
        return frozenset() if self._followers.ground is None else frozenset(self._followers.ground.cameras)

    def step(self, batch: FrameBatch, detections: Mapping[str, Detections]) -> list[Sighting]:
        """Take what was seen in the pictures of a batch, by camera."""
        self.t_seconds = max(self.t_seconds, *(frame.t_seconds for frame in batch.frames.values()))
        self._ground_frame = max(self._ground_frame, *(frame.index + 1 for frame in batch.frames.values()))
        seen = {name: Seen(batch.frames[name].t_seconds, one) for name, one in detections.items()}
        updates = self._followers.step(self.t_seconds, seen)
        everything = list(chain.from_iterable(updates.values()))
        events = self._matcher.update(self.t_seconds, everything)
        self._tell(Step(batch, updates, events, detections))
        boxes = [
            Sighting(
                batch.frames[u.camera_id].index + 1,
                self._ground_frame,
                u.t_seconds,
                u.key,
                u.camera_id,
                u.box_xyxy,
                u.score,
                NOWHERE if u.ground_metres is None else u.ground_metres,
            )
            for u in everything
            if u.detection_index is not None
        ]
        return [*self._places(), *boxes]

    def finish(self) -> None:
        """End every track. Nothing happens where there was no step."""
        if self.t_seconds == -math.inf:
            return
        t_seconds = self.t_seconds
        updates = self._followers.finish(t_seconds)
        events = self._matcher.update(t_seconds, list(chain.from_iterable(updates.values())))
        self._tell(Step(FrameBatch(t_seconds, {}), updates, [*events, *self._matcher.finish(t_seconds)]))

    def identity(self, sighting: Sighting) -> int | None:
        """As far as is known now. A track that no camera sees any more has left: its predicted places are nobody's."""
        if sighting.camera_id is None and self._last_seen.get(sighting.track, -math.inf) < sighting.t_seconds:
            return None
        return self._matcher.identity_at(sighting.track, sighting.t_seconds)

    def _places(self) -> list[Sighting]:
        ground, frame, t_seconds = self._followers.ground, self._ground_frame, self.t_seconds
        people = () if ground is None else ground.latest.people
        self._last_seen.update(((SITE, person.track_id), t_seconds) for person in people if person.boxes)
        return [
            Sighting(frame, frame, t_seconds, (SITE, p.track_id), None, None, 1.0, (float(p.xy[0]), float(p.xy[1])))
            for p in people
        ]

    def _tell(self, step: Step) -> None:
        for sink in self._sinks:
            sink.write(step)
