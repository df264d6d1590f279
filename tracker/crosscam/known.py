"""People from before the matcher's first step: what a database remembers of them."""

from dataclasses import dataclass

from tracker.core.types import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class KnownPerson:
    """What one identity left behind in one camera; one record for each of the cameras that saw it.

    embedding: (d,) float32, quality-weighted mean of unit vectors, not normalised; None: never described.
    weight: sum of the qualities behind it. first_seen_seconds, last_seen_seconds: in the new run's stream time, mostly
    negative. seen_seconds: how long altogether. confirmed: the identity counts already.
    """

    identity_id: int
    camera_id: str
    embedding: FloatArray | None
    weight: float
    first_seen_seconds: float
    last_seen_seconds: float
    seen_seconds: float = 0.0
    confirmed: bool = True

    def __post_init__(self) -> None:
        if self.embedding is not None and self.embedding.ndim != 1:
            raise ValueError(f"embedding must have shape (d,), got {self.embedding.shape}")
        if self.embedding is not None and not self.weight > 0:
            raise ValueError(f"weight must be above 0 beside an embedding, got {self.weight}")
        if not self.first_seen_seconds <= self.last_seen_seconds:
            raise ValueError(
                f"first_seen_seconds must not lie after last_seen_seconds, "
                f"got {self.first_seen_seconds} and {self.last_seen_seconds}"
            )
