"""A group of overlapping calibrated cameras as one camera of the matcher: its tracks are people on the ground.

Two tracks of a site that are seen at one instant are two people, exactly as in one camera; so the matcher needs no
second kind of rule to link the site with cameras elsewhere, or a person with the one who left and came back.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from tracker.core.types import Detections, IdentityEvent, TrackletKey, TrackState, TrackUpdate
from tracker.crosscam.ground.config import GroundConfig
from tracker.crosscam.ground.tracker import GroundTracker, GroundUpdate
from tracker.crosscam.ground_plane import GroundCamera
from tracker.crosscam.matcher import CrossCameraMatcher

NO_BOX = np.zeros(4, np.float32)


class GroundSite:
    """Tracks a site and tells a matcher about it under the site's name."""

    def __init__(
        self,
        name: str,
        cameras: Mapping[str, GroundCamera],
        matcher: CrossCameraMatcher,
        config: GroundConfig | None = None,
    ) -> None:
        self._name = name
        self._matcher = matcher
        self._tracker = GroundTracker(cameras, config)
        self._following: set[int] = set()
        self._confirmed: set[int] = set()

    def update(
        self, t_seconds: float, detections: Mapping[str, Detections], elsewhere: Sequence[TrackUpdate] = ()
    ) -> tuple[list[GroundUpdate], list[IdentityEvent]]:
        """One step: what happened on the ground, and what it changes among the identities.

        elsewhere: the updates of cameras that do not belong to the site, for the same step of the matcher.
        """
        found = self._tracker.update(t_seconds, detections)
        self._confirmed |= {update.track_id for update in found if update.confirmed}
        now = {update.track_id for update in found}
        events: list[IdentityEvent] = []
        for kept, gone in self._tracker.joined:
            events += self._matcher.join_tracks(t_seconds, (self._name, kept), (self._name, gone))
        reports = [self._report(t_seconds, track_id, None) for track_id in sorted(self._following - now)]
        reports += [self._report(t_seconds, update.track_id, update) for update in found]
        self._following = now
        return found, events + self._matcher.update(t_seconds, [*reports, *elsewhere])

    def key(self, track_id: int) -> TrackletKey:
        """The matcher's name of a track, or of the one it was merged into."""
        return self._name, self._tracker.resolve(track_id)

    def _report(self, t_seconds: float, track_id: int, update: GroundUpdate | None) -> TrackUpdate:
        confirmed = track_id in self._confirmed
        if update is None:
            return TrackUpdate(self._name, track_id, t_seconds, TrackState.ENDED, NO_BOX, 0.0, confirmed=confirmed)
        if not update.boxes:
            return TrackUpdate(self._name, track_id, t_seconds, TrackState.LOST, NO_BOX, 0.0, confirmed=confirmed)
        state = TrackState.CONFIRMED if confirmed else TrackState.TENTATIVE
        quality = 0.0 if update.look is None else 1.0
        place = (float(update.xy[0]), float(update.xy[1]))
        return TrackUpdate(
            self._name, track_id, t_seconds, state, NO_BOX, 1.0, track_id, update.look, quality, confirmed, place
        )
