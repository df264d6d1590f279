"""Walking times decide where looks do not."""

import numpy as np
import pytest

from tests.crosscam.test_matcher import STEP_SECONDS, Visit, ended, play, seen
from tracker.crosscam.affinity import Visits, Walks
from tracker.crosscam.matcher import CrossCameraMatcher, MatcherConfig
from tracker.crosscam.presence import Presence
from tracker.crosscam.segments import Segment
from tracker.crosscam.topology import RECENT, Topology, walks_about

LONG = MatcherConfig(memory_seconds=60)


def segment(camera: str, number: int, *runs: tuple[float, float], resting: bool = False) -> Segment:
    presence = Presence()
    for first, last in runs:
        presence.see(first, None)
        presence.see(last, first)
    return Segment((camera, number), runs[0][0], presence=presence, resting=resting)


def test_a_visit_lies_between_the_ones_before_and_after_it() -> None:
    """Person 0: east until 5, west from 8 to 12 and again from 30. A newcomer in the east from 15 to 20."""
    segments = [
        segment("east", 1, (0, 5), resting=True),
        segment("west", 1, (8, 12), (30, 31), resting=True),
        segment("east", 2, (15, 20)),
    ]
    around = Visits(segments, np.array([0, 0, 1])).around(np.array([2]))
    before, seconds_from, after, seconds_to = (column[0] for column in around)
    assert (before[0], seconds_from[0], after[0], seconds_to[0]) == (1, 3.0, 1, 10.0)
    assert (before[1], after[1]) == (-1, -1), "its own visits are passed over"


def test_log_odds_are_symmetric_and_judge_the_whole_person() -> None:
    """From the east 10 s to the west, but whoever has come to the west meanwhile walks from there."""
    topology = Topology({("east", "west"): walks_about(10, 1), ("west", "east"): walks_about(10, 1)})
    walks = Walks(topology, 60.0)
    known = [segment("east", 1, (0, 5), resting=True), segment("west", 1, (15, 20), resting=True)]
    newcomer = segment("east", 2, (30, 35))
    together = walks.log_odds([*known, newcomer], [7, 7, None])
    apart = walks.log_odds([*known, newcomer], [7, 8, None])
    np.testing.assert_array_equal(together, together.T)
    assert together[0, 2] == together[1, 2] > 0.5
    assert apart[1, 2] == together[1, 2]
    assert apart[0, 2] == 0.0, "nothing is known of how long people stay away from one camera"
    assert together[0, 1] == 0.0, "what is at rest is not judged"


def test_seen_by_both_at_once_speaks_against_one_person_where_views_do_not_overlap() -> None:
    topology = Topology({("east", "west"): walks_about(10, 1)})
    odds = Walks(topology, 60.0).log_odds([segment("east", 1, (0, 20)), segment("west", 1, (5, 25))], [None, None])
    assert odds[0, 1] < -1


@pytest.mark.parametrize("seconds", [4.0, 9.0])
def test_look_alikes_are_told_apart_by_their_walk(seconds: float) -> None:
    """Twins leave the east 5 s one after the other; the one who walks as usual is meant."""
    others: list[Visit] = [("east", 10 + person, person, 0.0, 40.0) for person in range(3, 8)]
    twins: list[Visit] = [("east", 1, 1, 0.0, 10.0), ("east", 2, 1, 5.0, 15.0)]
    begins = 15.0 + seconds
    topology = Topology({("east", "west"): walks_about(9.0, 0.5)}, learns=False)
    matcher = CrossCameraMatcher(LONG, walks=Walks(topology, LONG.memory_seconds))
    events, identity = play([*twins, *others, ("west", 1, 1, begins, begins + 10.0)], matcher)
    usual = ("east", 1) if seconds == 4.0 else ("east", 2)
    assert identity["west", 1] == identity[usual]
    assert identity["east", 1] != identity["east", 2]
    (link,) = [e.evidence for e in events if e.tracklet == ("west", 1) and e.evidence]
    assert link.score == pytest.approx(link.parts["appearance"] + link.parts["transit"])
    assert link.parts["transit"] > 0.5


def test_sure_walks_are_learnt_once_each() -> None:
    topology = Topology()
    matcher = CrossCameraMatcher(LONG, walks=Walks(topology, LONG.memory_seconds))
    walkers: list[Visit] = []
    for person in range(1, 6):
        walkers += [("east", person, person, 0.0, 5.0 + person), ("west", person, person, 9.0 + person, 20.0)]
    t = 0.0
    for number in range(round(25 / STEP_SECONDS)):
        t = number * STEP_SECONDS
        updates = [seen(c, k, p, t) for c, k, p, first, last in walkers if first <= t <= last]
        updates += [ended(c, k, t) for c, k, _, _, last in walkers if last < t <= last + STEP_SECONDS + 1e-9]
        matcher.update(t, updates)
    matcher.finish(t)
    assert set(topology.walks) == {("east", "west")}
    assert topology.walks["east", "west"] == pytest.approx([4.0] * 5, abs=0.2)


def test_slower_walks_than_known_are_told_once_although_they_spoke_against() -> None:
    lines: list[str] = []
    topology = Topology({("east", "west"): walks_about(10.0, 1.0)}, learns=False, notify=lines.append)
    matcher = CrossCameraMatcher(LONG, walks=Walks(topology, LONG.memory_seconds))
    walkers: list[Visit] = []
    for person in range(RECENT + 5):
        left = 4.0 + 2.0 * person
        walkers += [("east", person, person, left - 4.0, left), ("west", person, person, left + 30.0, left + 36.0)]
    play(walkers, matcher)
    (line,) = lines
    assert "from east to west in 30.0 s (usual: 10.0 s)" in line


def test_views_that_overlap_are_noticed_on_the_way() -> None:
    lines: list[str] = []
    topology = Topology(notify=lines.append)
    matcher = CrossCameraMatcher(LONG, walks=Walks(topology, LONG.memory_seconds))
    walkers: list[Visit] = []
    for person in range(1, 6):
        walkers += [("east", person, person, 0.0, 12.0 + person), ("west", person, person, 3.0 + person, 20.0)]
    play([*walkers, ("east", 9, 9, 0.0, 25.0)], matcher)
    assert topology.walks == {}
    (line,) = lines
    assert "east and west overlap" in line


def test_one_segment_alone_has_nobody_to_be() -> None:
    walks = Walks(Topology({("east", "west"): walks_about(10, 1)}), 60.0)
    assert walks.log_odds([segment("east", 1, (0, 5))], [None]).tolist() == [[0.0]]
    assert walks.log_odds([segment("east", 1, (0, 5), resting=True)], [1]).tolist() == [[0.0]]
