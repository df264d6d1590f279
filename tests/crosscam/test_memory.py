"""What is at rest with whom, also after people joined it and took that back."""

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.crosscam.test_restart import through_json
from tracker.core.types import TrackletKey
from tracker.crosscam.constraints import Party
from tracker.crosscam.features import Gallery
from tracker.crosscam.memory import Memory
from tracker.crosscam.presence import Presence
from tracker.crosscam.segments import Segment

MOST = 20
"""Stretches of one test; each looks like nothing else."""


def stretch(key: TrackletKey, number: int) -> Segment:
    """One second of a track, seen from `number` on; its looks are the axis of that number."""
    gallery = Gallery()
    gallery.add(np.eye(MOST, dtype=np.float32)[number], 1.0)
    presence = Presence.of([(float(number), number + 0.9)])
    return Segment(key, float(number), gallery, presence=presence)


def held(memory: Memory) -> dict[tuple[int, str], set[int]]:
    """The numbers of the stretches at rest with each person in each camera, by looks and by presence."""
    homes = {}
    for segment in memory.everyone():
        numbers = set(np.flatnonzero(segment.gallery.sums.sum(axis=0)).tolist())
        assert segment.gallery.weight == segment.gallery.count == len(numbers)
        assert all(any(first <= n <= last for first, last in segment.presence.runs) for n in numbers)
        assert len(segment.presence.runs) == len(numbers)
        homes[segment.identity_id or 0, segment.camera_id] = numbers
    assert memory.size == len(homes)
    return homes


def test_after_a_merge_is_taken_back_an_older_link_can_be_too() -> None:
    memory, linked = Memory(), ("east", 9)
    memory.put(1, stretch(("east", 1), 0))
    memory.put(2, stretch(("east", 2), 1))
    memory.put(2, stretch(linked, 2), revocable=True)
    memory.merge(2, 1, revocable=True)
    memory.put(1, stretch(("east", 3), 3))
    assert held(memory) == {(1, "east"): {0, 1, 2, 3}}
    memory.take_out(2, 2)
    assert held(memory) == {(1, "east"): {0, 3}, (2, "east"): {1, 2}}
    memory.take_out(linked, 3)
    assert held(memory) == {(1, "east"): {0, 3}, (2, "east"): {1}, (3, "east"): {2}}


def test_all_stretches_of_a_track_leave_together() -> None:
    memory, linked = Memory(), ("east", 9)
    memory.put(1, stretch(linked, 0), revocable=True)
    memory.put(1, stretch(("east", 1), 1))
    memory.put(1, stretch(linked, 2), revocable=True)
    memory.take_out(linked, 2)
    assert held(memory) == {(1, "east"): {1}, (2, "east"): {0, 2}}


def test_who_is_given_back_does_not_visit_the_camera_again() -> None:
    memory, linked = Memory(), ("east", 9)
    for number, identity_id in enumerate((1, 2)):
        memory.put(identity_id, stretch(("east", identity_id), number))
    memory.put(1, stretch(linked, 2), revocable=True)
    memory.merge(2, 1, revocable=True)
    before = memory.tints.state()
    memory.take_out(2, 2)
    memory.take_out(linked, 2)
    assert memory.tints.state()["visits"] == before["visits"] == 3
    assert (memory.tints.state()["counts"] == before["counts"]).all()


def test_the_way_out_is_that_of_what_stays() -> None:
    """The person's own last sighting counts again, in order of time among those of the others."""
    memory = Memory()
    memory.put(1, stretch(("east", 1), 0))
    memory.put(2, stretch(("west", 9), 5), revocable=True)
    memory.put(3, stretch(("west", 3), 4))
    memory.merge(2, 1, revocable=True)
    assert [(one.identity_id, one.camera_id) for one in memory.just_left(4.0, 9)] == [(1, "west"), (3, "west")]
    memory.take_out(2, 2)
    left = [(one.identity_id, one.camera_id, one.t_seconds) for one in memory.just_left(0.0, 9)]
    assert left == [(2, "west", 5.9), (3, "west", 4.9), (1, "east", 0.9)]


def test_what_cannot_be_taken_back_any_more_takes_no_room() -> None:
    memory = Memory()
    memory.put(1, stretch(("east", 1), 0))
    memory.put(1, stretch(("east", 9), 2), revocable=True)
    memory.put(1, stretch(("east", 3), 5))
    memory.forget(2.5, set)
    assert memory.state()["revocable"]["tracks"]
    memory.forget(3.0, set)
    assert not memory.state()["revocable"]["tracks"]
    assert not memory.state()["revocable"]["trunks"]["track"]
    memory.take_out(("east", 9), 2)
    assert held(memory) == {(1, "east"): {0, 2, 5}}


def test_who_is_forgotten_is_not_brought_back() -> None:
    memory, linked = Memory(), ("east", 9)
    memory.put(1, stretch(linked, 0), revocable=True)
    memory.put(2, stretch(linked, 5), revocable=True)
    memory.forget(3.0, set)
    memory.take_out(linked, 3)
    assert held(memory) == {(3, "east"): {5}}


@dataclass(slots=True)
class Plain:
    """One stretch as it would be kept if there were room for everything."""

    number: int
    key: TrackletKey
    identity_id: int
    is_linked: bool
    merges: list[int] = field(default_factory=list)

    def moves_by(self, party: Party) -> bool:
        return party in self.merges or (self.is_linked and party == self.key)


cameras, people, tracks = st.sampled_from(["east", "west"]), st.integers(1, 4), st.integers(1, 3)
deeds = st.lists(
    st.one_of(
        st.tuples(st.just("put"), people, st.tuples(cameras, tracks), st.booleans()),
        st.tuples(st.just("merge"), people, people, st.booleans()),
        st.tuples(st.just("part"), people),
        st.tuples(st.just("give"), st.tuples(cameras, tracks), people),
        st.tuples(st.just("restart")),
    ),
    max_size=MOST,
)


@settings(max_examples=50)
@given(deeds)
def test_homes_hold_what_a_plain_record_of_everything_says(told: list[tuple]) -> None:  # type: ignore[type-arg]
    """Whatever is put, merged and taken back, in whatever order, and restarted in between."""
    memory, record = Memory(), list[Plain]()
    for number, deed in enumerate(told):
        match deed:
            case "put", identity_id, key, linked:
                memory.put(identity_id, stretch(key, number), revocable=linked)
                record.append(Plain(number, key, identity_id, linked))
            case "merge", gone, survivor, by_people if gone != survivor:
                memory.merge(gone, survivor, revocable=by_people)
                for one in record:
                    if one.identity_id == gone:
                        one.identity_id = survivor
                        one.merges += [gone] * by_people
            case "part", gone:
                memory.take_out(gone, gone)
                for one in record:
                    if gone in one.merges:
                        one.identity_id, one.merges = gone, one.merges[: one.merges.index(gone)]
            case "give", key, identity_id:
                memory.take_out(key, identity_id)
                for one in record:
                    if one.moves_by(key):
                        one.identity_id, one.merges = identity_id, []
            case ("restart",):
                state, memory = through_json(memory.state()), Memory()
                memory.restore(state)
        homes = defaultdict[tuple[int, str], set[int]](set)
        for one in record:
            homes[one.identity_id, one.key[0]].add(one.number)
        assert held(memory) == homes
