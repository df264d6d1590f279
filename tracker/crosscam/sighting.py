"""A stored stay in front of a camera, as re-association knows it."""

from dataclasses import dataclass, field

import numpy as np

from tracker.core.types import FloatArray
from tracker.crosscam.constraints import Party
from tracker.crosscam.ground_plane import Array
from tracker.crosscam.segments import Segment


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """A stored stay in front of a camera. number: names it; its party in constraints is (camera_id, number).

    runs: closed intervals (first, last) in seconds at which it was seen, in order. looks: unit vectors (d,) of its
    earlier and of its later part, or one of the whole, or none. weight: sum of the qualities behind them.
    identity_id: whom it was taken for so far. sure: that is no question; its person keeps the id, and its name.
    told_seconds: when the run first said who it is, None where that is not known.
    places: (m, 6) seconds and segments.Place, where it stood on the ground, in order, as far as that is known.
    ground_partners: numbers of sightings of other cameras with which it was followed on the ground as one person.
    """

    number: int
    camera_id: str
    runs: tuple[tuple[float, float], ...]
    looks: tuple[FloatArray, ...] = ()
    weight: float = 1.0
    identity_id: int | None = None
    sure: bool = False
    told_seconds: float | None = None
    places: Array = field(default_factory=lambda: np.zeros((0, 6)))
    ground_partners: tuple[int, ...] = ()

    @property
    def order(self) -> tuple[float, int]:
        """Sorts sightings by time."""
        return self.first_seconds, self.number

    @property
    def party(self) -> Party:
        return self.camera_id, self.number

    @property
    def first_seconds(self) -> float:
        return self.runs[0][0]

    @property
    def last_seconds(self) -> float:
        return self.runs[-1][1]

    @property
    def seconds(self) -> float:
        return sum(last - first for first, last in self.runs)

    def segment(self) -> Segment:
        """For comparison with others."""
        made = Segment((self.camera_id, self.number), self.first_seconds, confirmed=True)
        for first, last in self.runs:
            made.presence.see(first, None)
            made.presence.see(last, first)
        for look in self.looks:
            made.gallery.add(look, self.weight / len(self.looks))
        made.places = [(t, x, y, xx, xy, yy) for t, x, y, xx, xy, yy in self.places.tolist()]
        if made.places:
            made.entry, made.exit = made.places[0], made.places[-1]
        return made
