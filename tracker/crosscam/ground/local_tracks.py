"""People who are followed on the ground, told as tracks of the cameras that see them."""

import operator
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from tracker.core.appearance import Views
from tracker.core.settings import TrackerConfig
from tracker.core.types import Detections, FloatArray, TrackQuality, TrackState, TrackUpdate
from tracker.crosscam.ground.tracker import GroundUpdate
from tracker.crosscam.ground_plane import covariance_terms
from tracker.crosscam.state import State


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What is in one camera's picture. t_seconds: when it was taken."""

    t_seconds: float
    detections: Detections


@dataclass(slots=True, eq=False)
class _Local:
    """sums: four, as in Tracks. lost: told as such."""

    number: int
    begun_seconds: float
    seen_seconds: float = 0.0
    box_xyxy: FloatArray = field(default_factory=lambda: np.zeros(4, np.float32))
    place: tuple[float, float] = (0.0, 0.0)
    covariance: tuple[float, float, float] = (0.0, 0.0, 0.0)
    sums: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0, 0.0])
    observations: int = 0
    confirmed: bool = False
    lost: bool = False

    def quality(self) -> TrackQuality:
        score, visible, sharp, measured = self.sums
        count, seconds = self.observations, self.seen_seconds - self.begun_seconds
        return TrackQuality(seconds, count, score / count, visible / count, sharp / measured if measured else None)


class LocalTracks:
    """The tracks of one camera: a new one for everybody who comes into its view, for a while also for who returns.

    The camera's own tracker, which follows whom the ground did not take, shares its numbers: they count from 1 in order
    of birth, and none is used twice.
    """

    def __init__(self, camera_id: str, config: TrackerConfig) -> None:
        self._camera_id = camera_id
        self._config = config
        self._open: dict[int, _Local] = {}
        self._numbers: dict[int, int] = {}
        self._next = 1

    def see(self, seen: Seen, people: Sequence[tuple[GroundUpdate, int, bool]], alive: set[int]) -> list[TrackUpdate]:
        """One picture. people: who is in it, with the row of the detection and whether he counts. alive: all tracks on
        the ground. Tells of those who are here, get lost, or end.
        """
        now, config = seen.t_seconds, self._config
        views = Views.of(seen.detections, config.sharp_height_pixels, config.max_occlusion, config.full_sharpness)
        evidence, qualities, scores = (
            views.evidence().tolist(),
            views.qualities.tolist(),
            seen.detections.scores.tolist(),
        )
        looks = seen.detections.embeddings
        updates = []
        for person, row, confirmed in people:
            local = self._open.get(person.track_id)
            if local is not None and now - local.seen_seconds > config.memory_seconds:
                updates.append(self._end(person.track_id, now))
                local = None
            if local is None:
                local = self._open[person.track_id] = _Local(self._issue(), now)
            local.seen_seconds, local.lost, local.confirmed = now, False, confirmed
            local.box_xyxy = seen.detections.boxes_xyxy[row]
            x, y = person.xy.tolist()
            local.place = x, y
            local.covariance = covariance_terms(person.covariance)
            local.sums = list(map(operator.add, local.sums, evidence[row]))
            local.observations += 1
            look = None if looks is None else looks[row]
            updates.append(self._seen(local, now, row, scores[row], look, qualities[row]))
        here = {person.track_id for person, _, _ in people}
        for track_id in [track_id for track_id in self._open if track_id not in here]:
            local = self._open[track_id]
            if track_id not in alive or now - local.seen_seconds > config.memory_seconds:
                updates.append(self._end(track_id, now))
            elif not local.lost:
                local.lost = True
                state = TrackState.LOST if local.confirmed else TrackState.TENTATIVE
                updates.append(self._unseen(local, state, now))
        return updates

    def join(self, kept: int, gone: int) -> None:
        """Two tracks on the ground are one person: what the camera followed as `gone` goes on as `kept`. If it followed
        both, `gone` ends with its next picture, and counts if `kept` does and was not seen beside it.
        """
        if gone not in self._open:
            return
        if kept not in self._open:
            self._open[kept] = self._open.pop(gone)
        elif self._open[kept].seen_seconds < self._open[gone].begun_seconds:
            self._open[gone].confirmed |= self._open[kept].confirmed

    def finish(self, t_seconds: float) -> list[TrackUpdate]:
        """The camera is gone: all end."""
        return [self._end(track_id, t_seconds) for track_id in list(self._open)]

    def number_of(self, track_id: int) -> int:
        """The number of whom the ground knows under this one; he must be in view."""
        return self._open[track_id].number

    def renumbered(self, updates: Iterable[TrackUpdate], rows: NDArray[np.intp] | None) -> list[TrackUpdate]:
        """What the camera's own tracker says, which was given these rows of the detections; None: all, or none."""
        told = []
        for update in updates:
            if update.track_id not in self._numbers:
                self._numbers[update.track_id] = self._issue()
            index = update.detection_index
            if index is not None and rows is not None:
                index = int(rows[index])
            told.append(replace(update, track_id=self._numbers[update.track_id], detection_index=index))
            if update.state is TrackState.ENDED:
                del self._numbers[update.track_id]
        return told

    def state(self) -> State:
        """Plain data for restore()."""
        return {
            "open": [[track_id, asdict(local)] for track_id, local in self._open.items()],
            "numbers": [[own, told] for own, told in self._numbers.items()],
            "next": self._next,
        }

    def restore(self, state: State) -> None:
        """Go on from there."""
        self._open = {track_id: _Local(**local) for track_id, local in state["open"]}
        for local in self._open.values():  # JSON knows no tuples
            (x, y), (xx, xy, yy) = local.place, local.covariance
            local.place, local.covariance = (x, y), (xx, xy, yy)
        self._numbers, self._next = dict(state["numbers"]), state["next"]

    def _issue(self) -> int:
        self._next += 1
        return self._next - 1

    def _seen(
        self, local: _Local, now: float, row: int, score: float, look: FloatArray | None, quality: float
    ) -> TrackUpdate:
        state = TrackState.CONFIRMED if local.confirmed else TrackState.TENTATIVE
        return TrackUpdate(
            self._camera_id,
            local.number,
            now,
            state,
            local.box_xyxy,
            score,
            row,
            look,
            quality,
            local.confirmed,
            local.place,
            local.covariance,
        )

    def _end(self, track_id: int, now: float) -> TrackUpdate:
        local = self._open.pop(track_id)
        return self._unseen(local, TrackState.ENDED, now, local.quality())

    def _unseen(self, local: _Local, state: TrackState, now: float, quality: TrackQuality | None = None) -> TrackUpdate:
        """At its last place."""
        return TrackUpdate(
            self._camera_id,
            local.number,
            now,
            state,
            local.box_xyxy,
            0.0,
            confirmed=local.confirmed,
            ground_metres=local.place,
            ground_covariance=local.covariance,
            track_quality=quality,
        )
