"""People from before the matcher's first step: what a database remembers of them."""

from dataclasses import dataclass

from tracker.core.types import FloatArray
from tracker.crosscam.features import Gallery
from tracker.crosscam.presence import Presence
from tracker.crosscam.segments import Segment


@dataclass(frozen=True, slots=True, eq=False)
class KnownPerson:
    """What one identity left behind in one camera; one record for each of the cameras that saw it.

    embedding: (d,) float32, quality-weighted mean of unit vectors, not normalised; None: never described.
    weight: sum of the qualities behind it. last_seen_seconds: in the new run's stream time, mostly negative.
    seen_seconds: for how long altogether. confirmed: the identity counts already.
    """

    identity_id: int
    camera_id: str
    embedding: FloatArray | None
    weight: float
    last_seen_seconds: float
    seen_seconds: float = 0.0
    confirmed: bool = True

    def __post_init__(self) -> None:
        if self.embedding is not None and self.embedding.ndim != 1:
            raise ValueError(f"embedding must have shape (d,), got {self.embedding.shape}")
        if self.embedding is not None and not self.weight > 0:
            raise ValueError(f"weight must be above 0 beside an embedding, got {self.weight}")
        if not self.seen_seconds >= 0:
            raise ValueError(f"seen_seconds must be at least 0, got {self.seen_seconds}")

    def segment(self) -> Segment:
        """The same at rest. Its presence is one run, however often the person came and went."""
        gallery = Gallery()
        if self.embedding is not None:
            gallery.add_mean(self.embedding, self.weight)
        presence = Presence()
        presence.see(self.last_seen_seconds - self.seen_seconds, None)
        presence.see(self.last_seen_seconds, self.last_seen_seconds - self.seen_seconds)
        return Segment((self.camera_id, 0), self.last_seen_seconds, gallery, presence=presence, resting=True)
