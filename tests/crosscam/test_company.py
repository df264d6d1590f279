"""Where not everybody can be compared with everybody: a small city, a smaller company."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from tests.city import City, CityConfig, Looks, Wardrobe
from tests.crosscam.test_matcher import seen
from tests.crosscam.test_restart import through_json
from tracker.core.types import TrackState
from tracker.crosscam.affinity import Walks
from tracker.crosscam.appearances import Appearances
from tracker.crosscam.company import LATE_SECONDS
from tracker.crosscam.comparison import compare
from tracker.crosscam.constraints import Constraint, ConstraintKind
from tracker.crosscam.known import KnownPerson
from tracker.crosscam.matcher import CrossCameraMatcher, MatcherConfig
from tracker.crosscam.topology import Topology

PLAIN = Looks(common=0.3, view=0.1, slow=0.1, noise=0.2, decay=0.3, dimension=64)
"""People who are easy to tell apart: what is tested here is who is compared, not how well."""
TOWN = CityConfig(people=60, cameras=8, blocks=4, block_metres=30.0, stay_seconds=40.0, looks=PLAIN, seed=4)
CONFIG = MatcherConfig(memory_seconds=600.0, open_seconds=4.0, round_segments=30, candidates=3)


def purity_and_people(city: City, matcher: CrossCameraMatcher, seconds: float) -> tuple[float, int]:
    """Share of an identity's sightings that are its main person's, and how many identities there are."""
    sightings: list[tuple[tuple[str, int], float]] = []
    for t, updates in city.steps(seconds):
        matcher.update(t, updates)
        sightings += [(u.key, t) for u in updates if u.state is not TrackState.ENDED]
    matcher.finish(t)
    seen: dict[int | None, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for key, t in sightings:
        if city.people_of[key] >= 0:
            seen[matcher.identity_at(key, t)][city.people_of[key]] += 1
    right = sum(max(persons.values()) for persons in seen.values())
    return right / sum(sum(persons.values()) for persons in seen.values()), len(seen)


def test_people_of_a_town_are_recognised_though_few_are_compared_at_once() -> None:
    city = City(TOWN)
    purity, identities = purity_and_people(city, CrossCameraMatcher(CONFIG), 120.0)
    assert purity > 0.9
    assert identities < 0.7 * len(city.people_of), "most visits of somebody known are recognised"


def strangers(city: City, count: int) -> Iterable[KnownPerson]:
    rng = np.random.default_rng(1)
    wardrobe = Wardrobe(city.config.looks, count, city.config.cameras, seed=99)
    for number in range(count):
        camera = number % city.config.cameras
        steady = wardrobe.seen_by(number, camera)[None]
        (look,) = wardrobe.dress(steady, rng.standard_normal(steady.shape, np.float32), rng)
        yield KnownPerson(10_000 + number, city.cameras[camera], look, 3.0, -1.0 - number % 50, 5.0)


@pytest.mark.parametrize(("count", "parted"), [(50, 0), (2000, 0), (2000, 1999)])
def test_a_round_compares_no_more_people_the_more_are_remembered(
    count: int, parted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where people have said of each that it is not the next one."""
    sizes: list[int] = []

    def counted(company: Appearances, *others: Any) -> Any:
        sizes.append(len(company.segments))
        return compare(company, *others)

    monkeypatch.setattr("tracker.crosscam.matcher.compare", counted)
    city = City(TOWN)
    said = [Constraint(ConstraintKind.CANNOT_LINK, 10_000 + k, 10_001 + k) for k in range(parted)]
    matcher = CrossCameraMatcher(CONFIG, known=strangers(city, count), constraints=said)
    for t, updates in city.steps(20.0):
        matcher.update(t, updates)
    assert 20 < max(sizes) < 2 * CONFIG.round_segments


def test_a_crowd_that_comes_at_once_is_met_company_by_company_and_nobody_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two hundred people: a round takes as many as fit, and all before they could be forgotten."""
    sizes: list[int] = []

    def counted(company: Appearances, *others: Any) -> Any:
        sizes.append(len(company.segments))
        return compare(company, *others)

    monkeypatch.setattr("tracker.crosscam.matcher.compare", counted)
    matcher, rounds = CrossCameraMatcher(CONFIG), []
    for step in range(20):
        t = step / 2
        before = len(sizes)
        matcher.update(t, [seen(f"c{person % 10}", person, person, t) for person in range(200)])
        rounds.append(len(sizes) - before)
        if t <= LATE_SECONDS:
            assert rounds[-1] <= 1
    assert max(sizes) < 2 * CONFIG.round_segments
    assert max(rounds) > 1
    assert None not in {matcher.identity_of((f"c{person % 10}", person)) for person in range(200)}
    assert rounds[-1] <= 1, "it is over"


def test_a_town_is_saved_and_continued_identically() -> None:
    """With ways, look-alikes, and looks that have begun to be seen in a new way."""

    def walks() -> Walks:
        ways = {("c000", "c001"): [10.0, 12.0, 15.0], ("c001", "c002"): [8.0, 9.0, 30.0]}
        return Walks(Topology(ways, learns=False), CONFIG.memory_seconds)

    whole = CrossCameraMatcher(CONFIG, walks=walks())
    restored: CrossCameraMatcher | None = None
    for t, updates in City(TOWN).steps(130.0):
        if t == 110.0:
            restored = CrossCameraMatcher.restored(CONFIG, through_json(whole.state()), walks=walks())
        expected = whole.update(t, updates)
        if restored is not None:
            assert restored.update(t, updates) == expected
    assert restored is not None
    assert restored.finish(t) == whole.finish(t)
    assert sum(1 for _ in whole.state()["memory"]["looks"]) > 50
    assert whole.state()["memory"]["generation"] > 0
