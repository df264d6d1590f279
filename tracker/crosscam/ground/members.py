"""Which tracks of cameras are one track on the ground, and what the world was told of them."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tracker.core.types import LinkEvidence, TrackletKey, TrackState, TrackUpdate
from tracker.crosscam.ground.tracker import GroundUpdate
from tracker.crosscam.presence import Presence
from tracker.crosscam.standing import ON_GROUND
from tracker.crosscam.state import State


@dataclass(slots=True)
class Member:
    """A track of one camera. person: the track on the ground. told: the identity that the last event gave it.

    log_odds, metres: of its first box, how well it fitted the person's place, and how far from there it stood.
    presence: when its camera saw it. ended: it is over.
    """

    key: TrackletKey
    person: TrackletKey
    log_odds: float
    metres: float
    confirmed: bool = False
    told: int | None = None
    ended: bool = False
    presence: Presence = field(default_factory=Presence)

    def evidence(self) -> LinkEvidence:
        """Why it is the same person as the other cameras' tracks."""
        parts = {ON_GROUND: self.log_odds, "metres": self.metres}
        return LinkEvidence(rule=ON_GROUND, score=self.log_odds, parts=parts)


class Members:
    """All that ended at most keep_seconds ago."""

    def __init__(self, keep_seconds: float) -> None:
        self._keep_seconds = keep_seconds
        self._by_key: dict[TrackletKey, Member] = {}
        self._by_person: dict[TrackletKey, list[Member]] = {}
        self._ended: deque[tuple[float, TrackletKey]] = deque()
        self._untold: dict[TrackletKey, None] = {}
        self._last_step: dict[str, float] = {}

    def __contains__(self, key: TrackletKey) -> bool:
        return key in self._by_key

    def get(self, key: TrackletKey) -> Member | None:
        return self._by_key.get(key)

    def of(self, person: TrackletKey) -> Sequence[Member]:
        """In the order in which they began."""
        return self._by_person.get(person, ())

    def untold(self) -> Iterator[Member]:
        """Those that count and of whom no event told yet."""
        found = [self._by_key[key] for key in self._untold]
        return iter([member for member in found if member.confirmed])

    def note(
        self, here: Iterable[tuple[TrackletKey, GroundUpdate]], site: str, updates: Sequence[TrackUpdate]
    ) -> list[TrackletKey]:
        """One step: who is in view now, and what happened to the tracks of the cameras. Returns those that are known no
        more.
        """
        for key, person in here:
            if key not in self._by_key:
                log_odds, metres = person.fits[key[0]]
                made = Member(key, (site, person.track_id), log_odds, metres)
                self._add(made)
        for update in updates:
            member = self._by_key.get(update.key)
            if member is None:
                continue
            member.confirmed |= update.confirmed
            if update.detection_index is not None:
                member.presence.see(update.t_seconds, self._last_step.get(update.camera_id))
            if update.state is TrackState.ENDED:
                member.ended = True
                self._ended.append((update.t_seconds, update.key))
                if not member.confirmed:
                    self._untold.pop(update.key, None)
        self._last_step.update((update.camera_id, update.t_seconds) for update in updates)
        return self._forget(max((update.t_seconds for update in updates), default=-1e18))

    def tell(self, member: Member, identity_id: int) -> int | None:
        """An event gives it this identity; returns the one before."""
        before, member.told = member.told, identity_id
        self._untold.pop(member.key, None)
        return before

    def move(self, gone: TrackletKey, kept: TrackletKey) -> None:
        """Two tracks on the ground were one."""
        for member in self._by_person.pop(gone, []):
            member.person = kept
            self._by_person.setdefault(kept, []).append(member)

    def state(self) -> State:
        """Plain data for restore()."""
        return {
            "members": [_packed(member) for member in self._by_key.values()],
            "last_step": dict(self._last_step),
            "ended": [[t_seconds, *key] for t_seconds, key in self._ended],
        }

    def restore(self, state: State) -> None:
        for row in state["members"]:
            self._add(_unpacked(row))
        self._last_step = dict(state["last_step"])
        self._ended.extend((t_seconds, (camera, number)) for t_seconds, camera, number in state["ended"])

    def _add(self, member: Member) -> None:
        self._by_key[member.key] = member
        self._by_person.setdefault(member.person, []).append(member)
        if member.told is None:
            self._untold[member.key] = None

    def _drop(self, member: Member) -> None:
        del self._by_key[member.key]
        self._untold.pop(member.key, None)
        family = self._by_person[member.person]
        family.remove(member)
        if not family:
            del self._by_person[member.person]

    def _forget(self, now_seconds: float) -> list[TrackletKey]:
        forgotten = []
        while self._ended and self._ended[0][0] < now_seconds - self._keep_seconds:
            member = self._by_key.get(self._ended.popleft()[1])
            if member is not None:
                self._drop(member)
                forgotten.append(member.key)
        return forgotten


def _packed(member: Member) -> State:
    plain = {name: getattr(member, name) for name in ("log_odds", "metres", "confirmed", "told", "ended")}
    return {"key": list(member.key), "person": list(member.person), "runs": member.presence.runs, **plain}


def _unpacked(row: State) -> Member:
    plain = {name: value for name, value in row.items() if name not in ("key", "person", "runs")}
    presence = Presence.of([(first, last) for first, last in row["runs"]])
    return Member(tuple(row["key"]), tuple(row["person"]), presence=presence, **plain)
