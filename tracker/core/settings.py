"""Settings of the single-camera tracker."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from tracker.core.association import Stage, Term
from tracker.core.motion import MotionConfig
from tracker.core.types import TrackState

CONFIRMED, LOST, TENTATIVE = (TrackState.CONFIRMED,), (TrackState.LOST,), (TrackState.TENTATIVE,)

SURE = 0.4
"""Score from which a detection is taken at its word."""

DEFAULT_STAGES = (
    Stage(
        CONFIRMED + LOST,
        (Term("overlap", 1.0, 0.65), Term("appearance", 2.0, 1.0)),
        1.0,
        min_score=SURE,
        max_gap_seconds=0.7,
    ),
    Stage(CONFIRMED, (Term("overlap"),), 0.55, min_score=0.2, max_score=SURE),
    Stage(
        CONFIRMED + LOST,
        (Term("reach", 0.0, 1.0), Term("buffered_overlap"), Term("appearance", 0.6, 0.8)),
        0.8,
        min_score=SURE,
        max_gap_seconds=1.8,
    ),
    Stage(CONFIRMED + LOST, (Term("reach", 0.0, 1.0), Term("appearance")), 0.55, min_score=SURE),
    Stage(TENTATIVE, (Term("overlap"),), 0.85, min_score=SURE),
)
"""Sure detections continue tracks just seen, doubtful ones fill in. Who is missing is then sought near the place where
they should be (at few frames per second nothing else overlaps), and by look alone as far as they can have walked. What
is left goes to the tracks not yet confirmed."""


@dataclass(frozen=True, slots=True)
class TrackerConfig:
    """Settings of SingleCameraTracker; times in seconds.

    motion: noise of the Kalman filter. stages: the association, in order. split_margin: by how much appearances must
    fit better to swap two people who part (association.checked_splits).
    new_track_score: a detection that no track took begins one from this score on.
    confirm_hits, confirm_seconds: a track counts after so many observations that span at least so long.
    tentative_seconds: a track not yet confirmed ends when it was not observed for longer; lost_seconds,
    memory_seconds: the same for a confirmed one without and with a known appearance.
    bridge_seconds: after missed frames and a longer gap the filter is run again over the gap (motion.bridge).
    smoothing: reported boxes are this share the filter's estimate, the rest the detection.
    appearance_memory: share of the old running appearance kept at each good view. max_occlusion: crops hidden by
    another person for more than this fraction teach the track nothing. sharp_height_pixels: people at least this tall
    are large enough, and pictures at least as sharp as full_sharpness sharp enough, to be described at full quality.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    motion: MotionConfig = field(default_factory=MotionConfig)
    stages: tuple[Stage, ...] = DEFAULT_STAGES
    split_margin: float = 0.3
    new_track_score: float = 0.7
    confirm_hits: int = 2
    confirm_seconds: float = 0.15
    tentative_seconds: float = 0.1
    lost_seconds: float = 1.8
    memory_seconds: float = 6.0
    bridge_seconds: float = 0.2
    smoothing: float = 0.5
    appearance_memory: float = 0.95
    max_occlusion: float = 0.3
    sharp_height_pixels: float = 64.0
    full_sharpness: float = 0.2

    def __post_init__(self) -> None:
        for name in ("new_track_score", "smoothing", "appearance_memory", "max_occlusion"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in [0, 1], got {getattr(self, name)}")
        if self.appearance_memory == 1:
            raise ValueError("appearance_memory must be below 1, or no look would ever be learned")
        for name in ("confirm_seconds", "tentative_seconds", "lost_seconds", "memory_seconds"):
            if not 0 <= getattr(self, name) < np.inf:
                raise ValueError(f"{name} must be finite and not negative, got {getattr(self, name)}")
        for name in ("bridge_seconds", "split_margin"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative (.inf: never), got {getattr(self, name)}")
        if self.confirm_hits < 1:
            raise ValueError(f"confirm_hits must be at least 1, got {self.confirm_hits}")
        for name in ("sharp_height_pixels", "full_sharpness"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
