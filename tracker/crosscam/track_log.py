"""Which identity every local track had, and when: the matcher's answers, also after it forgot the looks."""

from collections import deque
from dataclasses import dataclass, field

from tracker.core.types import TrackletKey
from tracker.crosscam.state import State


@dataclass(slots=True)
class _Stretch:
    since_seconds: float
    identity_id: int | None = None


@dataclass(slots=True)
class _Track:
    """told: the identity that the last event gave it."""

    stretches: list[_Stretch] = field(default_factory=list)
    told: int | None = None


class TrackLog:
    """Stretches of tracks in order of time. Identities are those that were given; who was merged is not its concern."""

    def __init__(self) -> None:
        self._tracks: dict[TrackletKey, _Track] = {}
        self._given: dict[int, dict[TrackletKey, None]] = {}
        """Tracks by the identities of their stretches."""
        self._ended: deque[tuple[float, TrackletKey]] = deque()

    def begin(self, key: TrackletKey, since_seconds: float) -> None:
        """A track begins, or holds somebody else from now on."""
        self._tracks.setdefault(key, _Track()).stretches.append(_Stretch(since_seconds))

    def drop(self, key: TrackletKey) -> None:
        """The track never counted."""
        self._pop(key)

    def assign(self, key: TrackletKey, since_seconds: float, identity_id: int | None) -> None:
        """The stretch that began at since_seconds is this person."""
        for stretch in self._tracks[key].stretches:
            if stretch.since_seconds == since_seconds and stretch.identity_id != identity_id:
                self._give(key, [stretch], identity_id)

    def assign_all(self, key: TrackletKey, identity_id: int) -> None:
        """All stretches of the track are this person."""
        self._give(key, self._tracks[key].stretches, identity_id)

    def tracks_of(self, identity_id: int) -> list[TrackletKey]:
        """The tracks that have a stretch to which this identity was given."""
        return list(self._given.get(identity_id, ()))

    def _give(self, key: TrackletKey, stretches: list[_Stretch], identity_id: int | None) -> None:
        self._unlist(key)
        for stretch in stretches:
            stretch.identity_id = identity_id
        self._list(key)

    def _list(self, key: TrackletKey) -> None:
        for stretch in self._tracks[key].stretches:
            if stretch.identity_id is not None:
                self._given.setdefault(stretch.identity_id, {})[key] = None

    def _unlist(self, key: TrackletKey) -> None:
        for given in {stretch.identity_id for stretch in self._tracks[key].stretches}:
            if given is not None:
                del self._given[given][key]
                if not self._given[given]:
                    del self._given[given]

    def _pop(self, key: TrackletKey) -> None:
        if key in self._tracks:
            self._unlist(key)
            del self._tracks[key]

    def tell(self, key: TrackletKey, identity_id: int) -> int | None:
        """An event gives the track this identity; returns the one that was told before."""
        track = self._tracks[key]
        before, track.told = track.told, identity_id
        return before

    def is_latest(self, key: TrackletKey, since_seconds: float) -> bool:
        return self._tracks[key].stretches[-1].since_seconds == since_seconds

    def is_split(self, key: TrackletKey) -> bool:
        return len(self._tracks[key].stretches) > 1

    def identity_at(self, key: TrackletKey, t_seconds: float) -> int | None:
        """The identity at an instant, that of the nearest later stretch before the first; None: none is known."""
        track = self._tracks.get(key)
        if track is None:
            return None
        held = [s for s in track.stretches if s.since_seconds <= t_seconds] or track.stretches
        return held[-1].identity_id

    def stretches(self, key: TrackletKey) -> list[tuple[float, int | None]]:
        """(since_seconds, identity) of every stretch; empty for an unknown track."""
        track = self._tracks.get(key)
        return [] if track is None else [(s.since_seconds, s.identity_id) for s in track.stretches]

    def end(self, key: TrackletKey, t_seconds: float) -> None:
        self._ended.append((t_seconds, key))

    def forget(self, before_seconds: float) -> bool:
        """Drop the tracks that ended before an instant; whether there were any."""
        before = len(self._tracks)
        while self._ended and self._ended[0][0] < before_seconds:
            self._pop(self._ended.popleft()[1])
        return len(self._tracks) < before

    def __len__(self) -> int:
        """Tracks."""
        return len(self._tracks)

    def identities(self) -> set[int]:
        """All that were given to a track that is not forgotten."""
        given = {stretch.identity_id for track in self._tracks.values() for stretch in track.stretches}
        told = {track.told for track in self._tracks.values()}
        return {identity_id for identity_id in given | told if identity_id is not None}

    def restore(self, state: State) -> None:
        for camera, number, told, stretches in state["tracks"]:
            self._tracks[camera, number] = _Track([_Stretch(*stretch) for stretch in stretches], told)
            self._list((camera, number))
        self._ended.extend((t_seconds, (camera, number)) for t_seconds, camera, number in state["ended"])

    def state(self) -> State:
        """Plain data for restore()."""
        return {
            "tracks": [
                [*key, track.told, [[s.since_seconds, s.identity_id] for s in track.stretches]]
                for key, track in self._tracks.items()
            ],
            "ended": [[t_seconds, *key] for t_seconds, key in self._ended],
        }
