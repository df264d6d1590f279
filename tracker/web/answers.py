"""Answers that only the API gives; all others are those of tracker.store."""

from dataclasses import dataclass

from tracker.crosscam.differences import Difference
from tracker.store.similar import Match


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """box_xyxy: the person on the photo, in its pixels; found_person: whether the detector saw one there, or all of the
    photo was taken. matches: most similar first.
    """

    box_xyxy: tuple[float, float, float, float]
    found_person: bool
    matches: tuple[Match, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """changes: the longest first; a negative number is somebody new. applied: whether it was done."""

    sightings: int
    people_before: int
    people_after: int
    changes: list[Difference]
    applied: bool
