"""Named places in a camera's picture: who enters a zone and how long they stay, who crosses a line and which way."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

import numpy as np

from tracker.core.polygons import (
    Corners,
    Points,
    inside,
    require_fractions,
    require_polygon,
    segments_meet,
    signed_distances,
)
from tracker.core.types import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Zone:
    """An area of the ground as the picture shows it. polygon: corners (x, y) in fractions of the picture's width and
    height. most_people: more people at once are an event. Raises ValueError for a polygon that is none.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    name: str
    polygon: Corners
    most_people: int | None = None

    def __post_init__(self) -> None:
        _require_name(self.name)
        require_polygon(self.polygon)
        if self.most_people is not None and self.most_people < 0:
            raise ValueError(f"most_people must be at least 0, got {self.most_people}")


@dataclass(frozen=True, slots=True)
class Line:
    """A line on the ground from start to end, (x, y) in fractions of the picture's width and height.

    Raises ValueError when both are one point, or outside of the picture.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    name: str
    start: tuple[float, float]
    end: tuple[float, float]

    def __post_init__(self) -> None:
        _require_name(self.name)
        require_fractions((self.start, self.end))
        if np.hypot(self.end[0] - self.start[0], self.end[1] - self.start[1]) < 0.01:
            raise ValueError(f"start {list(self.start)} and end {list(self.end)} are one point; a line needs a length")


@dataclass(frozen=True, slots=True)
class ZoneConfig:
    """settle_seconds: being in or out of a zone counts once it lasted so long, so that nobody flickers on its border.
    line_margin: a line counts as crossed once the feet are this share of the person's height beyond it.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    settle_seconds: float = 0.5
    line_margin: float = 0.08

    def __post_init__(self) -> None:
        if not 0 <= self.settle_seconds <= 60:
            raise ValueError(f"settle_seconds must be in [0, 60], got {self.settle_seconds}")
        if not 0 <= self.line_margin <= 1:
            raise ValueError(f"line_margin must be in [0, 1], got {self.line_margin}")


class PlaceEventKind(StrEnum):
    """OVER_LIMIT: more people than allowed are in a zone. WITHIN_LIMIT: not any more."""

    ENTERED = "entered"
    LEFT = "left"
    CROSSED = "crossed"
    OVER_LIMIT = "over_limit"
    WITHIN_LIMIT = "within_limit"


@dataclass(frozen=True, slots=True)
class PlaceEvent:
    """t_seconds: when it happened, which may be a moment before it was certain. track_id: None where it concerns a
    zone as a whole. direction (CROSSED): "right" or "left" of somebody who looks from the line's start to its end.
    dwell_seconds (LEFT): since the zone was entered. count (limits): people in the zone.
    """

    kind: PlaceEventKind
    place: str
    t_seconds: float
    track_id: int | None = None
    direction: str | None = None
    dwell_seconds: float | None = None
    count: int | None = None


@dataclass(slots=True)
class _Stay:
    """One track and one zone. other_since: when the feet were first seen on the other side of its border."""

    inside: bool = False
    entered_seconds: float = 0.0
    other_since: float | None = None


@dataclass(slots=True)
class _Approach:
    """Where a track's feet last were clearly on one side of a line. distance: signed, pixels."""

    t_seconds: float
    foot_xy: Points
    distance: float


@dataclass(slots=True)
class _Visitor:
    last_seconds: float
    stays: dict[str, _Stay] = field(default_factory=dict)
    approaches: dict[str, _Approach] = field(default_factory=dict)


class ZoneWatch:
    """Follows the feet of one camera's tracks over its zones and lines."""

    def __init__(
        self, zones: Sequence[Zone] = (), lines: Sequence[Line] = (), config: ZoneConfig | None = None
    ) -> None:
        self._zones = list(zones)
        self._lines = list(lines)
        self._config = config or ZoneConfig()
        self._visitors: dict[int, _Visitor] = {}
        self._over = {zone.name: False for zone in zones}

    def people(self) -> Mapping[str, int]:
        """How many are in each zone now."""
        return {zone.name: sum(self._is_in(v, zone.name) for v in self._visitors.values()) for zone in self._zones}

    def update(
        self, t_seconds: float, size: tuple[int, int], track_ids: IntArray, boxes_xyxy: FloatArray
    ) -> list[PlaceEvent]:
        """What the tracks observed at t_seconds did. size: (width, height) of the picture in pixels; track_ids (n,);
        boxes_xyxy (n, 4) in its pixels. A person stands at the middle of the box's lower edge.
        """
        scale = np.array(size, np.float64)
        feet_xy = np.stack([boxes_xyxy[:, [0, 2]].mean(axis=1), boxes_xyxy[:, 3]], axis=1).astype(np.float64)
        heights = (boxes_xyxy[:, 3] - boxes_xyxy[:, 1]).astype(np.float64)
        ids = [int(track_id) for track_id in track_ids]
        for track_id in ids:
            self._visitors.setdefault(track_id, _Visitor(t_seconds)).last_seconds = t_seconds
        events: list[PlaceEvent] = []
        for zone in self._zones:
            is_in = inside(feet_xy, np.array(zone.polygon) * scale)
            for track_id, now_inside in zip(ids, is_in, strict=True):
                events += self._settle(t_seconds, zone, track_id, bool(now_inside))
        for line in self._lines:
            ends = np.array([line.start, line.end]) * scale
            distances = signed_distances(feet_xy, ends[0], ends[1])
            for row in np.flatnonzero(np.abs(distances) >= np.maximum(heights * self._config.line_margin, 1e-6)):
                now = _Approach(t_seconds, feet_xy[row], float(distances[row]))
                events += self._approach(line, ends, ids[row], now)
        return events + self._limits(t_seconds)

    def end(self, t_seconds: float, track_ids: Iterable[int]) -> list[PlaceEvent]:
        """Tracks ended; whoever was in a zone left it when they were last seen."""
        events = []
        for track_id in track_ids:
            visitor = self._visitors.pop(track_id, None)
            for name, stay in visitor.stays.items() if visitor else ():
                if visitor is not None and stay.inside:
                    events.append(_left(name, track_id, visitor.last_seconds, stay))
        return events + self._limits(t_seconds)

    def _settle(self, t_seconds: float, zone: Zone, track_id: int, now_inside: bool) -> list[PlaceEvent]:
        stay = self._visitors[track_id].stays.setdefault(zone.name, _Stay())
        if now_inside == stay.inside:
            stay.other_since = None
            return []
        stay.other_since = since = t_seconds if stay.other_since is None else stay.other_since
        if t_seconds - since < self._config.settle_seconds:
            return []
        stay.inside, stay.other_since = now_inside, None
        if not now_inside:
            return [_left(zone.name, track_id, since, stay)]
        stay.entered_seconds = since
        return [PlaceEvent(PlaceEventKind.ENTERED, zone.name, since, track_id)]

    def _approach(self, line: Line, ends: Points, track_id: int, now: _Approach) -> list[PlaceEvent]:
        approaches = self._visitors[track_id].approaches
        before = approaches.get(line.name)
        approaches[line.name] = now
        if before is None or (before.distance > 0) == (now.distance > 0):
            return []
        if not segments_meet(before.foot_xy, now.foot_xy, ends[0], ends[1]):
            return []  # walked round its end
        share = abs(before.distance) / (abs(before.distance) + abs(now.distance))
        at = before.t_seconds + share * (now.t_seconds - before.t_seconds)
        direction = "right" if now.distance > 0 else "left"
        return [PlaceEvent(PlaceEventKind.CROSSED, line.name, at, track_id, direction)]

    def _limits(self, t_seconds: float) -> list[PlaceEvent]:
        events = []
        for zone in self._zones:
            if zone.most_people is None:
                continue
            count = self.people()[zone.name]
            over = count > zone.most_people
            if over != self._over[zone.name]:
                kind = PlaceEventKind.OVER_LIMIT if over else PlaceEventKind.WITHIN_LIMIT
                events.append(PlaceEvent(kind, zone.name, t_seconds, count=count))
            self._over[zone.name] = over
        return events

    @staticmethod
    def _is_in(visitor: _Visitor, name: str) -> bool:
        stay = visitor.stays.get(name)
        return stay is not None and stay.inside


def _left(name: str, track_id: int, t_seconds: float, stay: _Stay) -> PlaceEvent:
    dwell_seconds = t_seconds - stay.entered_seconds
    return PlaceEvent(PlaceEventKind.LEFT, name, t_seconds, track_id, dwell_seconds=dwell_seconds)


def _require_name(name: str) -> None:
    if not name.strip() or len(name) > 64:
        raise ValueError(f"a zone or line needs a name of 1 to 64 characters, got {name!r}")
