"""The matcher's unit: a stretch of one local track that holds one person, as far as its looks can tell."""

import math
from dataclasses import dataclass, field

from tracker.core.types import FloatArray, TrackletKey, TrackUpdate
from tracker.crosscam.features import Gallery
from tracker.crosscam.presence import Presence


@dataclass(slots=True, eq=False)
class Segment:
    """One stretch of a track or, once at rest, all that an identity left behind in one camera.

    since_seconds: start of the stretch. gallery: settled appearance. recent: appearance since recent_since_seconds, not
    yet compared with the gallery. confirmed: the local track counts. resting: decided, moves only with its identity.
    entry_metres, exit_metres: the first and the last place on the ground, where known.
    """

    key: TrackletKey
    since_seconds: float
    gallery: Gallery = field(default_factory=Gallery)
    recent: Gallery = field(default_factory=Gallery)
    recent_since_seconds: float = 0.0
    presence: Presence = field(default_factory=Presence)
    identity_id: int | None = None
    entry_metres: tuple[float, float] | None = None
    exit_metres: tuple[float, float] | None = None
    confirmed: bool = False
    resting: bool = False

    @property
    def camera_id(self) -> str:
        return self.key[0]

    def see(self, update: TrackUpdate, previous_step_seconds: float | None) -> None:
        """Take one sighting of the track. previous_step_seconds: of its camera, None at its first."""
        self.confirmed |= update.confirmed
        self.presence.see(update.t_seconds, previous_step_seconds)
        self.exit_metres = update.ground_metres
        if self.entry_metres is None:
            self.entry_metres = update.ground_metres
        if update.embedding is not None and update.quality > 0:
            if self.recent.count == 0:
                self.recent_since_seconds = update.t_seconds
            self.recent.add(update.embedding, update.quality)

    def feature(self) -> FloatArray | None:
        """Mean appearance (d,), not normalised: the settled one, or the recent one while nothing is settled."""
        settled = self.gallery.mean()
        return self.recent.mean() if settled is None else settled

    def settle(self) -> None:
        """The recent appearance belongs to the same person: it joins the gallery."""
        self.gallery.absorb(self.recent)
        self.recent = Gallery()

    def split_off(self) -> "Segment":
        """The recent appearance belongs to someone else: it becomes a segment of its own, without identity."""
        since = self.recent_since_seconds
        tail = Segment(self.key, since, self.recent, presence=self.presence.split_off(since), confirmed=self.confirmed)
        tail.exit_metres, self.exit_metres = self.exit_metres, None
        self.recent = Gallery()
        return tail

    def absorb(self, other: "Segment") -> None:
        """Take over a segment of the same identity and camera."""
        if other.presence.last_seconds > self.presence.last_seconds:
            self.exit_metres = other.exit_metres
        if other.presence.first_seconds < self.presence.first_seconds:
            self.entry_metres = other.entry_metres
        self.gallery.absorb(other.gallery)
        self.presence.absorb(other.presence)

    def out_of_reach(self, other: "Segment", speed: float, slack_metres: float) -> bool:
        """Whether nobody could walk from the place where the earlier one was last seen to where the later one began.

        speed: m/s. False where a place is unknown or neither is over before the other begins.
        """
        earlier, later = sorted((self, other), key=lambda segment: segment.presence.last_seconds)
        seconds = later.presence.first_seconds - earlier.presence.last_seconds
        if earlier.exit_metres is None or later.entry_metres is None or seconds < 0:
            return False
        return math.dist(earlier.exit_metres, later.entry_metres) > speed * seconds + slack_metres

    def forget_looks(self) -> None:
        """Keep only what is needed to answer whose stretch this was."""
        self.gallery, self.recent, self.presence = Gallery(), Gallery(), Presence()
