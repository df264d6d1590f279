"""What becomes of two identities when a tracker finds that two of its tracks are one person."""

from tracker.core.types import IdentityEvent, IdentityEventKind, LinkEvidence, TrackletKey
from tracker.crosscam.decisions import Decisions
from tracker.crosscam.identities import IdentityBook
from tracker.crosscam.memory import Memory
from tracker.crosscam.open_tracks import OpenTracks
from tracker.crosscam.presence import Presence
from tracker.crosscam.segments import Segment
from tracker.crosscam.standing import SAME_TRACK
from tracker.crosscam.track_log import TrackLog


class Joiner:
    """Joins tracks and, where nothing speaks against it, their identities."""

    def __init__(
        self, book: IdentityBook, log: TrackLog, memory: Memory, open_tracks: OpenTracks, decisions: Decisions
    ) -> None:
        self._book = book
        self._log = log
        self._memory = memory
        self._open = open_tracks
        self._decisions = decisions

    def join(
        self, t_seconds: float, kept: TrackletKey, gone: TrackletKey, rest: Presence | None
    ) -> list[IdentityEvent]:
        """As CrossCameraMatcher.join_tracks()."""
        dropped = self._open.drop(gone, t_seconds)
        if dropped is None:
            return []
        before, after = self._identity_of(gone), self._identity_of(kept)
        successor, stay_two = self._open.live.get(kept), rest is not None and bool(rest.runs)
        if before is not None and rest is not None and stay_two:
            self._memory.put(before, Segment(gone, rest.first_seconds, presence=rest, resting=True))
        if after is None and successor is not None and not stay_two:
            successor.identity_id = before
            self._log.assign(kept, successor.since_seconds, before)
        if before is None or after is None or before == after:
            _seen_as(successor, dropped)
            return []
        others = [segment for segment in self._segments_of(after) if segment.key != kept]
        if self._decisions.keep_apart(before, after) or any(dropped.meets(other) for other in others):
            return []
        _seen_as(successor, dropped)
        evidence = LinkEvidence(rule=SAME_TRACK, score=0.0)
        if any(mine.meets(other) for mine in self._segments_of(before) for other in self._segments_of(after)):
            self._log.assign(gone, dropped.since_seconds, after)
            self._log.tell(gone, after)
            since = dropped.since_seconds if self._log.is_split(gone) else None
            return [IdentityEvent(IdentityEventKind.REVISED, t_seconds, after, gone, before, evidence, since)]
        self._book.merge(before, after)
        self._memory.merge(before, after)
        return [IdentityEvent(IdentityEventKind.MERGED, t_seconds, after, None, before, evidence)]

    def _identity_of(self, key: TrackletKey) -> int | None:
        identity_id = self._log.identity_at(key, float("inf"))
        return None if identity_id is None else self._book.resolve(identity_id)

    def _segments_of(self, identity_id: int) -> list[Segment]:
        """All that is known of an identity, at rest and open."""
        named = (segment for segment in self._open if segment.identity_id is not None)
        return [
            *self._memory.of(identity_id),
            *(segment for segment in named if self._book.resolve(segment.identity_id or 0) == identity_id),
        ]


def _seen_as(successor: Segment | None, dropped: Segment) -> None:
    """Whoever was seen beside a track that is dropped is not who goes on with it either."""
    if successor is not None:
        successor.presence.absorb(dropped.presence)
        for camera, presence in dropped.views.items():
            successor.views.setdefault(camera, Presence()).absorb(presence)
