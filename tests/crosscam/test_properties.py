"""What must hold in every world, however unlikely: random visits, random looks, random order of arrival."""

from collections import defaultdict, deque
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.crosscam.test_matcher import Visit, play, steps_of
from tracker.core.types import IdentityEvent, IdentityEventKind
from tracker.crosscam.clustering import cluster
from tracker.crosscam.constraints import Constraint, ConstraintKind, Constraints, Withdrawal
from tracker.crosscam.matcher import CrossCameraMatcher, MatcherConfig
from tracker.crosscam.presence import Presence


@st.composite
def worlds(draw: st.DrawFn) -> list[Visit]:
    """Up to eight visits of up to three people to two cameras: look-alikes at one instant are the rule."""
    visits = []
    for number in range(draw(st.integers(1, 8))):
        first = draw(st.integers(0, 30)) / 10
        seconds = draw(st.integers(3, 25)) / 10
        camera, person = draw(st.sampled_from(["east", "west"])), draw(st.integers(1, 3))
        visits.append((camera, number + 1, person, first, first + seconds))
    return visits


FAST = MatcherConfig(round_seconds=0.3, open_seconds=1.0, split_seconds=0.5, confirm_seconds=0.2)
CHOSEN = replace(FAST, round_segments=3, candidates=1)
"""So few at once that companies are chosen in almost every round."""
configs = st.sampled_from([FAST, CHOSEN])


@settings(max_examples=10)
@given(worlds(), configs)
def test_two_tracks_seen_at_one_instant_by_one_camera_never_share_an_identity(
    visits: list[Visit], config: MatcherConfig
) -> None:
    matcher = CrossCameraMatcher(config)
    sightings = []
    for t, updates in steps_of(visits):
        matcher.update(t, updates)
        sightings += [(t, u.key) for u in updates if u.detection_index is not None]
        held = defaultdict(list)
        for u in updates:
            identity = matcher.identity_of(u.key)
            if u.detection_index is not None and identity is not None:
                held[u.camera_id].append(identity)
        assert all(len(ids) == len(set(ids)) for ids in held.values())
    matcher.finish(t)
    final = defaultdict(list)
    for t, key in sightings:
        final[t, key[0]].append(matcher.identity_at(key, t))
    assert all(len(ids) == len(set(ids)) for ids in final.values())


@settings(max_examples=10)
@given(worlds(), configs, st.randoms(use_true_random=False))
def test_order_of_arrival_changes_nothing(visits: list[Visit], config: MatcherConfig, random: Random) -> None:
    forward, shuffled = CrossCameraMatcher(config), CrossCameraMatcher(config)
    for t, updates in steps_of(visits):
        expected = forward.update(t, updates)
        random.shuffle(updates)
        assert shuffled.update(t, updates) == expected
    assert shuffled.finish(t) == forward.finish(t)


@st.composite
def decisions(draw: st.DrawFn) -> list[tuple[float, Constraint]]:
    """What people say, and when, of tracks of worlds(): of distinct people, so that nothing contradicts itself."""
    said = []
    for one, other in draw(st.lists(st.sampled_from([(1, 2), (3, 4), (5, 6), (7, 8)]), unique=True)):
        cameras = draw(st.tuples(*[st.sampled_from(["east", "west"])] * 2))
        kind = draw(st.sampled_from(list(ConstraintKind)))
        said.append((draw(st.integers(0, 60)) / 10, Constraint(kind, (cameras[0], one), (cameras[1], other))))
    return sorted(said, key=lambda entry: entry[0])


@settings(max_examples=25)
@given(worlds(), configs, decisions())
def test_what_people_decide_holds(
    visits: list[Visit], config: MatcherConfig, told: list[tuple[float, Constraint]]
) -> None:
    """From the first round after a decision on, whatever else happens; and two at one instant only by their word."""
    matcher, waiting, sightings = CrossCameraMatcher(config), deque(told), []
    for t, updates in steps_of(visits):
        while waiting and waiting[0][0] <= t:
            matcher.constrain(t, [waiting.popleft()[1]])
        matcher.update(t, updates)
        sightings += [(t, u.key) for u in updates if u.detection_index is not None]
    matcher.constrain(t, [decision for _, decision in waiting])
    matcher.finish(t)
    for _, decision in told:
        assert isinstance(decision.one, tuple)
        assert isinstance(decision.other, tuple)
        one, other = matcher.identity_of(decision.one), matcher.identity_of(decision.other)
        if one is not None and other is not None:
            assert (one == other) is (decision.kind is ConstraintKind.MUST_LINK)
    linked = [{decision.one, decision.other} for _, decision in told if decision.kind is ConstraintKind.MUST_LINK]
    together = defaultdict(list)
    for t, key in sightings:
        together[t, key[0], matcher.identity_at(key, t)].append(key)
    assert all(set(keys) in linked for keys in together.values() if len(keys) > 1)


@st.composite
def anything_said(draw: st.DrawFn) -> list[tuple[float, Constraint | Withdrawal]]:
    """Contradictions, tracks and people whom nobody ever saw, and second thoughts."""
    tracks = st.tuples(st.sampled_from(["east", "west"]), st.integers(1, 9))
    party = st.one_of(tracks, st.integers(1, 5), st.sampled_from([900, 901]))
    pairs = draw(st.lists(st.tuples(st.sampled_from(list(ConstraintKind)), party, party), max_size=8))
    said: list[tuple[float, Constraint | Withdrawal]] = []
    for kind, one, other in pairs:
        decision, t = Constraint(kind, one, other), draw(st.integers(0, 60)) / 10
        if one != other:
            said.append((t, decision))
            if draw(st.booleans()):
                said.append((t + draw(st.integers(0, 30)) / 10, Withdrawal((decision,))))
    return sorted(said, key=lambda entry: entry[0])


@settings(max_examples=25)
@given(worlds(), anything_said())
def test_what_was_said_of_others_needs_not_be_heard(
    visits: list[Visit], told: list[tuple[float, Constraint | Withdrawal]]
) -> None:
    """A round asks for decisions about whom it sees, and those linked to them; hearing all of them changes nothing."""

    def events(hears_all: bool) -> list[IdentityEvent]:
        matcher, waiting, found = CrossCameraMatcher(FAST), deque(told), []
        with pytest.MonkeyPatch.context() as patch:
            if hears_all:
                patch.setattr(Constraints, "among", lambda constraints, _: list(constraints))
            for t, updates in steps_of(visits):
                while waiting and waiting[0][0] <= t:
                    found += matcher.constrain(t, [waiting.popleft()[1]])
                found += matcher.update(t, updates)
        return found + matcher.finish(t)

    assert events(hears_all=False) == events(hears_all=True)


@settings(max_examples=10)
@given(worlds(), configs)
@example(
    [
        ("east", 1, 1, 0.0, 0.3),
        ("east", 2, 2, 0.0, 0.3),
        ("west", 3, 1, 0.0, 0.3),
        ("east", 4, 1, 0.3, 1.6),
        ("east", 5, 1, 0.0, 0.7),
    ],
    FAST,
)
def test_events_tell_the_same_story_as_the_matcher(visits: list[Visit], config: MatcherConfig) -> None:
    """Who only reads events ends with the matcher's identities, and never meets an id again that is gone."""
    events, identity = play(visits, CrossCameraMatcher(config))
    told: dict[tuple[str, int], int] = {}
    gone: set[int] = set()
    for event in events:
        assert event.identity_id not in gone
        if event.kind is IdentityEventKind.MERGED:
            assert event.previous_identity_id is not None
            gone.add(event.previous_identity_id)
            told = {k: event.identity_id if i == event.previous_identity_id else i for k, i in told.items()}
        elif event.tracklet is not None:
            assert event.previous_identity_id == told.get(event.tracklet)
            told[event.tracklet] = event.identity_id
    assert told == identity


@settings(max_examples=60)
@given(st.integers(1, 9), st.integers(0, 10_000))
def test_clusters_hold_no_forbidden_pair_and_every_node_once(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(0, 3, (n, n))
    forbidden = rng.random((n, n)) < 0.3
    forbidden = np.triu(forbidden, 1) | np.triu(forbidden, 1).T
    groups = cluster(log_odds + log_odds.T, rng.uniform(0.1, 5, n), lambda a, b: bool(forbidden[a, b]), np.full(n, -1))
    assert sorted(node for group in groups for node in group) == list(range(n))
    for group in groups:
        assert not forbidden[np.ix_(group, group)].any()


instants = st.lists(st.integers(0, 40), min_size=1, max_size=30, unique=True).map(sorted)


def presence(seen: list[int], capacity: int = 64) -> Presence:
    made = Presence(capacity)
    for t in seen:
        made.see(float(t), float(t - 1) if t else None)
    return made


@given(instants, instants)
def test_presences_meet_exactly_when_they_share_an_instant(mine: list[int], theirs: list[int]) -> None:
    assert presence(mine).meets(presence(theirs)) == bool(set(mine) & set(theirs))


@given(instants, instants)
def test_a_bounded_presence_only_becomes_stricter(mine: list[int], theirs: list[int]) -> None:
    bounded = presence(mine, capacity=3)
    assert len(bounded.runs) <= 3
    assert bounded.meets(presence(theirs)) >= bool(set(mine) & set(theirs))


@given(instants, st.integers(0, 40))
def test_a_split_presence_loses_no_instant_and_shares_none(seen: list[int], at: int) -> None:
    head = presence(seen)
    tail = head.split_off(float(at))
    for t in seen:
        here = presence([t])
        assert head.meets(here) == (t < at)
        assert tail.meets(here) == (t >= at)
    assert not head.meets(tail)
