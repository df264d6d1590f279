"""Everybody who follows people: on the ground where calibrated cameras overlap, and in each camera's picture."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tracker.core.single_camera import SingleCameraTracker
from tracker.core.types import Detections, TrackUpdate
from tracker.crosscam.ground.local_tracks import Seen
from tracker.crosscam.ground.placing import Places
from tracker.crosscam.ground.site import GroundSite
from tracker.crosscam.ground_plane import GroundCamera

Affine = NDArray[np.float64]


class Followers:
    """A tracker per camera and, where calibrated cameras overlap, one on the ground, which is asked first: what nobody
    on the ground takes goes to the camera's own tracker.

    trackers: may grow meanwhile. calibrated: cameras of which the places of people are told who are followed in their
    pictures; they need not overlap.
    """

    def __init__(
        self,
        trackers: dict[str, SingleCameraTracker],
        ground: GroundSite | None = None,
        calibrated: Mapping[str, GroundCamera] | None = None,
    ) -> None:
        self.trackers = trackers
        self.ground = ground
        self._places = Places(calibrated or {})

    def leave_ground(self, camera: str) -> None:
        """A camera moves, so that no calibration holds: from now on it is followed in its pictures only."""
        self._places.forget(camera)
        if self.ground is not None:
            self.ground.leave(camera)

    def wants_embedding(
        self, camera: str, t_seconds: float, detections: Detections, motion: Affine | None = None
    ) -> NDArray[np.bool_]:
        """(m,) the detections whose look can change what step() will say. On the ground everybody's can."""
        if self.ground is not None and camera in self.ground.cameras:
            return np.ones(len(detections), np.bool_)
        return self.trackers[camera].wants_embedding(t_seconds, detections, motion)

    def step(
        self,
        t_seconds: float,
        seen: Mapping[str, Seen],
        motions: Mapping[str, Affine] | None = None,
        lost: Mapping[str, float] | None = None,
    ) -> dict[str, list[TrackUpdate]]:
        """Take one picture of some cameras. Returns what happened to the tracks of each of them.

        t_seconds: of the step, that of its latest picture. motions: as for SingleCameraTracker.update(). lost: cameras
        that are gone, with the time of their last picture; their tracks end, and whoever comes back is a new one.
        """
        lost = lost or {}
        on_ground = None if self.ground is None else self.ground.update(t_seconds, seen, sorted(lost))
        updates: dict[str, list[TrackUpdate]] = {}
        for camera, one in seen.items():
            people, motion = one.detections, (motions or {}).get(camera)
            rows = np.arange(len(people)) if on_ground is None else on_ground.left.get(camera)
            rest = people if rows is None or len(rows) == len(people) else people.take(rows)
            own = self.trackers[camera].update(one.t_seconds, rest, motion)
            updates[camera] = self._beside_ground(camera, self._places.placed(camera, one, own), rows)
        for camera, last_seconds in sorted(lost.items()):
            ended = self.trackers[camera].finish(last_seconds)
            updates[camera] = [*updates.get(camera, []), *self._beside_ground(camera, ended, None)]
        return _joined(on_ground.updates if on_ground else {}, updates)

    def finish(self, t_seconds: float) -> dict[str, list[TrackUpdate]]:
        """Every track ends."""
        on_ground = None if self.ground is None else self.ground.finish(t_seconds)
        ended = {
            camera: self._beside_ground(camera, tracker.finish(t_seconds), None)
            for camera, tracker in self.trackers.items()
        }
        return _joined(on_ground.updates if on_ground else {}, ended)

    def _beside_ground(
        self, camera: str, updates: list[TrackUpdate], rows: NDArray[np.intp] | None
    ) -> list[TrackUpdate]:
        """rows: of the detections that the camera's own tracker was given; None: all of them, or none."""
        if self.ground is None or not updates:
            return updates
        return self.ground.renumbered(camera, updates, rows)


def _joined(
    first: Mapping[str, Sequence[TrackUpdate]], second: Mapping[str, list[TrackUpdate]]
) -> dict[str, list[TrackUpdate]]:
    """Updates by camera, in the order of `second`, cameras that only `first` has at the end."""
    cameras = dict.fromkeys([*second, *sorted(first)])
    return {camera: [*first.get(camera, ()), *second.get(camera, ())] for camera in cameras}
