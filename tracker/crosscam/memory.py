"""People at rest: what each of them left behind in each camera, until nobody waits for them any more."""

import heapq
import itertools
from collections.abc import Callable, Container, Sequence
from typing import NamedTuple

import numpy as np

from tracker.core.types import FloatArray
from tracker.crosscam.appearances import FULL_WEIGHT
from tracker.crosscam.constraints import Party
from tracker.crosscam.features import unit_rows
from tracker.crosscam.revocable import Revocable
from tracker.crosscam.search import ExactNeighbours, Neighbours
from tracker.crosscam.segments import Segment
from tracker.crosscam.state import State, pack, unpack
from tracker.crosscam.tints import CameraTints

SPACIOUS, BINS_AMONG_MANY = 1000, 2
"""With more segments than this at rest, each keeps only so many bins of looks."""
AT_ONCE = 2000
"""People whose vectors are brought up to date in one round."""


class Exit(NamedTuple):
    """Where and when a person was seen last."""

    identity_id: int
    camera_id: str
    t_seconds: float


class Memory:
    """Segments at rest by identity and camera. Only everyone() takes longer the more people are remembered; the search
    for look-alikes is left to an index.
    """

    def __init__(self, neighbours: Neighbours | None = None) -> None:
        self._neighbours = ExactNeighbours() if neighbours is None else neighbours
        self._homes: dict[int, dict[str, Segment]] = {}
        self._exits: dict[int, Exit] = {}
        self._due: list[tuple[float, int]] = []
        self._overdue: set[int] = set()
        self._changed: dict[int, None] = {}
        self._indexed: set[int] = set()
        self._revocable = Revocable(self._homes)
        self._generation = 0
        self.tints = CameraTints()
        self.size = 0
        """Segments of all people."""

    def __len__(self) -> int:
        """People."""
        return len(self._homes)

    def __contains__(self, identity_id: int) -> bool:
        return identity_id in self._homes

    @property
    def identities(self) -> set[int]:
        return set(self._homes)

    def everyone(self) -> list[Segment]:
        """All segments, in order of identity and camera."""
        return [segment for identity_id in sorted(self._homes) for segment in self.of(identity_id)]

    def of(self, identity_id: int) -> list[Segment]:
        """What a person left behind, in order of cameras; empty for a person who is not remembered."""
        return [segment for _, segment in sorted(self._homes.get(identity_id, {}).items())]

    def put(self, identity_id: int, segment: Segment, *, revocable: bool = False) -> None:
        """A segment comes to rest; it joins what the person left behind in that camera before. revocable: take_out() of
        its track can move it.
        """
        segment.resting, segment.identity_id = True, identity_id
        self._revocable.put(segment, revocable=revocable)
        home = self._homes.setdefault(identity_id, {})
        known = home.setdefault(segment.camera_id, segment)
        if known is segment:
            self.size += 1
        else:
            known.absorb(segment)
        if self.size > SPACIOUS:
            known.gallery.shrink(BINS_AMONG_MANY)
        self.tints.see(segment)
        self._changed[identity_id] = None
        self._note_latest(identity_id, segment)

    def merge(self, gone: int, survivor: int, *, revocable: bool = False) -> None:
        """Two identities are one person. revocable: take_out() of `gone` can undo it."""
        self._revocable.merge(gone, survivor, revocable=revocable)
        for _, segment in sorted(self._drop(gone).items()):
            segment.identity_id = survivor
            home = self._homes.setdefault(survivor, {})
            if home.setdefault(segment.camera_id, segment) is segment:
                self.size += 1
            else:
                home[segment.camera_id].absorb(segment)
            self._changed[survivor] = None
            self._note_latest(survivor, segment)

    def take_out(self, party: Party, identity_id: int) -> None:
        """What came to rest by people's word about this party, a track that they linked or an identity that they merged
        away, is that person's, and no more whose it was.
        """
        for place, segment in self._revocable.take_out(party, identity_id).items():
            self._replace(*place, segment)
        self._exits = dict(sorted(self._exits.items(), key=lambda one: one[1].t_seconds))

    def forget(self, before_seconds: float, held: Callable[[], Container[int]]) -> None:
        """Let go who was last seen before an instant, unless an open segment holds the identity: held() tells."""
        while self._due and self._due[0][0] < before_seconds:
            self._overdue.add(heapq.heappop(self._due)[1])
        open_ = held() if self._overdue else ()
        for identity_id in sorted(self._overdue):
            if identity_id in open_:
                continue
            self._overdue.discard(identity_id)
            if all(s.presence.last_seconds < before_seconds for s in self.of(identity_id)):
                self._drop(identity_id)
        self._revocable.forget(before_seconds)

    def just_left(self, after_seconds: float, most: int) -> list[Exit]:
        """Where those were seen last who came to rest lately, the latest first."""
        exits = list(itertools.islice(reversed(self._exits.values()), most))
        too_old = (row for row, leaving in enumerate(exits) if leaving.t_seconds < after_seconds)
        return exits[: next(too_old, len(exits))]

    def look_alikes(self, looks: FloatArray, k: int) -> list[list[int]]:
        """For each of the looks (m, d), unit rows without tint, up to k people by likeness, the most alike first."""
        self._index_changes()
        numbers, _ = self._neighbours.nearest(looks, k)
        return [[number for number in row if number >= 0] for row in numbers.tolist()]

    def state(self) -> State:
        """Plain data for restore()."""
        indexed = sorted(self._indexed)
        return {
            "generation": self._generation,
            "segments": pack(self.everyone()),
            "revocable": self._revocable.state(),
            "exits": [list(leaving) for leaving in self._exits.values()],
            "changed": list(self._changed),
            "indexed": indexed,
            "looks": self._neighbours.vectors(indexed),
            "tints": self.tints.state(),
        }

    def restore(self, state: State) -> None:
        """Go on from what another one remembered."""
        for segment in unpack(state["segments"]):
            self._homes.setdefault(segment.identity_id or 0, {})[segment.camera_id] = segment
            self.size += 1
            heapq.heappush(self._due, (segment.presence.last_seconds, segment.identity_id or 0))
        self._revocable.restore(state["revocable"])
        self._exits = {leaving[0]: Exit(*leaving) for leaving in state["exits"]}
        self._changed, self._indexed = dict.fromkeys(state["changed"]), set(state["indexed"])
        self._generation = state["generation"]
        self._neighbours.put(state["indexed"], state["looks"])
        self.tints.restore(state["tints"])

    def _index_changes(self) -> None:
        """Whoever changed, or everybody when looks are seen in a new way, gets a new vector: the mean over cameras of
        their looks. So many at a time, the first ones first, that no round is late.
        """
        if self._generation != self.tints.generation:
            self._generation = self.tints.generation
            self._changed |= dict.fromkeys(self._homes)
        most = AT_ONCE if self._indexed else len(self._changed)
        changed = list(itertools.islice(self._changed, most))
        for identity_id in changed:
            del self._changed[identity_id]
        segments = [segment for identity_id in changed for segment in self.of(identity_id)]
        if not segments:
            return
        sizes = [len(self._homes[identity_id]) for identity_id in changed]
        weights = np.array([min(segment.weight, FULL_WEIGHT) for segment in segments])[:, None]
        sums = np.add.reduceat(self.tints.looks(segments) * weights, np.cumsum([0, *sizes[:-1]]))
        described = np.flatnonzero(sums.any(axis=1))
        vectors = unit_rows(sums[described].astype(np.float32))
        numbers = [changed[row] for row in described]
        self._neighbours.put(numbers, vectors)
        self._indexed.update(numbers)

    def looks_of(self, identities: Sequence[int], dimension: int) -> FloatArray:
        """(n, d) unit vectors by which people are found; zeros for those of whom nothing is known."""
        self._index_changes()
        if identities and self._indexed.issuperset(identities):
            return self._neighbours.vectors(identities)
        looks = np.zeros((len(identities), dimension), np.float32)
        rows = [row for row, identity_id in enumerate(identities) if identity_id in self._indexed]
        if rows:
            looks[rows] = self._neighbours.vectors([identities[row] for row in rows])
        return looks

    def _note_latest(self, identity_id: int, segment: Segment) -> None:
        """Keep exits in the order in which people come to rest, about that of their times."""
        seconds = segment.presence.last_seconds
        heapq.heappush(self._due, (seconds, identity_id))
        if identity_id not in self._exits or self._exits[identity_id].t_seconds <= seconds:
            self._exits.pop(identity_id, None)
            self._exits[identity_id] = Exit(identity_id, segment.exit_camera, seconds)

    def _replace(self, identity_id: int, camera_id: str, segment: Segment | None) -> None:
        """What a person left behind in a camera; None: nothing. No visit is counted: it was when it came to rest."""
        home = self._homes.setdefault(identity_id, {})
        self.size += (segment is not None) - (camera_id in home)
        if segment is None:
            home.pop(camera_id, None)
        else:
            home[camera_id] = segment
            if self.size > SPACIOUS:
                segment.gallery.shrink(BINS_AMONG_MANY)
        if not home:
            self._drop(identity_id)
            return
        self._exits.pop(identity_id, None)
        self._changed[identity_id] = None
        for one in home.values():
            self._note_latest(identity_id, one)

    def _drop(self, identity_id: int) -> dict[str, Segment]:
        home = self._homes.pop(identity_id, {})
        self._revocable.drop(identity_id)
        self._exits.pop(identity_id, None)
        self.size -= len(home)
        self._changed.pop(identity_id, None)
        self._overdue.discard(identity_id)
        if identity_id in self._indexed:
            self._indexed.remove(identity_id)
            self._neighbours.remove([identity_id])
        return home
