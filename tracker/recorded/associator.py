"""The association of the pipeline without pictures: trackers, the ground of calibrated cameras, the matcher."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from tracker.core.types import Detections, FloatArray, TrackletKey
from tracker.crosscam.following import Followers
from tracker.crosscam.ground.local_tracks import Seen
from tracker.crosscam.ground.site import SITE
from tracker.ports import Matcher, Sink, Step
from tracker.video.frame import Frame, FrameBatch

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


class Associator:
    """Follows people through steps and knows, later and better, who they are; sinks are told of every step."""

    def __init__(self, followers: Followers, matcher: Matcher, sinks: Sequence[Sink] = ()) -> None:
        self._followers = followers
        self._matcher = matcher
        self._sinks = sinks
        self._last_seen: dict[TrackletKey, int] = {}

    @property
    def has_ground(self) -> bool:
        return self._followers.ground is not None

    def step(self, frame: int, t_seconds: float, detections: Mapping[str, Detections]) -> list[Sighting]:
        updates = self._followers.step(t_seconds, {name: Seen(t_seconds, one) for name, one in detections.items()})
        everything = list(chain.from_iterable(updates.values()))
        events = self._matcher.update(t_seconds, everything)
        frames = {camera: Frame(camera, frame - 1, t_seconds, NO_IMAGE) for camera in detections}
        self._tell(Step(FrameBatch(t_seconds, frames), updates, events, detections))
        boxes = [
            Sighting(
                frame,
                t_seconds,
                u.key,
                u.camera_id,
                u.box_xyxy,
                u.score,
                NOWHERE if u.ground_metres is None else u.ground_metres,
            )
            for u in everything
            if u.detection_index is not None
        ]
        return [*self._places(frame, t_seconds), *boxes]

    def finish(self, t_seconds: float) -> None:
        updates = self._followers.finish(t_seconds)
        events = self._matcher.update(t_seconds, list(chain.from_iterable(updates.values())))
        self._tell(Step(FrameBatch(t_seconds, {}), updates, [*events, *self._matcher.finish(t_seconds)]))

    def identity(self, sighting: Sighting) -> int | None:
        """As far as is known now. A track that no camera sees any more has left: its predicted places are nobody's."""
        if sighting.camera_id is None and self._last_seen.get(sighting.track, 0) < sighting.frame:
            return None
        return self._matcher.identity_at(sighting.track, sighting.t_seconds)

    def _places(self, frame: int, t_seconds: float) -> list[Sighting]:
        ground = self._followers.ground
        people = () if ground is None else ground.latest.people
        self._last_seen.update(((SITE, person.track_id), frame) for person in people if person.boxes)
        return [
            Sighting(frame, t_seconds, (SITE, p.track_id), None, None, 1.0, (float(p.xy[0]), float(p.xy[1])))
            for p in people
        ]

    def _tell(self, step: Step) -> None:
        for sink in self._sinks:
            sink.write(step)
