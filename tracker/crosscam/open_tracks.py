"""The tracks that are still open: live ones, and those that ended so lately that they may be judged otherwise."""

from collections.abc import Iterator, Mapping, Sequence

from tracker.core.types import FloatArray, TrackletKey, TrackState, TrackUpdate
from tracker.crosscam.segments import Segment
from tracker.crosscam.state import State, pack, unpack
from tracker.crosscam.track_log import TrackLog


class OpenTracks:
    """Turns updates into segments, and writes their beginnings and ends into a log.

    live: by track. ended: in the order in which they ended.
    """

    def __init__(self, log: TrackLog) -> None:
        self.live: dict[TrackletKey, Segment] = {}
        self.ended: list[Segment] = []
        self._log = log
        self._times_ended = 0
        self._last_step: dict[str, float] = {}
        self._dimension: int | None = None

    def __iter__(self) -> Iterator[Segment]:
        """Those that ended, then the live ones."""
        yield from self.ended
        yield from self.live.values()

    def observe(self, updates: Sequence[TrackUpdate]) -> None:
        """One step of all cameras, in any order. Raises ValueError for an embedding of another dimension than those
        known before.
        """
        previous_steps = dict(self._last_step)
        for update in sorted(updates, key=lambda u: (u.t_seconds, u.camera_id, u.track_id)):
            self._observe(update, previous_steps)

    def split(self, segment: Segment) -> Segment:
        """A live track holds somebody else since its recent looks; returns who."""
        tail = self.live[segment.key] = segment.split_off()
        self._end(segment)
        self._log.begin(tail.key, tail.since_seconds)
        return tail

    def drop(self, key: TrackletKey, t_seconds: float) -> Segment | None:
        """A live track is none: what was seen of it is forgotten. Returns what was known, None for an unknown one."""
        segment = self.live.pop(key, None)
        if segment is not None:
            self._log.end(key, t_seconds)
        return segment

    def take_before(self, t_seconds: float) -> list[Segment]:
        """Those that ended before an instant; they are open no more."""
        due = [s for s in self.ended if s.presence.last_seconds < t_seconds]
        self.ended = [s for s in self.ended if s.presence.last_seconds >= t_seconds]
        return due

    def require_dimension(self, embedding: FloatArray, whose: str) -> None:
        """Raises ValueError for an embedding of another dimension than those known before."""
        if self._dimension is None:
            self._dimension = len(embedding)
        if embedding.shape != (self._dimension,):
            raise ValueError(
                f"{whose}: embedding has shape {embedding.shape}, those known before have ({self._dimension},); "
                "embeddings of different networks cannot be compared"
            )

    def state(self) -> State:
        """Plain data for restore()."""
        return {
            "live": pack(list(self.live.values())),
            "ended": pack(self.ended),
            "times_ended": self._times_ended,
            "last_step": dict(self._last_step),
            "dimension": self._dimension,
        }

    def restore(self, state: State) -> None:
        """Go on from there."""
        self.live = {segment.key: segment for segment in unpack(state["live"])}
        self.ended = unpack(state["ended"])
        self._times_ended = state["times_ended"]
        self._last_step = dict(state["last_step"])
        self._dimension = state["dimension"]

    def _observe(self, update: TrackUpdate, previous_steps: Mapping[str, float]) -> None:
        key = update.key
        for camera in (update.camera_id, *update.seen_by):
            self._last_step[camera] = update.t_seconds
        if update.embedding is not None and update.embedding.shape != (self._dimension,):
            self.require_dimension(update.embedding, f"track {update.track_id} of camera {update.camera_id}")
        if update.detection_index is not None:
            segment = self.live.get(key)
            if segment is None:
                segment = self.live[key] = Segment(key, update.t_seconds)
                self._log.begin(key, update.t_seconds)
            segment.see(update, previous_steps)
        if update.state is TrackState.ENDED and key in self.live:
            segment = self.live.pop(key)
            if segment.confirmed:
                segment.settle()
                self._end(segment)
                self._log.end(key, update.t_seconds)
            else:
                self._log.drop(key)

    def _end(self, segment: Segment) -> None:
        self._times_ended += 1
        segment.ended_number, segment.due = self._times_ended, True
        self.ended.append(segment)
