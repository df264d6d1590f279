"""Settings of the online matcher."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class MatcherConfig:
    """round_seconds: stream time between two rounds of matching.
    false_match_rate: probability at which a new person may be taken for one of the people known; sets the threshold
        on the data's own scale.
    min_embeddings, patience_seconds: a track takes part after so many embeddings, or after this time without them.
    split_seconds: length of the stretch that is compared with the rest of its track; split_log_odds: how strongly it
        must speak for a different person for the track to be split there (negative).
    stay_log_odds: advantage of the present identity, so that near ties do not flicker.
    open_seconds: a track that ended this long ago is decided; only its whole identity can still be merged.
    memory_seconds: an identity unseen for longer is not recognised any more: a person who returns later is a new one.
        Benchmarks whose annotators gave everybody a new id on return (PETS does) need a value of a few seconds.
    confirm_seconds: an identity counts once it was seen for this long.
    round_segments: up to so many segments are all compared with each other. Beyond, a round takes those of which
        something new is known, and for each of them the people it could be.
    candidates: people that a track is compared with then, besides those who are sure to matter; one half is found by
        looks among those at rest, the other among those who were about lately, by looks and the times of ways.
    answer_seconds: for how long after its end the identity of a track can be asked for. What people decided about
        nobody who is known is let go after this time, or twice this time at the latest.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    round_seconds: float = 0.5
    false_match_rate: float = 0.1
    min_embeddings: int = 3
    patience_seconds: float = 1.0
    split_seconds: float = 1.0
    split_log_odds: float = -2.0
    stay_log_odds: float = 0.5
    open_seconds: float = 10.0
    memory_seconds: float = 10.0
    confirm_seconds: float = 1.0
    round_segments: int = 250
    candidates: int = 10
    answer_seconds: float = 3600.0

    def __post_init__(self) -> None:
        positive = (
            "round_seconds",
            "patience_seconds",
            "split_seconds",
            "open_seconds",
            "memory_seconds",
            "answer_seconds",
        )
        for name in positive:
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0 seconds, got {getattr(self, name)}")
        if not 0 < self.false_match_rate < 0.5:
            raise ValueError(f"false_match_rate must lie in (0, 0.5), got {self.false_match_rate}")
        for name in ("min_embeddings", "round_segments", "candidates"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.split_log_odds > 0:
            raise ValueError(f"split_log_odds must be at most 0, got {self.split_log_odds}")
        for name in ("stay_log_odds", "confirm_seconds"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0, got {getattr(self, name)}")
