"""What people decide outranks what the matcher would do, at once and for good."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from tests.crosscam.test_matcher import CROSSING, STEP_SECONDS, Visit, steps_of
from tracker.core.types import IdentityEvent, IdentityEventKind
from tracker.crosscam.constraints import Constraint, ConstraintKind, Constraints, Party, Withdrawal
from tracker.crosscam.matcher import CrossCameraMatcher, MatcherConfig

MUST, CANNOT = ConstraintKind.MUST_LINK, ConstraintKind.CANNOT_LINK
Decisions = Mapping[float, Sequence[Constraint | Withdrawal]]
LONG = MatcherConfig(memory_seconds=60.0, open_seconds=2.0)


def watched(
    visits: Sequence[Visit], matcher: CrossCameraMatcher, decisions: Decisions | None = None
) -> list[IdentityEvent]:
    """Play visits; decisions are told at the first step from their time on."""
    events, waiting = [], sorted((decisions or {}).items())
    for t, updates in steps_of(visits):
        while waiting and waiting[0][0] <= t:
            events += matcher.constrain(t, waiting.pop(0)[1])
        events += matcher.update(t, updates)
    return events + matcher.finish(t)


def said(kind: ConstraintKind, one: Party, other: Party) -> Constraint:
    return Constraint(kind, one, other)


@pytest.mark.parametrize("moment", [0.0, 3.0, 10.0, 14.0])
def test_tracks_that_people_part_are_two(moment: float) -> None:
    """East 1 and west 4 are one person, before, while and after both are seen; somebody says they are not."""
    matcher = CrossCameraMatcher(LONG)
    watched(CROSSING, matcher, {moment: [said(CANNOT, ("east", 1), ("west", 4))]})
    assert matcher.identity_of(("east", 1)) != matcher.identity_of(("west", 4))
    assert matcher.identity_of(("east", 2)) == matcher.identity_of(("west", 3))


@pytest.mark.parametrize("moment", [0.0, 3.0, 13.9])
def test_tracks_that_people_link_are_one_even_seen_at_one_instant(moment: float) -> None:
    matcher = CrossCameraMatcher(LONG)
    events = watched(CROSSING, matcher, {moment: [said(MUST, ("east", 1), ("east", 2))]})
    assert matcher.identity_of(("east", 1)) == matcher.identity_of(("east", 2)) is not None
    assert "must-link" in {e.evidence.rule for e in events if e.evidence}


def test_what_people_say_of_a_forgotten_track_holds_for_those_linked_to_it() -> None:
    later = [("east", 9, 9, 15.0, 19.0), ("east", 10, 10, 15.0, 19.0)]
    matcher = CrossCameraMatcher(MatcherConfig(memory_seconds=3.0, open_seconds=2.0))
    watched(CROSSING + later, matcher, {0.0: [said(MUST, ("west", 2), ("east", 9))]})
    assert matcher.identity_of(("east", 9)) == matcher.identity_of(("west", 2)) is not None
    assert matcher.identity_of(("east", 10)) != matcher.identity_of(("west", 2))


def test_a_link_to_an_identity_names_the_person() -> None:
    """Another program has split somebody off as person 900; the rest of the old person does not follow."""
    matcher = CrossCameraMatcher(LONG)
    decisions = [said(MUST, ("east", 1), 900), said(CANNOT, ("west", 4), 900)]
    events = watched(CROSSING, matcher, {10.0: decisions})
    assert matcher.identity_of(("east", 1)) == 900
    assert matcher.identity_of(("west", 4)) not in (None, 900)
    assert all(e.identity_id != 900 for e in events if e.kind is IdentityEventKind.MERGED)


def test_an_open_track_can_be_given_to_an_identity_that_was_never_seen() -> None:
    matcher = CrossCameraMatcher(LONG)
    events = watched(CROSSING, matcher, {3.0: [said(MUST, ("west", 2), 900)]})
    assert matcher.identity_of(("west", 2)) == 900
    (revised,) = [e for e in events if e.identity_id == 900 and e.kind is IdentityEventKind.REVISED]
    assert revised.tracklet == ("west", 2)


def test_identities_are_linked_and_parted() -> None:
    matcher = CrossCameraMatcher(LONG)
    watched(CROSSING, matcher)
    east, west = matcher.identity_of(("east", 3)), matcher.identity_of(("west", 2))
    assert east is not None
    assert west is not None
    again = CrossCameraMatcher(LONG)
    watched(CROSSING, again, {6.0: [said(MUST, east, west)]})
    assert again.identity_of(("east", 3)) == again.identity_of(("west", 2))
    person = matcher.identity_of(("east", 1))
    assert person is not None
    parted = CrossCameraMatcher(LONG, constraints=[said(CANNOT, ("west", 4), person)])
    watched(CROSSING, parted)
    assert parted.identity_of(("east", 1)) == person != parted.identity_of(("west", 4))


def test_the_later_of_two_contradicting_decisions_holds() -> None:
    pair = (("east", 1), ("west", 4))
    for first, second in itertools.permutations([MUST, CANNOT]):
        matcher = CrossCameraMatcher(LONG, constraints=[said(first, *pair), said(second, *pair)])
        watched(CROSSING, matcher)
        assert (matcher.identity_of(pair[0]) == matcher.identity_of(pair[1])) is (second is MUST)


def test_a_parted_track_takes_those_along_that_people_linked_to_it() -> None:
    decisions = {13.9: [said(MUST, ("east", 1), ("east", 2)), said(CANNOT, ("west", 4), ("east", 1))]}
    visits = [*CROSSING, ("west", 9, 9, 14.0, 20.0)]
    matcher = CrossCameraMatcher(LONG)
    watched(visits, matcher, decisions)
    assert matcher.identity_of(("east", 1)) == matcher.identity_of(("east", 2))
    assert matcher.identity_of(("west", 4)) != matcher.identity_of(("east", 1))


def test_decisions_about_nobody_change_nothing() -> None:
    matcher, plain = CrossCameraMatcher(LONG), CrossCameraMatcher(LONG)
    nobody = [said(MUST, ("east", 77), ("west", 78)), said(CANNOT, 500, ("west", 79)), said(CANNOT, 501, 502)]
    assert watched(CROSSING, matcher, {2.0: nobody}) == watched(CROSSING, plain)


def test_tracks_that_people_part_are_not_joined_by_a_tracker() -> None:
    matcher = CrossCameraMatcher(constraints=[said(CANNOT, ("east", 1), ("east", 2))])
    for t, updates in steps_of(CROSSING[:3]):
        matcher.update(t, updates)
        if t >= 20 * STEP_SECONDS:
            break
    assert matcher.join_tracks(t, ("east", 1), ("east", 2)) == []
    assert matcher.identity_of(("east", 1)) != matcher.identity_of(("east", 2))


def test_decisions_about_nobody_are_let_go_after_a_while() -> None:
    """Not those about people who are in view or remembered, nor what was said just now."""
    config = MatcherConfig(memory_seconds=3.0, open_seconds=2.0, answer_seconds=5.0)
    visits = [*CROSSING, ("west", 20, 20, 12.0, 31.0), ("east", 20, 21, 12.0, 31.0)]
    lasting, half = said(CANNOT, ("west", 20), ("east", 20)), said(CANNOT, ("west", 1), ("west", 20))
    gone, unknown, again = said(MUST, ("east", 1), ("east", 2)), said(CANNOT, 500, 501), said(MUST, ("west", 91), 502)
    decisions = {0.0: [gone, unknown, again], 13.0: [lasting, half], 22.0: [again], 27.0: [again]}
    matcher = CrossCameraMatcher(config)
    held = {}
    for t, updates in steps_of(visits):
        for moment in [moment for moment in decisions if moment <= t]:
            matcher.constrain(t, decisions.pop(moment))
        matcher.update(t, updates)
        held[round(t, 1)] = list(matcher._decisions.constraints)
        if round(t, 1) == 24.0:
            matcher = CrossCameraMatcher.restored(config, matcher.state())
    assert held[4.5] == [gone, unknown, again]
    assert held[8.0] == [gone]
    assert held[21.0] == [lasting, half]
    assert held[31.0] == [lasting, half, again]
    assert matcher.identity_of(("west", 20)) != matcher.identity_of(("east", 20))


TWO = (("east", 1), ("east", 2))


@pytest.mark.parametrize(("linked", "withdrawn"), [(3.0, 4.5), (3.0, 7.0), (8.5, 10.0), (3.0, 13.0)])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("of_tracks", [False, True])
def test_a_link_that_is_taken_back_leaves_two_people_with_their_own_numbers(
    linked: float, withdrawn: float, turned: bool, of_tracks: bool
) -> None:
    """Whether their tracks are in view, ended or at rest; those who return are recognised as on a run without it."""
    plain, matcher = CrossCameraMatcher(LONG), CrossCameraMatcher(LONG)
    watched(CROSSING, plain)
    one, other = (plain.identity_of(key) for key in TWO)
    assert one is not None
    assert other is not None
    pair = TWO if of_tracks else (one, other)
    link = said(MUST, *(pair[::-1] if turned else pair))
    taken_back = Withdrawal((link,), tuple(zip(TWO, (one, other), strict=True)))
    events = watched(CROSSING, matcher, {linked: [link], withdrawn: [taken_back]})
    assert any(e.kind is IdentityEventKind.MERGED for e in events)
    assert {e.tracklet for e in events if e.evidence and e.evidence.rule == "withdrawn"} <= set(TWO)
    assert [matcher.identity_of(key) for key in TWO] == [one, other]
    for key in (("west", 3), ("west", 4)):
        assert matcher.identity_of(key) == plain.identity_of(key)


def test_a_parting_that_is_taken_back_lets_looks_decide_again() -> None:
    matcher = CrossCameraMatcher(LONG)
    split = [said(MUST, ("west", 4), 900), said(CANNOT, ("east", 1), 900)]
    plain = CrossCameraMatcher(LONG)
    watched(CROSSING, plain)
    person = plain.identity_of(("east", 1))
    assert person is not None
    taken_back = Withdrawal(tuple(split), ((("west", 4), person),), (900, person))
    events = watched(CROSSING, matcher, {10.0: split, 12.0: [taken_back]})
    assert 900 in {e.identity_id for e in events if e.tracklet == ("west", 4)}
    assert matcher.identity_of(("west", 4)) == matcher.identity_of(("east", 1)) == person


def test_what_follows_from_two_decisions_stays_until_both_are_taken_back() -> None:
    first, second, implied = said(MUST, 1, 2), said(MUST, 1, 3), said(MUST, ("east", 1), ("east", 2))
    constraints = Constraints()
    constraints.add(implied, first)
    constraints.add(implied, second)
    constraints.withdraw([second])
    assert list(constraints) == [implied]
    constraints.withdraw([first])
    assert not list(constraints)
    assert ("east", 1) not in constraints


@pytest.mark.parametrize("moment", [3.0, 10.0])
def test_an_open_track_that_is_split_off_is_the_new_person_from_then_on(moment: float) -> None:
    """As the store says it: the track is person 900, and the person whose track it was until now is somebody else."""
    plain, matcher = CrossCameraMatcher(LONG), CrossCameraMatcher(LONG)
    key = ("west", 2) if moment < 5 else ("west", 4)
    watched(CROSSING, plain)
    person = plain.identity_of(key)
    assert person is not None
    events = watched(CROSSING, matcher, {moment: [said(MUST, key, 900), said(CANNOT, person, 900)]})
    assert matcher.identity_of(key) == 900
    assert (IdentityEventKind.REVISED, key, 900) in {(e.kind, e.tracklet, e.identity_id) for e in events}


@pytest.mark.parametrize("moment", [0.0, 2.0])
def test_a_track_that_two_words_name_differently_is_one_person_with_both_numbers(moment: float) -> None:
    """Two re-associations, one after the other, may say so of an open track."""
    words = [said(MUST, ("west", 2), 900), said(MUST, ("west", 2), 901)]
    matcher = CrossCameraMatcher(LONG, constraints=[] if moment else words)
    events = watched(CROSSING, matcher, {moment: words[:1], moment + 1: words[1:]} if moment else {})
    assert {matcher.present(900), matcher.present(901)} == {matcher.identity_of(("west", 2))}
    merged = [
        e
        for e in events
        if e.kind is IdentityEventKind.MERGED and {e.identity_id, e.previous_identity_id} == {900, 901}
    ]
    assert [e.evidence.rule for e in merged if e.evidence] == ["must-link"]


def test_who_is_not_a_person_unseen_yet_is_not_one_of_those_linked_to_that_person() -> None:
    """Both views show one person at one time, says every look; one is person 900, people say, and the other is not."""
    visits = [*CROSSING[1:5], ("east", 1, 1, 0.0, 5.0), ("west", 9, 1, 0.0, 5.0)]
    plain = CrossCameraMatcher(LONG)
    watched(visits, plain)
    assert plain.identity_of(("east", 1)) == plain.identity_of(("west", 9))
    matcher = CrossCameraMatcher(LONG, constraints=[said(MUST, ("east", 1), 900), said(CANNOT, ("west", 9), 900)])
    events = watched(visits, matcher)
    assert matcher.identity_of(("east", 1)) == 900 != matcher.identity_of(("west", 9))
    (why,) = [e.evidence for e in events if e.kind is IdentityEventKind.ASSIGNED and e.tracklet == ("west", 9)]
    assert why is not None
    assert (why.rule, why.runner_up_identity_id) == ("cannot-link", 900)


def test_what_is_at_rest_stays_with_its_identity_where_a_track_alone_is_named() -> None:
    """West 4 comes back as east 1's person, whose first visit is at rest; people call west 4 person 900."""
    matcher = CrossCameraMatcher(LONG)
    watched(CROSSING, matcher, {11.0: [said(MUST, ("west", 4), 900)]})
    first = matcher.identity_of(("east", 1))
    again = CrossCameraMatcher.restored(LONG, matcher.state())
    assert matcher.identity_of(("west", 4)) == 900
    assert first not in (None, 900)
    np.testing.assert_equal(again.state()["memory"]["segments"], matcher.state()["memory"]["segments"])
