"""From steps to events: who it is as known then, and what is said when that changes."""

from datetime import UTC, datetime

import numpy as np
import pytest

from tracker.core.types import FloatArray, IdentityEvent, IdentityEventKind, TrackletKey, TrackState, TrackUpdate
from tracker.core.zones import Line, PlaceEvent, Zone, ZoneConfig, ZoneWatch
from tracker.events.message import Message
from tracker.events.sink import EventSink
from tracker.ports import Step
from tracker.video.frame import Frame, FrameBatch

EPOCH = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
IMAGE = np.zeros((100, 200, 3), np.uint8)
DOOR = Zone("door", ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)))
GATE = Line("gate", (0.5, 0.0), (0.5, 1.0))


LOOK = np.array([0.6, 0.8], np.float32)


class Wanted:
    """A watchlist of identities, and of one look."""

    def __init__(self, names: dict[int, str]) -> None:
        self.by_identity = names.get
        self.looks: dict[str, FloatArray] = {}

    def by_look(self, embedding: FloatArray) -> tuple[str, float] | None:
        found = [(name, float(look @ embedding)) for name, look in self.looks.items()]
        return max(found, key=lambda pair: pair[1], default=None)


class Site:
    """One camera, an event sink, and what it says."""

    def __init__(self, wanted: dict[int, str] | None = None, look: FloatArray | None = None) -> None:
        self.watchlist = Wanted(wanted or {})
        if look is not None:
            self.watchlist.looks["the thief"] = look
        self.who: dict[TrackletKey, int] = {}
        self.noted: list[tuple[str, PlaceEvent, int | None]] = []
        self.sent: list[Message] = []
        self.closed = False
        self.sink = EventSink(
            {"gate": ZoneWatch([DOOR], [GATE], ZoneConfig(settle_seconds=0.0))},
            self.who.get,
            EPOCH,
            lambda camera, event, identity_id: self.noted.append((camera, event, identity_id)),
            [self],
            self.watchlist,
        )
        self._frame = 0

    def send(self, message: Message) -> None:
        self.sent.append(message)

    def close(self) -> None:
        self.closed = True

    def step(self, x: float, state: TrackState = TrackState.CONFIRMED, *events: IdentityEvent) -> list[str]:
        """One step with one track at x; -> kinds of the messages that it caused."""
        before, t_seconds = len(self.sent), self._frame / 10
        box = np.array([x - 4, 30, x + 4, 50], np.float32)
        seen = None if state is TrackState.ENDED else 0
        confirmed = state is not TrackState.TENTATIVE
        update = TrackUpdate("gate", 1, t_seconds, state, box, 0.9, seen, LOOK, 0.9, confirmed)
        frames = {"gate": Frame("gate", self._frame, t_seconds, IMAGE)}
        self.sink.write(Step(FrameBatch(t_seconds, frames), {"gate": [update]}, events))
        self._frame += 1
        return [message["kind"] for message in self.sent[before:]]


def change(kind: IdentityEventKind, identity_id: int, previous: int | None = None) -> IdentityEvent:
    key = None if kind is IdentityEventKind.MERGED else ("gate", 1)
    return IdentityEvent(kind, 0.0, identity_id, key, previous)


def test_events_are_stored_and_sent_with_the_identity_of_that_moment() -> None:
    site = Site()
    site.who["gate", 1] = 7
    assert site.step(80) == []
    assert site.step(120) == ["entered", "crossed"]
    entered, crossed = site.sent
    assert (entered["camera"], entered["place"], entered["track"], entered["identity"]) == ("gate", "door", 1, 7)
    assert entered["time"] == "2026-11-21T10:00:00.100+00:00"
    assert crossed["direction"] == "left"
    assert [(camera, event.place, who) for camera, event, who in site.noted] == [
        ("gate", "door", 7),
        ("gate", "gate", 7),
    ]
    assert entered["id"] != crossed["id"]


def test_who_it_was_is_said_once_it_is_known_and_when_it_changes() -> None:
    site = Site()
    site.step(120)
    assert site.sent[0]["identity"] is None
    assert site.step(120, TrackState.CONFIRMED, change(IdentityEventKind.ASSIGNED, 3)) == ["identified"]
    assert "previous" not in site.sent[-1]
    assert site.step(120, TrackState.CONFIRMED, change(IdentityEventKind.CONFIRMED, 3)) == []
    assert site.step(120, TrackState.CONFIRMED, change(IdentityEventKind.REVISED, 5, 3)) == ["identified"]
    assert (site.sent[-1]["identity"], site.sent[-1]["previous"]) == (5, 3)
    assert site.step(120, TrackState.CONFIRMED, change(IdentityEventKind.MERGED, 2, 5)) == ["merged"]


def test_tracks_nobody_heard_of_are_not_explained() -> None:
    assert Site().step(20, TrackState.CONFIRMED, change(IdentityEventKind.ASSIGNED, 3)) == []


def test_tentative_tracks_are_nobody() -> None:
    site = Site()
    assert site.step(120, TrackState.TENTATIVE) == []
    assert site.noted == []


def test_a_track_that_ends_leaves_its_zone() -> None:
    site = Site()
    site.step(120)
    site.step(120)
    assert site.step(120, TrackState.ENDED) == ["left"]
    assert site.sent[-1]["dwell_seconds"] == pytest.approx(0.1)


def test_somebody_wanted_is_announced_once_a_sighting() -> None:
    site = Site({7: "the thief"})
    site.who["gate", 1] = 7
    assert site.step(20) == ["wanted"]
    assert site.sent[-1]["name"] == "the thief"
    assert site.step(22) == []
    site.step(22, TrackState.ENDED)
    assert site.step(22) == ["wanted"]


def test_somebody_who_repeatedly_looks_like_one_wanted_is_announced() -> None:
    site = Site(look=LOOK)
    assert [site.step(20) for _ in range(4)] == [[], [], ["wanted"], []]
    assert (site.sent[0]["name"], site.sent[0]["identity"], site.sent[0]["cosine"]) == ("the thief", None, 1.0)
    stranger = Site(look=np.array([0.8, -0.6], np.float32))
    assert [stranger.step(20) for _ in range(4)] == [[], [], [], []]


def test_closing_closes_the_ways_out() -> None:
    site = Site()
    site.sink.close()
    assert site.closed
