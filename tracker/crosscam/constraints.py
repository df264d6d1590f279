"""What people said about who is who. Their word outranks everything that cameras saw, vetoes included."""

from dataclasses import dataclass
from enum import StrEnum

from tracker.core.types import TrackletKey

Party = TrackletKey | int
"""A local track of this run with all its stretches, or whoever an identity id stands for today."""


class ConstraintKind(StrEnum):
    MUST_LINK = "must-link"
    CANNOT_LINK = "cannot-link"


@dataclass(frozen=True, slots=True)
class Constraint:
    """One decision of a person about two parties. A later decision outranks an earlier one that it contradicts.

    A must-link of a track with an identity also names: the track's person keeps that id, even where the matcher has
    never met it (a correction in another program may have created it a moment ago).
    """

    kind: ConstraintKind
    one: Party
    other: Party
