"""What lies in a home at rest only because people said so: kept apart, too, so that it can be taken out again."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace

from tracker.core.types import TrackletKey
from tracker.crosscam.constraints import Party
from tracker.crosscam.segments import Segment
from tracker.crosscam.state import State, pack, unpack

Place = tuple[int, str]
"""Identity and camera: the home of one person in one camera."""


@dataclass(slots=True)
class _Branch:
    """segment: a copy; its identity is the one in whose home it is. By what it came: track, where people linked that;
    merges: each identity that people merged away with it, earliest first.
    """

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
        self._branches: list[_Branch] = []
        self._trunks: dict[Place, Segment | None] = {}

    def put(self, segment: Segment, *, revocable: bool) -> None:
        """A segment is about to come to rest with its identity. revocable: take_out() of its track can move it."""
        place = _place(segment)
        if revocable:
            self._begin(place)
            self._branches.append(_Branch(deepcopy(segment), segment.key, []))
        elif place in self._trunks:
            self._trunks[place] = _joined(place, [self._trunks[place], segment])

    def merge(self, gone: int, survivor: int, *, revocable: bool) -> None:
        """All that is at rest with `gone` is about to join the survivor. revocable: take_out() of `gone` undoes it."""
        if not revocable and not self._branches:
            return
        coming = [branch for branch in self._branches if branch.segment.identity_id == gone]
        homes = self._homes.get(gone, {})
        for camera in homes if revocable else {branch.segment.camera_id for branch in coming}:
            self._begin((survivor, camera))
        for branch in coming:
            branch.segment.identity_id = survivor
            if revocable:
                branch.merges.append(gone)
        for camera, whole in sorted(homes.items()):
            rest, place = self._trunks.pop((gone, camera), whole), (survivor, camera)
            if rest is not None and revocable:
                self._branches.append(_Branch(replace(deepcopy(rest), identity_id=survivor), None, [gone]))
            elif rest is not None and place in self._trunks:
                self._trunks[place] = _joined(place, [self._trunks[place], rest])

    def take_out(self, party: Party, identity_id: int) -> dict[Place, Segment | None]:
        """All that came by this word belongs to that identity; later words about it are void. A track can be taken out
        again, a merge that is undone is over. Returns what each home that changes is now, None for nothing.
        """
        touched: set[Place] = set()
        for branch in self._branches:
            if party == branch.track:
                branch.merges.clear()
            elif party in branch.merges:
                del branch.merges[branch.merges.index(party) :]
            else:
                continue
            touched.add(branch.place)
            branch.segment.identity_id = identity_id
            touched.add(branch.place)
            self._begin(branch.place)
        self._to_trunks([branch for branch in self._branches if branch.track is None and not branch.merges])
        homes = {
            place: _joined(place, [self._trunks[place], *(b.segment for b in self._branches if b.place == place)])
            for place in sorted(touched)
        }
        self._clear_trunks()
        return homes

    def forget(self, before_seconds: float) -> None:
        """What came by a word can be taken out until all of it was seen before that instant, or its person is gone."""
        if not self._branches:
            return
        self._branches = [branch for branch in self._branches if branch.place[0] in self._homes]
        lately = {
            word
            for branch in self._branches
            if branch.segment.presence.last_seconds >= before_seconds
            for word in branch.words
        }
        self._to_trunks([branch for branch in self._branches if lately.isdisjoint(branch.words)])
        self._clear_trunks()

    def state(self) -> State:
        """Plain data for restore()."""
        return {
            "tracks": [branch.track for branch in self._branches],
            "merges": [list(branch.merges) for branch in self._branches],
            "branches": pack([branch.segment for branch in self._branches]),
            "trunks": pack([trunk for trunk in self._trunks.values() if trunk is not None]),
            "bare": [place for place, trunk in self._trunks.items() if trunk is None],
        }

    def restore(self, state: State) -> None:
        tracks = [None if track is None else (track[0], track[1]) for track in state["tracks"]]
        columns = zip(unpack(state["branches"]), tracks, map(list, state["merges"]), strict=True)
        self._branches = [_Branch(*fields) for fields in columns]
        self._trunks = {_place(trunk): trunk for trunk in unpack(state["trunks"])}
        self._trunks |= dict.fromkeys((identity_id, camera_id) for identity_id, camera_id in state["bare"])

    def _begin(self, place: Place) -> None:
        """The place gets a branch: what it holds already is its trunk, if it has none yet."""
        identity_id, camera_id = place
        if place not in self._trunks:
            self._trunks[place] = deepcopy(self._homes.get(identity_id, {}).get(camera_id))

    def _to_trunks(self, settled: Iterable[_Branch]) -> None:
        """These stay where they are for good."""
        gone = set()
        for branch in settled:
            self._trunks[branch.place] = _joined(branch.place, [self._trunks[branch.place], branch.segment])
            gone.add(id(branch))
        self._branches = [branch for branch in self._branches if id(branch) not in gone]

    def _clear_trunks(self) -> None:
        """A home without branches is all trunk."""
        places = {branch.place for branch in self._branches}
        self._trunks = {place: trunk for place, trunk in self._trunks.items() if place in places}


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
