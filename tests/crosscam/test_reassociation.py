"""A recorded history judged afresh: finds the people, keeps what users said, ids, and one person in one place."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracker.core.types import FloatArray
from tracker.crosscam import reassociation
from tracker.crosscam.affinity import Walks
from tracker.crosscam.calibration import LIMIT
from tracker.crosscam.clustering import cluster
from tracker.crosscam.constraints import Constraint, ConstraintKind, Veto
from tracker.crosscam.matcher import MatcherConfig
from tracker.crosscam.prior_word import Word
from tracker.crosscam.reassociation import reassociate
from tracker.crosscam.sighting import Sighting
from tracker.crosscam.standing import pair_log_odds
from tracker.crosscam.topology import Topology

MUST, CANNOT = ConstraintKind.MUST_LINK, ConstraintKind.CANNOT_LINK
LONG = MatcherConfig(memory_seconds=1000.0)


def look(person: int, number: int, noise: float = 0.3) -> FloatArray:
    """A person's unit vector (16,), and something of the day."""
    base, day = (np.random.default_rng(seed).normal(size=16) for seed in ([person], [person, number, 1]))
    vector = base / np.linalg.norm(base) + noise * day / np.linalg.norm(day)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def seen(number: int, camera: str, person: int, first: float, last: float, identity: int | None = None) -> Sighting:
    looks = (look(person, 2 * number), look(person, 2 * number + 1))
    return Sighting(number, camera, ((first, last),), looks, 5.0, identity)


def walk(people: int = 5) -> list[Sighting]:
    """Everybody passes west, then east, two at a time; each sighting an identity of its own so far."""
    found = []
    for person in range(people):
        begin = 6.0 * person
        found.append(seen(2 * person, "west", person, begin, begin + 8, 2 * person + 1))
        found.append(seen(2 * person + 1, "east", person, begin + 12, begin + 20, 2 * person + 2))
    return found


def test_nothing_is_no_problem() -> None:
    assert reassociate([], LONG).ids == ()


def test_pieces_become_people_who_keep_the_id_of_most_of_their_time() -> None:
    sightings = walk()
    longer = [
        replace(s, runs=((s.first_seconds, s.last_seconds + 3),)) if s.camera_id == "east" else s for s in sightings
    ]
    assert reassociate(sightings, LONG).ids == (1, 1, 3, 3, 5, 5, 7, 7, 9, 9)
    assert reassociate(longer, LONG).ids == (2, 2, 4, 4, 6, 6, 8, 8, 10, 10)


def test_evidence_names_the_runner_up_and_the_scores() -> None:
    found = reassociate(walk(), LONG)
    assert {evidence.rule for evidence in found.evidence} == {"appearance"}
    assert all(e.cosine is not None and e.cosine > 0.3 and e.score > 0 for e in found.evidence)
    assert all(e.runner_up_identity_id in set(found.ids) - {i} for i, e in zip(found.ids, found.evidence, strict=True))


def test_one_wrong_identity_is_taken_apart_into_new_ones() -> None:
    together = [replace(sighting, identity_id=7) for sighting in walk(3)]
    assert reassociate(together, LONG).ids == (7, 7, -1, -1, -2, -2)


def test_whoever_was_away_too_long_is_somebody_new() -> None:
    there, back = seen(100, "west", 9, 0.0, 5.0, 1), seen(101, "west", 9, 30.0, 35.0, 1)
    others = [replace(sighting, identity_id=None) for sighting in walk()]
    assert reassociate([there, back, *others], MatcherConfig(memory_seconds=40.0)).ids[:2] == (1, 1)
    assert len(set(reassociate([there, back, *others], MatcherConfig(memory_seconds=20.0)).ids[:2])) == 2


@pytest.mark.parametrize(("memory", "people"), [(25.2, 2), (25.6, 1)])
def test_memory_lasts_as_long_as_online(memory: float, people: int) -> None:
    """Online, somebody who is back after 25 s is judged a round of half a second later, and must be remembered then."""
    there, back = seen(100, "west", 9, 0.0, 5.0, 1), seen(101, "west", 9, 30.0, 35.0, 1)
    others = [replace(sighting, identity_id=None) for sighting in walk()]
    assert len(set(reassociate([there, back, *others], MatcherConfig(memory_seconds=memory)).ids[:2])) == people


def test_a_stay_in_between_bridges_the_time() -> None:
    ends = [seen(0, "west", 1, 0.0, 5.0, 1), seen(1, "west", 1, 30.0, 35.0, 1)]
    between = [seen(2, "east", 1, 10.0, 25.0, 1), *(seen(k, "east", k, 0.0, 35.0, k) for k in range(3, 6))]
    assert reassociate([*ends, *between], MatcherConfig(memory_seconds=10.0)).ids[:3] == (1, 1, 1)


def test_what_users_said_outranks_looks_and_even_one_camera_at_one_instant() -> None:
    sightings = walk()
    parties = [sighting.party for sighting in sightings]
    decisions = [
        Constraint(CANNOT, parties[0], parties[1]),
        Constraint(MUST, parties[2], parties[0]),  # both in the west at one instant
        Constraint(MUST, parties[4], parties[5]),
        Constraint(CANNOT, parties[4], parties[5]),  # the later word counts
    ]
    found = reassociate(sightings, LONG, decisions)
    ids = found.ids
    assert [found.evidence[row].rule for row in (0, 2, 6)] == ["must-link", "must-link", "appearance"]
    assert ids[0] == ids[2] != ids[1]
    assert ids[4] != ids[5]
    assert ids[6] == ids[7]


def test_who_is_sure_keeps_the_id_and_draws_the_others() -> None:
    sightings = walk(3)
    sightings[1] = replace(sightings[1], identity_id=70, sure=True)
    sightings[3] = replace(sightings[3], identity_id=71, sure=True)
    assert reassociate(sightings, LONG).ids == (70, 70, 71, 71, 5, 5)


def test_two_who_are_sure_never_become_one() -> None:
    sightings = [replace(seen(k, "west", 1, 10.0 * k, 10.0 * k + 5, k), sure=k < 2) for k in range(3)]
    ids = reassociate([*sightings, *walk()], LONG).ids
    assert ids[:2] == (0, 1)
    assert ids[2] in (0, 1)


def test_ways_between_cameras_count_beside_looks() -> None:
    """Twins leave the west at one time; only the time of the walk says who comes first to the east."""
    twins = [replace(seen(k, "west", k, 0.0, 5.0 + k, k), looks=(look(0, 0), look(0, 1))) for k in (1, 2)]
    arrivals = [replace(seen(10 + k, "east", k, 15.0 + k, 25.0, None), looks=(look(0, k),)) for k in (1, 2)]
    others = [seen(20 + k, "east", 20 + k, 12.0, 30.0, 20 + k) for k in range(4)]
    usual = tuple(np.linspace(9.8, 10.2, 20))
    walks = Walks(Topology({("west", "east"): usual}), LONG.memory_seconds)
    found = reassociate([*twins, *arrivals, *others], LONG, (), lambda s, held: {"transit": walks.log_odds(s, held)})
    assert found.ids[2:4] == (1, 2)
    assert all(evidence.parts["transit"] > 0 for evidence in found.evidence[2:4])


def standing(sighting: Sighting, y: float, speed: float = 1.0) -> Sighting:
    """It walks along y, from x = 0 at second 0 on."""
    t = np.arange(sighting.first_seconds, sighting.last_seconds + 0.1, 0.5)
    return replace(sighting, places=np.column_stack([t, speed * t, np.full(len(t), y), np.zeros((len(t), 3))]))


def twins(number: int, y: float) -> list[Sighting]:
    """Two views of one of two who look the same, at one time."""
    views = [seen(number + k, camera, 1, 0.0, 10.0, number + k) for k, camera in enumerate(["east", "west"])]
    return [standing(view, y) for view in views]


def test_where_they_stood_tells_look_alikes_apart() -> None:
    one, other = twins(1, 0.0), twins(3, 6.0)
    looks = [replace(sighting, places=np.zeros((0, 6))) for sighting in (*one, *other)]
    crossed = [replace(s, looks=(look(1, k),)) for s, k in zip(looks, (1, 2, 2, 1), strict=True)]
    others = [seen(20 + k, "east", 20 + k, 0.0, 10.0, 20 + k) for k in range(4)]
    assert reassociate([*crossed, *others], LONG).ids[:4] == (1, 2, 2, 1), "their looks of the day lead astray"
    placed = [replace(c, places=s.places) for c, s in zip(crossed, (*one, *other), strict=True)]
    found = reassociate([*placed, *others], LONG)
    assert found.ids[:4] == (1, 1, 3, 3)
    assert all(evidence.parts["ground"] > 1 for evidence in found.evidence[:4])


@pytest.mark.parametrize(("metres", "people"), [(20.0, 2), (6.0, 1)])
def test_nobody_runs_from_one_sighting_to_the_next(metres: float, people: int) -> None:
    there = standing(seen(100, "west", 9, 0.0, 5.0, 1), 0.0)
    back = standing(seen(101, "west", 9, 8.0, 12.0, 1), metres)
    others = [replace(sighting, identity_id=None) for sighting in walk()]
    assert len(set(reassociate([there, back, *others], LONG).ids[:2])) == people


def followed(y: float = 0.2) -> list[Sighting]:
    """Two views of one person on the ground, who looks quite different in them; they end y metres from each other."""
    east, west = seen(1, "east", 1, 0.0, 10.0, 1), seen(2, "west", 2, 1.0, 10.0, 1)
    return [
        replace(standing(east, 0.0), ground_partners=(2,)),
        replace(standing(west, y), ground_partners=(1,)),
        *(seen(20 + k, "east", 20 + k, 0.0, 10.0, 20 + k) for k in range(4)),
    ]


def test_who_was_followed_on_the_ground_as_one_person_stays_one() -> None:
    found = reassociate(followed(), LONG)
    assert found.ids[:2] == (1, 1)
    assert [evidence.rule for evidence in found.evidence[:2]] == ["ground", "ground"]
    unplaced = [replace(sighting, places=np.zeros((0, 6))) for sighting in followed()]
    assert reassociate(unplaced, LONG).ids[:2] == (1, 1)
    alone = [replace(sighting, ground_partners=()) for sighting in unplaced]
    assert len(set(reassociate(alone, LONG).ids[:2])) == 2


@pytest.mark.parametrize("identities", [(1, 1, 1), (1, 2, 3)])
def test_one_camera_outranks_the_ground_whatever_number_the_sightings_have_now(
    identities: tuple[int, int, int],
) -> None:
    """East saw two at once whom the ground took for the one whom west saw: judged again, they are two again."""
    east, west, beside = seen(1, "east", 1, 0.0, 10.0), seen(2, "west", 2, 1.0, 10.0), seen(3, "east", 3, 2.0, 9.0)
    partners = ((2,), (1, 3), (2,))
    sightings = [
        replace(sighting, ground_partners=others, identity_id=identity)
        for sighting, others, identity in zip((east, west, beside), partners, identities, strict=True)
    ]
    ids = reassociate(sightings, LONG).ids
    assert ids[0] != ids[2]
    for said, veto in (([], Veto.SAME_INSTANT), ([Constraint(CANNOT, east.party, beside.party)], Veto.BY_PEOPLE)):
        word = Word(sightings, said)
        assert word.veto([word.group_of[0]], [word.group_of[2]]) is veto


def test_users_and_another_calibration_outrank_the_ground() -> None:
    assert len(set(reassociate(followed(4.0), LONG).ids[:2])) == 2
    sightings = followed()
    apart = [Constraint(CANNOT, sightings[0].party, sightings[1].party)]
    assert len(set(reassociate(sightings, LONG, apart).ids[:2])) == 2
    linked = [Constraint(MUST, sightings[0].party, sightings[2].party)]
    found = reassociate(sightings, LONG, linked)
    assert len(set(found.ids[:3])) == 1
    assert [evidence.rule for evidence in found.evidence[:3]] == ["must-link", "ground", "must-link"]


def test_every_veto_has_its_own_name() -> None:
    """Who comes back is the same by looks, but parted by people, in view already, or seen 90 m away 5 s later."""
    others = [replace(sighting, identity_id=None) for sighting in walk()]
    there, back = seen(100, "west", 9, 0.0, 5.0, 1), seen(101, "west", 9, 10.0, 15.0, 2)
    apart = [Constraint(CANNOT, there.party, back.party)]
    meanwhile = replace(back, runs=((4.0, 15.0),))
    places = {0.0: 0.0, 5.0: 0.0, 10.0: 90.0, 15.0: 90.0}

    def placed(sighting: Sighting) -> Sighting:
        times = (sighting.first_seconds, sighting.last_seconds)
        return replace(sighting, places=np.array([(t, places[t], 0.0, 0.0, 0.0, 0.0) for t in times]))

    for sightings, decisions, rule in (
        ([there, back], [], "appearance"),
        ([there, back], apart, "cannot-link"),
        ([there, meanwhile], [], "same-instant"),
        ([placed(there), placed(back)], [], "out-of-reach"),
    ):
        found = reassociate([*sightings, *others], LONG, decisions)
        assert (found.ids[0] == found.ids[1]) is (rule == "appearance")
        why = found.evidence[1]
        assert (why.rule, why.runner_up_identity_id) == (rule, found.ids[0]) or rule == why.rule == "appearance"


def test_whoever_was_named_late_had_been_forgotten() -> None:
    """Back after 25 s, and described only 6 s later, when a memory of 30 s is over."""
    there, back = seen(100, "west", 9, 0.0, 5.0, 1), seen(101, "west", 9, 30.0, 40.0, 1)
    others = [replace(sighting, identity_id=None) for sighting in walk()]
    for told, people in ((31.0, 1), (36.0, 2)):
        sightings = [there, replace(back, told_seconds=told), *others]
        assert len(set(reassociate(sightings, MatcherConfig(memory_seconds=30.0)).ids[:2])) == people


def test_nodes_that_are_too_far_away_are_joined_only_across_others() -> None:
    alike, weights, start = np.ones((3, 3)), np.ones(3), np.full(3, -1)
    near = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]], bool)
    assert cluster(alike, weights, lambda a, b: False, start, near) == [[0, 1], [2]]
    near[1, 2] = near[2, 1] = True
    assert cluster(alike, weights, lambda a, b: False, start, near) == [[0, 1, 2]]


def overlap(one: Sighting, other: Sighting) -> bool:
    return one.first_seconds <= other.last_seconds and other.first_seconds <= one.last_seconds


@st.composite
def histories(draw: st.DrawFn, identities: int = 4, said: int = 6) -> tuple[list[Sighting], list[Constraint]]:
    """Up to nine sightings of look-alikes, where some stood, with whom some were followed on the ground, and what users
    who know the truth said of some pairs, right or wrong.
    """
    sightings = []
    for number in range(draw(st.integers(1, 9))):
        first = draw(st.integers(0, 20))
        camera, person = draw(st.sampled_from(["east", "west"])), draw(st.integers(1, 3))
        identity = draw(st.one_of(st.none(), st.integers(1, identities)))
        made = seen(number, camera, person, first, first + draw(st.integers(0, 10)), identity)
        y = draw(st.one_of(st.none(), st.sampled_from([0.0, 0.5, 3.0])))
        sightings.append(made if y is None else standing(made, y))
    for a, b in combinations(range(len(sightings)), 2):
        one, other = sightings[a], sightings[b]
        one_person = one.camera_id != other.camera_id and one.identity_id == other.identity_id is not None
        if one_person and overlap(one, other) and draw(st.booleans()):
            sightings[a] = replace(one, ground_partners=(*one.ground_partners, other.number))
            sightings[b] = replace(other, ground_partners=(*other.ground_partners, one.number))
    believed = draw(st.lists(st.integers(0, 3), min_size=len(sightings), max_size=len(sightings)))
    pairs = draw(st.lists(st.tuples(*2 * [st.integers(0, len(sightings) - 1)]), max_size=said))
    decisions = [
        Constraint(MUST if believed[a] == believed[b] else CANNOT, sightings[a].party, sightings[b].party)
        for a, b in pairs
        if a != b
    ]
    return sightings, decisions


CONFIGS = st.sampled_from([MatcherConfig(memory_seconds=4.0), LONG])
patient = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def people(sightings: Sequence[Sighting], ids: Sequence[int]) -> set[frozenset[int]]:
    numbers = [sighting.number for sighting in sightings]
    return {frozenset(n for n, i in zip(numbers, ids, strict=True) if i == one) for one in set(ids)}


@patient
@given(histories(), CONFIGS, st.sampled_from([2, 3, 1000]))
def test_what_must_hold_holds_in_every_history(
    monkeypatch: pytest.MonkeyPatch,
    history: tuple[list[Sighting], list[Constraint]],
    config: MatcherConfig,
    at_once: int,
) -> None:
    sightings, decisions = history
    monkeypatch.setattr(reassociation, "AT_ONCE", at_once)
    ids = reassociate(sightings, config, decisions).ids
    id_of = {sighting.party: identity for sighting, identity in zip(sightings, ids, strict=True)}
    for decision in decisions:
        assert (id_of[decision.one] == id_of[decision.other]) is (decision.kind is MUST)
    linked = {party for decision in decisions if decision.kind is MUST for party in (decision.one, decision.other)}
    for one, other in combinations(sightings, 2):
        if one.camera_id == other.camera_id and overlap(one, other) and not {one.party, other.party} & linked:
            assert id_of[one.party] != id_of[other.party]
    known = {sighting.identity_id for sighting in sightings}
    assert all(identity < 0 or identity in known for identity in ids)


def test_where_very_many_are_at_hand_those_seen_last_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty people leave one after the other, and the first and the last of them come back."""
    people = [seen(k, "east", 100 + k, k, k + 0.5) for k in range(20)]
    back = [seen(50, "west", 100, 30.0, 31.0), seen(51, "west", 119, 32.0, 33.0)]
    everybody = reassociate([*people, *back], LONG).ids
    assert (everybody[0] == everybody[-2], everybody[-3] == everybody[-1]) == (True, True)
    monkeypatch.setattr(reassociation, "AT_ONCE", 20)
    monkeypatch.setattr(reassociation, "MOST_AT_HAND", 5)
    fewer = reassociate([*people, *back], LONG).ids
    assert (fewer[0] == fewer[-2], fewer[-3] == fewer[-1]) == (False, True)


@patient
@given(histories(identities=2, said=0), CONFIGS)
def test_whom_the_ground_joined_stays_one_in_every_history(
    history: tuple[list[Sighting], list[Constraint]], config: MatcherConfig
) -> None:
    """Unless the places contradict, or one camera saw somebody of the same number twice at one instant."""
    sightings, _ = history
    ids = reassociate(sightings, config).ids
    twice = {
        one.identity_id
        for one, other in combinations(sightings, 2)
        if one.camera_id == other.camera_id and one.identity_id == other.identity_id and overlap(one, other)
    }
    for (one, i), (other, j) in combinations(zip(sightings, ids, strict=True), 2):
        contradict = pair_log_odds(one.places, other.places) <= -LIMIT
        if other.number in one.ground_partners and not contradict and one.identity_id not in twice:
            assert i == j


@patient
@given(histories(), st.randoms(use_true_random=False))
def test_neither_order_nor_the_links_so_far_decide(
    history: tuple[list[Sighting], list[Constraint]], random: Random
) -> None:
    sightings, decisions = history
    ids = reassociate(sightings, LONG, decisions).ids
    shuffled = list(sightings)
    random.shuffle(shuffled)
    again = reassociate(shuffled, LONG, decisions).ids
    assert {s.party: i for s, i in zip(shuffled, again, strict=True)} == {
        s.party: i for s, i in zip(sightings, ids, strict=True)
    }
    applied = [replace(s, identity_id=abs(i) + 10 * (i < 0)) for s, i in zip(sightings, ids, strict=True)]
    after = reassociate(applied, LONG, decisions).ids
    assert after == tuple(sighting.identity_id for sighting in applied)
