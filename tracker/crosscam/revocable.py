"""What lies in a home at rest only because people said so: kept apart, too, so that it can be taken out again."""

import heapq
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from tracker.core.types import TrackletKey
from tracker.crosscam.constraints import Party
from tracker.crosscam.segments import Segment
from tracker.crosscam.state import State, pack, unpack

Place = tuple[int, str]
"""Identity and camera: the home of one person in one camera."""


@dataclass(slots=True, eq=False)
class _Branch:
    """segment: a copy; its identity is the one in whose home it is. By what it came: track, where people linked that;
    merges: each identity that people merged away with it, earliest first. number: in the order in which they came.
    """

    number: int
    segment: Segment
    track: TrackletKey | None
    merges: list[int]

    @property
    def place(self) -> Place:
        return _place(self.segment)

    @property
    def words(self) -> list[Party]:
        return [*self.merges, *([] if self.track is None else [self.track])]


class Revocable:
    """Branches, and for each home that has some its trunk: the rest of that home, None for nothing. A home is its trunk
    and its branches together. Where people decided nothing there is neither.

    homes: what is at rest, by identity and camera. It is only read, and is told of before it changes.
    """

    def __init__(self, homes: Mapping[int, Mapping[str, Segment]]) -> None:
        self._homes = homes
        self._trunks: dict[Place, Segment | None] = {}
        self._next_number = 0
        self._branches: dict[int, _Branch] = {}
        self._in_homes: dict[int, dict[int, _Branch]] = {}
        self._by_words: dict[Party, dict[int, _Branch]] = {}
        """All of them by number, alone, under their identities, and under their words."""
        self._due: list[tuple[float, int]] = []
        """A heap: when each branch may be settled at the earliest, and its number."""

    def put(self, segment: Segment, *, revocable: bool) -> None:
        """A segment is about to come to rest with its identity. revocable: take_out() of its track can move it."""
        place = _place(segment)
        if revocable:
            self._begin(place)
            self._add(deepcopy(segment), segment.key, [])
        elif place in self._trunks:
            self._trunks[place] = _joined(place, [self._trunks[place], segment])

    def merge(self, gone: int, survivor: int, *, revocable: bool) -> None:
        """All that is at rest with `gone` is about to join the survivor. revocable: take_out() of `gone` undoes it."""
        if not revocable and not self._branches:
            return
        coming = list(self._in_homes.get(gone, {}).values())
        homes = self._homes.get(gone, {})
        for camera in homes if revocable else {branch.segment.camera_id for branch in coming}:
            self._begin((survivor, camera))
        for branch in coming:
            self._move(branch, survivor)
            if revocable:
                branch.merges.append(gone)
                self._by_words.setdefault(gone, {})[branch.number] = branch
        for camera, whole in sorted(homes.items()):
            rest, place = self._trunks.pop((gone, camera), whole), (survivor, camera)
            if rest is not None and revocable:
                self._add(replace(deepcopy(rest), identity_id=survivor), None, [gone])
            elif rest is not None and place in self._trunks:
                self._trunks[place] = _joined(place, [self._trunks[place], rest])

    def take_out(self, party: Party, identity_id: int) -> dict[Place, Segment | None]:
        """All that came by this word belongs to that identity; later words about it are void. A track can be taken out
        again, a merge that is undone is over. Returns what each home that changes is now, None for nothing.
        """
        moving = sorted(self._by_words.get(party, {}).items())
        touched: set[Place] = set()
        for _, branch in moving:
            self._drop(branch)
            if isinstance(party, int):
                del branch.merges[branch.merges.index(party) :]
            else:
                branch.merges.clear()
            touched.add(branch.place)
            branch.segment.identity_id = identity_id
            touched.add(branch.place)
            self._begin(branch.place)
            self._insert(branch)
        self._settle([branch for _, branch in moving if branch.track is None and not branch.merges])
        homes = {place: self._whole(place) for place in sorted(touched)}
        self._clear_trunks(touched)
        return homes

    def drop(self, identity_id: int) -> None:
        """A person is forgotten: nothing can be taken out of that home any more."""
        gone = list(self._in_homes.get(identity_id, {}).values())
        for branch in gone:
            self._drop(branch)
        self._clear_trunks({branch.place for branch in gone})

    def forget(self, before_seconds: float) -> None:
        """What came by a word can be taken out until all of it was seen before that instant, or its person is gone."""
        while self._due and self._due[0][0] < before_seconds:
            _, number = heapq.heappop(self._due)
            branch = self._branches.get(number)
            if branch is None:
                continue
            latest = max(
                other.segment.presence.last_seconds for word in branch.words for other in self._by_words[word].values()
            )
            if latest >= before_seconds:
                heapq.heappush(self._due, (latest, number))
            else:
                self._settle([branch])
                self._clear_trunks({branch.place})

    def state(self) -> State:
        """Plain data for restore()."""
        branches = [branch for _, branch in sorted(self._branches.items())]
        return {
            "tracks": [branch.track for branch in branches],
            "merges": [list(branch.merges) for branch in branches],
            "branches": pack([branch.segment for branch in branches]),
            "trunks": pack([trunk for trunk in self._trunks.values() if trunk is not None]),
            "bare": [place for place, trunk in self._trunks.items() if trunk is None],
        }

    def restore(self, state: State) -> None:
        tracks = [None if track is None else (track[0], track[1]) for track in state["tracks"]]
        for segment, track, merges in zip(unpack(state["branches"]), tracks, state["merges"], strict=True):
            self._add(segment, track, list(merges))
        self._trunks = {_place(trunk): trunk for trunk in unpack(state["trunks"])}
        self._trunks |= dict.fromkeys((identity_id, camera_id) for identity_id, camera_id in state["bare"])

    def _add(self, segment: Segment, track: TrackletKey | None, merges: list[int]) -> None:
        self._insert(_Branch(self._next_number, segment, track, merges))
        self._next_number += 1

    def _insert(self, branch: _Branch) -> None:
        self._branches[branch.number] = branch
        self._in_homes.setdefault(branch.place[0], {})[branch.number] = branch
        for word in branch.words:
            self._by_words.setdefault(word, {})[branch.number] = branch
        heapq.heappush(self._due, (branch.segment.presence.last_seconds, branch.number))

    def _drop(self, branch: _Branch) -> None:
        del self._branches[branch.number]
        _remove(self._in_homes, branch.place[0], branch.number)
        for word in branch.words:
            _remove(self._by_words, word, branch.number)

    def _move(self, branch: _Branch, identity_id: int) -> None:
        _remove(self._in_homes, branch.place[0], branch.number)
        branch.segment.identity_id = identity_id
        self._in_homes.setdefault(identity_id, {})[branch.number] = branch

    def _begin(self, place: Place) -> None:
        """The place gets a branch: what it holds already is its trunk, if it has none yet."""
        identity_id, camera_id = place
        if place not in self._trunks:
            self._trunks[place] = deepcopy(self._homes.get(identity_id, {}).get(camera_id))

    def _settle(self, settled: Iterable[_Branch]) -> None:
        """These stay where they are for good."""
        for branch in settled:
            self._drop(branch)
            self._trunks[branch.place] = _joined(branch.place, [self._trunks[branch.place], branch.segment])

    def _branches_at(self, place: Place) -> list[_Branch]:
        return [branch for _, branch in sorted(self._in_homes.get(place[0], {}).items()) if branch.place == place]

    def _whole(self, place: Place) -> Segment | None:
        return _joined(place, [self._trunks[place], *(branch.segment for branch in self._branches_at(place))])

    def _clear_trunks(self, places: Iterable[Place]) -> None:
        """A home without branches is all trunk."""
        for place in places:
            if not self._branches_at(place):
                self._trunks.pop(place, None)


def _remove(index: dict[Any, dict[int, _Branch]], key: Party, number: int) -> None:
    found = index.get(key, {})
    found.pop(number, None)
    if not found:
        index.pop(key, None)


def _place(segment: Segment) -> Place:
    return segment.identity_id or 0, segment.camera_id


def _joined(place: Place, segments: Iterable[Segment | None]) -> Segment | None:
    """Segments as the one that lies in that place; they stay as they are. None where there are none."""
    present = [segment for segment in segments if segment is not None]
    if not present:
        return None
    whole = replace(deepcopy(present[0]), identity_id=place[0])
    for segment in present[1:]:
        whole.absorb(segment)
    return whole
