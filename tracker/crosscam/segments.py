"""The matcher's unit: a stretch of one local track that holds one person, as far as its looks can tell."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from tracker.core.types import FloatArray, TrackletKey, TrackUpdate
from tracker.crosscam.features import Gallery
from tracker.crosscam.presence import Presence
from tracker.crosscam.settings import MatcherConfig

MOST_PLACES, APART_SECONDS = 40, 0.4
"""So many of a track's latest places are remembered, so far from each other in time."""

Place = tuple[float, float, float, float, float, float]
"""When (seconds), X and Y in metres, and their covariance xx, xy, yy in square metres."""

CERTAIN_DEVIATIONS = 3.0
"""Nobody is ruled out by errors of two places that are within so many standard deviations."""


@dataclass(slots=True, eq=False)
class Segment:
    """One stretch of a track or, once at rest, all that an identity left behind in one camera.

    since_seconds: start of the stretch. gallery: settled appearance. recent: appearance since recent_since_seconds, not
    yet compared with the gallery. confirmed: the local track counts. resting: decided, moves only with its identity.
    entry, exit: the first and the last known place on the ground. ended_number: order of ending.
    due, looked_at_seconds, sought_weight, could_be: for choosing who takes part in a round, see company.py.
    walk_learnt: the walk that led to it is known to the topology.
    views: of people who are followed on the ground, when each camera saw them. places: the latest known ones, see
    standing.py.
    """

    key: TrackletKey
    since_seconds: float
    gallery: Gallery = field(default_factory=Gallery)
    recent: Gallery = field(default_factory=Gallery)
    recent_since_seconds: float = 0.0
    presence: Presence = field(default_factory=Presence)
    identity_id: int | None = None
    entry: Place | None = None
    exit: Place | None = None
    confirmed: bool = False
    resting: bool = False
    ended_number: int | None = None
    due: bool = True
    looked_at_seconds: float = -math.inf
    sought_weight: float = 0.0
    could_be: tuple[int, ...] = ()
    walk_learnt: bool = False
    views: dict[str, Presence] = field(default_factory=dict)
    places: list[Place] = field(default_factory=list)

    @property
    def camera_id(self) -> str:
        return self.key[0]

    @property
    def entry_camera(self) -> str:
        """That of the cameras that saw it first."""
        if not self.views:
            return self.key[0]
        return min(self.views, key=lambda name: (self.views[name].first_seconds, name))

    @property
    def exit_camera(self) -> str:
        """That of the cameras that saw it last."""
        if not self.views:
            return self.key[0]
        return max(self.views, key=lambda name: (self.views[name].last_seconds, name))

    @property
    def weight(self) -> float:
        """Sum of the qualities behind feature(), about."""
        return max(self.gallery.weight, self.recent.weight)

    @property
    def evidence(self) -> float:
        """Sum of the qualities of all its embeddings."""
        return self.gallery.weight + self.recent.weight

    @property
    def order(self) -> tuple[int, int, str, int]:
        """Sorts segments at rest before ended before live ones, whatever the order of arrival."""
        if self.resting:
            return 0, self.identity_id or 0, self.camera_id, 0
        if self.ended_number is not None:
            return 1, self.ended_number, "", 0
        return 2, 0, *self.key

    def see(self, update: TrackUpdate, previous_steps: Mapping[str, float]) -> None:
        """Take one sighting of the track. previous_steps: seconds of the step before, of every camera that had one."""
        self.confirmed |= update.confirmed
        self.presence.see(update.t_seconds, previous_steps.get(update.camera_id))
        for camera in update.seen_by:
            self.views.setdefault(camera, Presence()).see(update.t_seconds, previous_steps.get(camera))
        if update.ground_metres is not None:
            self.exit = (update.t_seconds, *update.ground_metres, *update.ground_covariance)
            self.entry = self.entry or self.exit
            if not self.places or update.t_seconds - self.places[-1][0] >= APART_SECONDS:
                self.places = [*self.places[-MOST_PLACES + 1 :], self.exit]
        if update.embedding is not None and update.quality > 0:
            if self.recent.count == 0:
                self.recent_since_seconds = update.t_seconds
            self.recent.add(update.embedding, update.quality)

    def takes_part(self, t_seconds: float, config: MatcherConfig) -> bool:
        """Whether enough is known of it, or it has been there long enough."""
        enough = self.gallery.count + self.recent.count >= config.min_embeddings
        return self.confirmed and (enough or t_seconds - self.since_seconds >= config.patience_seconds)

    def is_long_enough(self, t_seconds: float, config: MatcherConfig) -> bool:
        """Whether its recent stretch can be judged."""
        enough = self.recent.count >= config.min_embeddings
        return enough and t_seconds - self.recent_since_seconds >= config.split_seconds

    def feature(self) -> FloatArray | None:
        """Mean appearance (d,), not normalised: the settled one, or the recent one while nothing is settled."""
        settled = self.gallery.mean()
        return self.recent.mean() if settled is None else settled

    def settle(self) -> None:
        """The recent appearance belongs to the same person: it joins the gallery."""
        if self.gallery.count:
            self.gallery.absorb(self.recent)
        else:
            self.gallery = self.recent
        self.recent = Gallery()

    def split_off(self) -> "Segment":
        """The recent appearance belongs to someone else: it becomes a segment of its own, without identity."""
        since = self.recent_since_seconds
        tail = Segment(self.key, since, self.recent, presence=self.presence.split_off(since), confirmed=self.confirmed)
        tails = {camera: presence.split_off(since) for camera, presence in self.views.items()}
        tail.views = {camera: presence for camera, presence in tails.items() if presence.runs}
        self.views = {camera: presence for camera, presence in self.views.items() if presence.runs}
        self.recent = Gallery()
        tail.places = [place for place in self.places if place[0] >= since]
        self.places = [place for place in self.places if place[0] < since]
        if self.exit is not None and self.exit[0] >= since:
            tail.exit, self.exit = self.exit, self.places[-1] if self.places else None
            tail.entry = tail.places[0] if tail.places else tail.exit
        if self.entry is not None and self.entry[0] >= since:
            self.entry = None
        return tail

    def absorb(self, other: "Segment") -> None:
        """Take over a segment of the same identity and camera."""
        self.entry = min((place for place in (self.entry, other.entry) if place is not None), default=None)
        self.exit = max((place for place in (self.exit, other.exit) if place is not None), default=None)
        self.gallery.absorb(other.gallery)
        self.presence.absorb(other.presence)
        for camera, presence in other.views.items():
            self.views.setdefault(camera, Presence()).absorb(presence)
        self.places = sorted(self.places + other.places)[-MOST_PLACES:]

    def meets(self, other: "Segment") -> bool:
        """Whether one camera saw both at one instant."""
        if self.camera_id == other.camera_id:
            return self.presence.meets(other.presence)
        if other.camera_id in self.views:
            return self.views[other.camera_id].meets(other.presence)
        return self.camera_id in other.views and other.views[self.camera_id].meets(self.presence)

    def out_of_reach(self, other: "Segment", speed: float, slack_metres: float) -> bool:
        """Whether nobody could walk from the place where the earlier one was last seen to where the later one began.

        speed: m/s. slack_metres: the error of two places together, beside what is known of each of them. False where a
        place is unknown or neither is over before the other begins.
        """
        earlier, later = sorted((self, other), key=lambda segment: segment.presence.last_seconds)
        if earlier.exit is None or later.entry is None:
            return False
        if later.presence.first_seconds < earlier.presence.last_seconds:
            return False
        seconds, x, y = (one - other for one, other in zip(later.entry[:3], earlier.exit[:3], strict=True))
        too_far = math.hypot(x, y) - speed * seconds
        if too_far <= slack_metres:
            return False
        xx, xy, yy = (one + other for one, other in zip(earlier.exit[3:], later.entry[3:], strict=True))
        along = (xx * x * x + 2 * xy * x * y + yy * y * y) / (x * x + y * y)
        return too_far > math.hypot(slack_metres, CERTAIN_DEVIATIONS * math.sqrt(along))
