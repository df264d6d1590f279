"""Who was known before a restart is known after it."""

import itertools
import json
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.crosscam.test_decisions import LONG, said
from tests.crosscam.test_matcher import CROSSING, Visit, ended, look, seen, steps_of
from tests.crosscam.test_properties import FAST, worlds
from tracker.crosscam.constraints import Constraint, ConstraintKind, Withdrawal
from tracker.crosscam.features import mean_of
from tracker.crosscam.known import KnownPerson
from tracker.crosscam.matcher import CrossCameraMatcher, MatcherConfig

FEW = replace(LONG, round_segments=8, candidates=2)
"""So few at once that companies have to be chosen."""


def through_json(state: Any) -> Any:
    """As it comes back from a file: tuples are lists, arrays are themselves."""
    arrays: list[np.ndarray] = []

    def keep(array: np.ndarray) -> dict[str, int]:
        arrays.append(array.copy())
        return {"array": len(arrays) - 1}

    text = json.dumps(state, default=keep)
    return json.loads(text, object_hook=lambda d: arrays[d["array"]] if set(d) == {"array"} else d)


def halves(visits: list[Visit], cut: float, config: MatcherConfig) -> None:
    """A run in one go and one that is saved and restored tell the same."""
    whole, first = CrossCameraMatcher(config), CrossCameraMatcher(config)
    for matcher in (whole, first):
        matcher.constrain(0.0, [said(ConstraintKind.CANNOT_LINK, ("east", 1), ("west", 2))])
    restored: CrossCameraMatcher | None = None
    for t, updates in steps_of(visits):
        expected = whole.update(t, updates)
        if t < cut:
            assert first.update(t, updates) == expected
            continue
        if restored is None:
            restored = CrossCameraMatcher.restored(config, through_json(first.state()))
        assert restored.update(t, updates) == expected
    if restored is not None:
        assert restored.finish(t) == whole.finish(t)
        assert all(restored.identity_of((c, k)) == whole.identity_of((c, k)) for c, k, *_ in visits)


def test_a_state_without_the_errors_of_places_is_understood() -> None:
    """As earlier versions saved it."""
    matcher = CrossCameraMatcher(LONG)
    for t, updates in steps_of(CROSSING):
        matcher.update(t, [replace(u, ground_metres=(t, 0.0), ground_covariance=(0.04, 0.01, 0.09)) for u in updates])
        if t >= 2.3:
            break
    state, bare = through_json(matcher.state()), through_json(matcher.state())
    tracks, older = (saved["open"]["live"] for saved in (state, bare))
    assert any(tracks["entry"])
    for name in ("entry", "exit"):
        older[name] = [place and place[1:3] for place in older[name]]
    older["places"] = [[place[:3] for place in places] for places in older["places"]]
    assert CrossCameraMatcher.restored(LONG, state).state()["open"]["live"]["entry"][0][3:] == (0.04, 0.01, 0.09)
    again = CrossCameraMatcher.restored(LONG, bare).state()["open"]["live"]
    assert again["entry"] == [place and (*place[:3], 0.0, 0.0, 0.0) for place in tracks["entry"]]
    assert again["places"] == [[[*place[:3], 0.0, 0.0, 0.0] for place in places] for places in tracks["places"]]


@pytest.mark.parametrize("config", [LONG, FEW, MatcherConfig(memory_seconds=3.0)])
@pytest.mark.parametrize("cut", [0.0, 2.3, 7.0, 9.2, 13.0])
def test_a_restored_matcher_goes_on_as_if_nothing_had_happened(config: MatcherConfig, cut: float) -> None:
    halves(CROSSING, cut, config)


@settings(max_examples=10)
@given(worlds(), st.integers(1, 40), st.booleans())
def test_a_restored_matcher_goes_on_in_every_world(visits: list[Visit], cut: int, few: bool) -> None:
    halves(visits, cut / 10, replace(FAST, round_segments=3, candidates=1) if few else FAST)


@pytest.mark.parametrize("linked", [3.0, 8.5])
def test_a_link_can_be_taken_back_after_a_restart(linked: float) -> None:
    """Looks that came to rest as one person, and those that were joined at rest, are two people's again."""
    one, other = ("east", 1), ("east", 2)
    link = said(ConstraintKind.MUST_LINK, 1, 2)
    withdrawal = Withdrawal((link,), ((one, 1), (other, 2)))
    whole = restored = CrossCameraMatcher(LONG)
    told: dict[float, Constraint | Withdrawal] = {linked: link, 12.0: withdrawal}
    for t, updates in steps_of(CROSSING):
        if told and t >= min(told):
            if len(told) == 1:
                assert whole.identity_of(one) == whole.identity_of(other)
                restored = CrossCameraMatcher.restored(LONG, through_json(whole.state()))
            decision = told.pop(min(told))
            expected = whole.constrain(t, [decision])
            assert restored is whole or restored.constrain(t, [decision]) == expected
        expected = whole.update(t, updates)
        assert restored is whole or restored.update(t, updates) == expected
    assert restored.finish(t) == whole.finish(t)
    assert [restored.identity_of(key) for key in (one, other)] == [1, 2]
    assert [restored.identity_of(key) for key in (("west", 4), ("west", 3))] == [1, 2]


def test_the_state_of_an_endless_run_stays_small() -> None:
    config = MatcherConfig(memory_seconds=5.0, open_seconds=2.0, answer_seconds=5.0)
    matcher, sizes = CrossCameraMatcher(config), []
    for number in range(60):
        for step in range(20):
            t = number * 2 + step / 10
            matcher.update(t, [seen(camera, number, number, t) for camera in ("east", "west")])
        matcher.update(t + 0.05, [ended(camera, number, t + 0.05) for camera in ("east", "west")])
        sizes.append(len(pickle.dumps(matcher.state())))
    assert max(sizes[-20:]) < 1.3 * max(sizes[10:20])
    assert matcher.identity_of(("east", 1)) is None
    assert matcher.identity_of(("east", 59)) is not None


def camera_of(person: int) -> str:
    return "west" if person % 2 else "east"


def known_people(people: range, last_seen: float = -20.0) -> list[KnownPerson]:
    records = []
    for person in people:
        camera = camera_of(person)
        mean = mean_of(np.stack([look(person, camera, t / 10) for t in range(20)]), [1.0] * 20)
        records.append(KnownPerson(100 + person, camera, mean, 20.0, last_seen, 2.0))
    return records


def play_people(matcher: CrossCameraMatcher) -> dict[int, int | None]:
    """Six people walk past both cameras."""
    for step in range(40):
        t = step / 10
        matcher.update(t, [seen(camera_of(person), person, person, t) for person in range(6)])
    matcher.finish(t)
    return {person: matcher.identity_of((camera_of(person), person)) for person in range(6)}


@pytest.mark.parametrize("config", [LONG, FEW])
def test_known_people_keep_their_ids(config: MatcherConfig) -> None:
    numbers = itertools.count(1000)
    matcher = CrossCameraMatcher(config, issue_id=numbers.__next__, known=known_people(range(4)))
    identities = play_people(matcher)
    assert [identities[person] for person in range(4)] == [100, 101, 102, 103]
    assert 1000 <= (identities[4] or 0) != identities[5] is not None


def test_known_people_are_forgotten_like_all_others() -> None:
    config = replace(LONG, memory_seconds=10.0)
    identities = play_people(CrossCameraMatcher(config, known=known_people(range(4), last_seen=-20.0)))
    assert sorted(i for i in identities.values() if i is not None) == [1, 2, 3, 4, 5, 6]


def test_a_known_person_is_confirmed_already() -> None:
    matcher = CrossCameraMatcher(replace(LONG, confirm_seconds=0.0), known=known_people(range(2)))
    events = [e for step in range(20) for e in matcher.update(step / 10, [seen("west", 1, 1, step / 10)])]
    assert {e.kind.value for e in events if e.identity_id == 101} == {"assigned"}


def test_embeddings_of_another_network_are_refused() -> None:
    matcher = CrossCameraMatcher(known=known_people(range(2)))
    small = replace(seen("east", 1, 1, 0.0), embedding=look(1, "east", 0.0, dimension=32))
    with pytest.raises(ValueError, match=r"track 1 of camera east: embedding has shape \(32,\).*\(64,\)"):
        matcher.update(0.0, [small])
    odd = KnownPerson(7, "west", np.ones(32, np.float32), 1.0, 0.0)
    with pytest.raises(ValueError, match="identity 7 of camera west"):
        CrossCameraMatcher(known=[*known_people(range(1)), odd])


@pytest.mark.parametrize(
    ("wrong", "names"),
    [
        ({"embedding": np.ones((2, 3), np.float32)}, "embedding"),
        ({"weight": 0.0}, "weight"),
        ({"seen_seconds": -1.0}, "seen_seconds"),
    ],
)
def test_a_known_person_that_makes_no_sense_is_refused(wrong: dict[str, Any], names: str) -> None:
    with pytest.raises(ValueError, match=names):
        KnownPerson(
            **{
                "identity_id": 1,
                "camera_id": "c",
                "embedding": np.ones(3, np.float32),
                "weight": 1.0,
                "last_seen_seconds": 0.0,
                **wrong,
            }
        )
