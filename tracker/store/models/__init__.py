"""The tables. Every time is UTC, in microseconds since 1970 (`*_us`): eight bytes that index and compare fast."""

from tracker.store.models.administration import Audit, Constraint, Sequence, Token, Wanted, WantedVector
from tracker.store.models.base import Base
from tracker.store.models.history import (
    Camera,
    Crop,
    Embedder,
    Embedding,
    Event,
    Identity,
    Link,
    Observations,
    Run,
    RunCamera,
    Tracklet,
)
from tracker.store.models.places import NO_PLACE, PlaceEventRow, StalePerson, Way, WayTotal, ZoneRow

__all__ = [
    "NO_PLACE",
    "Audit",
    "Base",
    "Camera",
    "Constraint",
    "Crop",
    "Embedder",
    "Embedding",
    "Event",
    "Identity",
    "Link",
    "Observations",
    "PlaceEventRow",
    "Run",
    "RunCamera",
    "Sequence",
    "StalePerson",
    "Token",
    "Tracklet",
    "Wanted",
    "WantedVector",
    "Way",
    "WayTotal",
    "ZoneRow",
]
