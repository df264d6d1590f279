"""Well-known trackers as rows of configuration: the same predict, associate, correct with other settings.

They keep what names the method (its stages, its filter, its patience) and leave out what it does not have. Times are
those of the papers at 30 frames per second.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from tracker.core.association import Stage, Term
from tracker.core.motion import MotionConfig
from tracker.core.settings import CONFIRMED, LOST, TENTATIVE, TrackerConfig

EVERYONE = CONFIRMED + LOST + TENTATIVE
OVERLAP = (Term("overlap"),)

REID = TrackerConfig()


def without_appearance(config: TrackerConfig) -> TrackerConfig:
    """The same tracker, blind to looks even where detections carry embeddings."""
    blind = (replace(s, terms=tuple(t for t in s.terms if t.name != "appearance")) for s in config.stages if _places(s))
    return replace(config, stages=tuple(blind), split_margin=np.inf)


def _places(stage: Stage) -> bool:
    """Whether anything but looks has a weight in it."""
    return any(term.weight and term.name != "appearance" for term in stage.terms)


CLASSIC = TrackerConfig(
    motion=MotionConfig(centre_error=0.05, size_error=0.05, centre_acceleration=0.3, size_acceleration=0.1),
    split_margin=np.inf,
    confirm_hits=3,
    confirm_seconds=0.0,
    tentative_seconds=0.0,
    lost_seconds=1.0,
    memory_seconds=1.0,
    bridge_seconds=np.inf,
    smoothing=1.0,
    max_occlusion=1.0,
)
"""What the published methods below have in common."""

PRESETS: Mapping[str, TrackerConfig] = MappingProxyType(
    {
        "reid": REID,
        "iou": without_appearance(REID),
        # Bewley et al. 2016: overlap alone.
        "sort": replace(CLASSIC, stages=(Stage(EVERYONE, OVERLAP, 0.7, min_score=0.3),), new_track_score=0.3),
        # Wojke et al. 2017: looks within the Mahalanobis gate, then overlap for those just seen.
        "deepsort": replace(
            CLASSIC,
            stages=(
                Stage(CONFIRMED + LOST, (Term("mahalanobis", 0.0, 1.0), Term("appearance")), 0.6, min_score=0.3),
                Stage(CONFIRMED + TENTATIVE, OVERLAP, 0.7, min_score=0.3),
            ),
            new_track_score=0.3,
        ),
        # Zhang et al. 2022: doubtful detections continue tracks, but begin none.
        "bytetrack": replace(
            CLASSIC,
            stages=(
                Stage(CONFIRMED + LOST, OVERLAP, 0.8, min_score=0.5),
                Stage(CONFIRMED, OVERLAP, 0.5, min_score=0.1, max_score=0.5),
                Stage(TENTATIVE, OVERLAP, 0.7, min_score=0.5),
            ),
            new_track_score=0.6,
            confirm_hits=2,
        ),
        # Cao et al. 2023: a second look where people were last observed, and re-update after a gap.
        "ocsort": replace(
            CLASSIC,
            stages=(
                Stage(EVERYONE, OVERLAP, 0.7, min_score=0.3),
                Stage(EVERYONE, (Term("anchor_overlap"),), 0.7, min_score=0.3),
            ),
            new_track_score=0.3,
            bridge_seconds=0.05,
            smoothing=0.0,
        ),
    }
)
