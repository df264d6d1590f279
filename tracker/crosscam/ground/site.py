"""A group of overlapping calibrated cameras as one camera of the matcher: its tracks are people on the ground.

Two tracks of a site that are seen at one instant are two people, exactly as in one camera; so the matcher needs no
second kind of rule to link the site with cameras elsewhere, or a person with the one who left and came back.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tracker.core.settings import TrackerConfig
from tracker.core.types import TrackletKey, TrackState, TrackUpdate
from tracker.crosscam.ground.config import GroundConfig
from tracker.crosscam.ground.local_tracks import LocalTracks, Seen
from tracker.crosscam.ground.overlap import overlapping
from tracker.crosscam.ground.tracker import GroundTracker, GroundUpdate
from tracker.crosscam.ground_plane import GroundCamera, covariance_terms
from tracker.crosscam.state import State

SITE = "(ground)"
"""The site as a camera of the matcher; no camera can have this name."""

NO_BOX = np.zeros(4, np.float32)

ANOTHER_SHAPE = 0.1
"""Pictures whose proportions differ so much from the calibrated ones show something else."""


@dataclass(frozen=True, slots=True, eq=False)
class GroundStep:
    """What happened on the ground in one step.

    people: all tracks. reports: the same for a matcher, under the site's name, with those that ended. joined: tracks
    (kept, gone) that are one person. updates: tracks of the site's cameras, for those that gave a picture or are gone.
    members: (local track, track on the ground) of everybody in updates who is in view now. left: (m,) rows of the
    detections of each camera that nobody on the ground took.
    """

    people: Sequence[GroundUpdate] = ()
    reports: Sequence[TrackUpdate] = ()
    joined: Sequence[tuple[TrackletKey, TrackletKey]] = ()
    updates: Mapping[str, list[TrackUpdate]] = field(default_factory=dict)
    members: Sequence[tuple[TrackletKey, GroundUpdate]] = ()
    left: Mapping[str, NDArray[np.intp]] = field(default_factory=dict)


class GroundSite:
    """Follows people on the ground, and tells of them camera by camera and as a whole.

    cameras: their calibration; the views must overlap. tracker: what a camera's own tracker is set to. notify: takes
    one line for people.
    """

    def __init__(
        self,
        cameras: Mapping[str, GroundCamera],
        config: GroundConfig | None = None,
        tracker: TrackerConfig | None = None,
        notify: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._tracker = GroundTracker(cameras, config)
        self._cameras = dict(cameras)
        self._locals = {name: LocalTracks(name, tracker or TrackerConfig()) for name in cameras}
        self._notify = notify
        self._following: set[int] = set()
        self._confirmed: set[int] = set()
        self.latest = GroundStep()

    @property
    def cameras(self) -> Mapping[str, GroundCamera]:
        """Those whose people are followed on the ground."""
        return self._cameras

    def update(self, t_seconds: float, seen: Mapping[str, Seen], lost: Sequence[str] = ()) -> GroundStep:
        """Take one step; cameras of `seen` that are none of the site's are passed over. lost: cameras that are gone."""
        here = {name: one for name, one in sorted(seen.items()) if self._fits(name, one)}
        people = self._tracker.update(t_seconds, {name: one.detections for name, one in here.items()})
        joined = [((SITE, kept), (SITE, gone)) for kept, gone in self._tracker.joined]
        for local in self._locals.values():
            for kept, gone in self._tracker.joined:
                local.join(kept, gone)
        self._confirmed |= {person.track_id for person in people if person.confirmed}
        now = {person.track_id for person in people}
        reports = [self._report(t_seconds, track_id, None) for track_id in sorted(self._following - now)]
        reports += [self._report(t_seconds, person.track_id, person) for person in people]
        self._confirmed &= now
        self._following = now
        updates: dict[str, list[TrackUpdate]] = {}
        members: list[tuple[TrackletKey, GroundUpdate]] = []
        left = {}
        for name, one in here.items():
            inside = [(p, p.boxes[name], p.track_id in self._confirmed) for p in people if name in p.boxes]
            updates[name] = self._locals[name].see(one, inside, now)
            members += [((name, self._locals[name].number_of(p.track_id)), p) for p, _, _ in inside]
            free = np.ones(len(one.detections), np.bool_)
            free[[row for _, row, _ in inside]] = False
            left[name] = free.nonzero()[0]
        for name in (*lost, *(set(seen) & self._locals.keys() - here.keys())):
            if name in self._locals:
                updates[name] = [*updates.get(name, []), *self._locals[name].finish(t_seconds)]
        self.latest = GroundStep(people, reports, joined, updates, members, left)
        return self.latest

    def leave(self, camera: str) -> None:
        """From now on a camera is left to its own tracker, because it moves."""
        self._cameras.pop(camera, None)

    def finish(self, t_seconds: float) -> GroundStep:
        """Everybody's track ends."""
        reports = [self._report(t_seconds, track_id, None) for track_id in sorted(self._following)]
        updates = {name: local.finish(t_seconds) for name, local in self._locals.items()}
        self._following = set()
        self.latest = GroundStep(reports=reports, updates=updates)
        return self.latest

    @classmethod
    def restored(
        cls,
        cameras: Mapping[str, GroundCamera],
        state: State,
        config: GroundConfig | None = None,
        tracker: TrackerConfig | None = None,
        notify: Callable[[str], None] = lambda line: None,
    ) -> Self:
        """Goes on where another one was when it gave its state(). The rest as for a new one.

        Raises ValueError for the state of other cameras.
        """
        made = cls(cameras, config, tracker, notify)
        made._tracker = GroundTracker.restored(cameras, state["tracker"], config)
        for name, width, height in state["sizes"]:
            made._tracker.resize(name, (width, height))
        made._cameras = {name: made._tracker.cameras[name] for name in state["followed"]}
        for name, local in state["locals"].items():
            made._locals[name].restore(local)
        made._following, made._confirmed = set(state["following"]), set(state["confirmed"])
        return made

    def state(self) -> State:
        """All that is known of the people, as plain data for restored(); calibration and settings are saved apart."""
        return {
            "followed": list(self._cameras),
            "sizes": [[name, *camera.image_size] for name, camera in self._tracker.cameras.items()],
            "tracker": self._tracker.state(),
            "locals": {name: local.state() for name, local in self._locals.items()},
            "following": sorted(self._following),
            "confirmed": sorted(self._confirmed),
        }

    def renumbered(
        self, camera: str, updates: Sequence[TrackUpdate], rows: NDArray[np.intp] | None
    ) -> list[TrackUpdate]:
        """What a camera's own tracker says of the detections that were left to it, beside the site's own tracks."""
        return self._locals[camera].renumbered(updates, rows) if camera in self._locals else list(updates)

    def _fits(self, name: str, seen: Seen) -> bool:
        """Whether this is one of the site's cameras, and the calibration holds for these pictures; a camera of another
        shape is left to its own tracker.
        """
        calibrated, size = self._cameras.get(name), seen.detections.image_size
        if calibrated is None or size is None or size == calibrated.image_size:
            return calibrated is not None
        complaint = mismatch(name, calibrated, size)
        if complaint is not None:
            self._notify(f"{complaint}; it is followed on its own")
            self.leave(name)
            return False
        self._tracker.resize(name, size)
        self._cameras[name] = self._tracker.cameras[name]
        return True

    def _report(self, t_seconds: float, track_id: int, update: GroundUpdate | None) -> TrackUpdate:
        confirmed = track_id in self._confirmed
        if update is None:
            return TrackUpdate(SITE, track_id, t_seconds, TrackState.ENDED, NO_BOX, 0.0, confirmed=confirmed)
        if not update.boxes:
            return TrackUpdate(SITE, track_id, t_seconds, TrackState.LOST, NO_BOX, 0.0, confirmed=confirmed)
        state = TrackState.CONFIRMED if confirmed else TrackState.TENTATIVE
        quality = 0.0 if update.look is None else 1.0
        place = (float(update.xy[0]), float(update.xy[1]))
        return TrackUpdate(
            SITE,
            track_id,
            t_seconds,
            state,
            NO_BOX,
            1.0,
            track_id,
            update.look,
            quality,
            confirmed,
            place,
            covariance_terms(update.covariance),
            seen_by=tuple(update.boxes),
        )


def open_site(
    cameras: Mapping[str, GroundCamera],
    config: GroundConfig | None = None,
    tracker: TrackerConfig | None = None,
    notify: Callable[[str], None] = lambda line: None,
) -> GroundSite | None:
    """A site of those calibrated cameras whose views overlap; None where none do. Arguments as for GroundSite."""
    together = overlapping(cameras)
    if not together:
        return None
    return GroundSite({name: cameras[name] for name in together}, config, tracker, notify)


def mismatch(name: str, camera: GroundCamera, size: tuple[int, int]) -> str | None:
    """What is wrong with pictures of this size (width, height) for a calibrated camera; None: they may be stretched."""
    width, height = camera.calibration_size or camera.image_size
    if abs(size[0] * height / (size[1] * width) - 1) <= ANOTHER_SHAPE:
        return None
    return (
        f"camera {name}: calibrated for pictures of {width} x {height}, but these have {size[0]} x {size[1]}, "
        "another shape: calibrate it for these"
    )
