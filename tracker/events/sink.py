"""Turns steps of the pipeline into events at zones and lines, stores them and sends them on."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Protocol
from uuid import uuid4

import numpy as np

from tracker.core.types import FloatArray, IdentityEvent, IdentityEventKind, TrackletKey, TrackState, TrackUpdate
from tracker.core.zones import PlaceEvent, ZoneWatch
from tracker.events.message import Message, Outlet
from tracker.ports import Step
from tracker.video.frame import Frame

_REMEMBERED = 10_000
_LOOKS_ALIKE = 3
"""So many looks of a track must resemble somebody wanted: one picture of a stranger may."""
_LEAST_QUALITY = 0.3


class Watchlist(Protocol):
    """Who is looked out for."""

    def by_identity(self, identity_id: int) -> str | None: ...
    def by_look(self, embedding: FloatArray) -> tuple[str, float] | None: ...


class NobodyWanted:
    """An empty watchlist."""

    def by_identity(self, identity_id: int) -> str | None:
        return None

    def by_look(self, embedding: FloatArray) -> tuple[str, float] | None:
        return None


@dataclass(slots=True)
class _Suspect:
    """A track: how often it looked like whom, and as whom it was announced."""

    announced: set[str] = field(default_factory=set)
    alike: Counter[str] = field(default_factory=Counter)


Note = Callable[[str, PlaceEvent, int | None], None]
"""Keeps what happened: camera, event, identity as known now."""


class EventSink:
    """Implements tracker.ports.Sink. Confirmed tracks only.

    watches: of every camera. identity_of: the global identity that a track has now. epoch: wall time (UTC) of
    t_seconds = 0. wanted: who is looked out for; least_cosine: from which likeness on a look counts as theirs.
    A message about a track tells who it is as far as that is known; when that changes, another message says so.
    """

    def __init__(
        self,
        watches: Mapping[str, ZoneWatch],
        identity_of: Callable[[TrackletKey], int | None],
        epoch: datetime,
        note: Note,
        outlets: Sequence[Outlet] = (),
        wanted: Watchlist | None = None,
        least_cosine: float = 0.75,
    ) -> None:
        self._watches = dict(watches)
        self._upcoming: dict[str, ZoneWatch] = {}
        self._identity_of = identity_of
        self._epoch = epoch
        self._note = note
        self._outlets = list(outlets)
        self._wanted = wanted or NobodyWanted()
        self._least_cosine = least_cosine
        self._told: dict[TrackletKey, int | None] = {}
        self._suspects: dict[TrackletKey, _Suspect] = {}

    def write(self, step: Step) -> None:
        for camera, updates in step.updates.items():
            for event in self._happened(camera, updates, step.batch.frames.get(camera), step.batch.t_seconds):
                self._tell(camera, event)
        for change in step.events:
            self._correct(change)
        for updates in step.updates.values():
            for update in updates:
                self._look_out(update)
                if update.state is TrackState.ENDED:
                    self._suspects.pop(update.key, None)

        for camera in step.batch.lost_cameras:
            upcoming = self._upcoming.pop(camera, None)
            if upcoming is not None:
                self._watches[camera] = upcoming

    def close(self) -> None:
        """Give messages that wait a last chance, all receivers at once."""
        closers = [Thread(target=outlet.close) for outlet in self._outlets]
        for closer in closers:
            closer.start()
        for closer in closers:
            closer.join()

    def watch(self, camera: str, watch: ZoneWatch, *, from_next_loss: bool) -> None:
        """Other zones and lines of a camera, from its next loss on, with which its tracks end, or at once. May be
        called from any thread.
        """
        if from_next_loss:
            self._upcoming[camera] = watch
        else:
            self._upcoming.pop(camera, None)
            self._watches[camera] = watch

    def _happened(
        self, camera: str, updates: Sequence[TrackUpdate], frame: Frame | None, t_seconds: float
    ) -> list[PlaceEvent]:
        watch = self._watches[camera]
        seen = [u for u in updates if u.confirmed and u.detection_index is not None and u.state != TrackState.ENDED]
        events: list[PlaceEvent] = []
        if frame is not None:
            height, width = frame.image.shape[:2]
            boxes = np.array([update.box_xyxy for update in seen], np.float32).reshape(-1, 4)
            ids = np.array([update.track_id for update in seen], np.int64)
            events += watch.update(frame.t_seconds, (width, height), ids, boxes)
        ended = [update.track_id for update in updates if update.state is TrackState.ENDED]
        return events + watch.end(frame.t_seconds if frame is not None else t_seconds, ended)

    def _tell(self, camera: str, event: PlaceEvent) -> None:
        identity_id = None
        about: Message = {"camera": camera, "place": event.place}
        if event.track_id is not None:
            key = (camera, event.track_id)
            identity_id = self._told[key] = self._identity_of(key)
            if len(self._told) > _REMEMBERED:
                del self._told[next(iter(self._told))]  # the oldest
            about |= {"track": event.track_id, "identity": identity_id}
        details = {"direction": event.direction, "dwell_seconds": event.dwell_seconds, "count": event.count}
        about |= {name: value for name, value in details.items() if value is not None}
        self._note(camera, event, identity_id)
        self._send(event.kind.value, event.t_seconds, about)

    def _correct(self, change: IdentityEvent) -> None:
        """Whoever heard of a track hears who it is, once that is known or known better."""
        if change.kind is IdentityEventKind.MERGED:
            merged = {"identity": change.identity_id, "previous": change.previous_identity_id}
            self._send("merged", change.t_seconds, merged)
        elif change.tracklet in self._told and self._told[change.tracklet] != change.identity_id:
            camera, track_id = change.tracklet
            about: Message = {"camera": camera, "track": track_id, "identity": change.identity_id}
            if self._told[change.tracklet] is not None:
                about["previous"] = self._told[change.tracklet]
            self._told[change.tracklet] = change.identity_id
            self._send("identified", change.t_seconds, about)

    def _look_out(self, update: TrackUpdate) -> None:
        """An alarm for every sighting of somebody wanted, once: known by number, or repeatedly by look."""
        if update.state is not TrackState.CONFIRMED:
            return
        suspect = self._suspects.setdefault(update.key, _Suspect())
        identity_id = self._identity_of(update.key)
        about: Message = {"camera": update.camera_id, "track": update.track_id, "identity": identity_id}
        name = None if identity_id is None else self._wanted.by_identity(identity_id)
        if name is None and update.embedding is not None and update.quality >= _LEAST_QUALITY:
            likest = self._wanted.by_look(update.embedding)
            if likest is not None and likest[1] >= self._least_cosine:
                suspect.alike[likest[0]] += 1
                if suspect.alike[likest[0]] >= _LOOKS_ALIKE:
                    name, about["cosine"] = likest[0], round(likest[1], 3)
        if name is not None and name not in suspect.announced:
            suspect.announced.add(name)
            self._send("wanted", update.t_seconds, {**about, "name": name})

    def _send(self, kind: str, t_seconds: float, about: Message) -> None:
        at = (self._epoch + timedelta(seconds=t_seconds)).astimezone(UTC).isoformat(timespec="milliseconds")
        message = {"id": uuid4().hex, "time": at, "kind": kind, **about}
        for outlet in self._outlets:
            outlet.send(message)
