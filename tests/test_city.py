"""The synthetic city is what it claims to be."""

import itertools

import numpy as np

from tests.city import City, CityConfig, Looks, Wardrobe
from tracker.core.types import TrackState

SMALL = CityConfig(people=60, cameras=12, blocks=5, stay_seconds=60.0)


def percentiles(values: np.ndarray) -> list[float]:
    return [float(v) for v in np.percentile(values, [5, 50, 95])]


def test_looks_overlap_as_measured() -> None:
    """Crops of two cameras: one person .589/.736/.891, different people .555/.690/.824."""
    rng = np.random.default_rng(0)
    people, size = 300, Looks().dimension - 1
    wardrobe = Wardrobe(Looks(), people, 2, seed=5)
    one, other = (
        wardrobe.dress(
            np.stack([wardrobe.seen_by(person, camera) for person in range(people)]),
            rng.standard_normal((people, size), np.float32),
            rng,
        )
        for camera in (0, 1)
    )
    cosines = one @ other.T
    np.testing.assert_allclose(np.linalg.norm(one, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(percentiles(np.diag(cosines)), [0.589, 0.736, 0.891], atol=0.035)
    np.testing.assert_allclose(percentiles(cosines[~np.eye(people, dtype=bool)]), [0.555, 0.690, 0.824], atol=0.02)


def test_people_are_in_one_place_at_a_time_and_walk_between_crossings() -> None:
    city = City(SMALL)
    by_person: dict[int, list[tuple[float, float, int]]] = {}
    for visit in city.visits(600.0):
        assert visit.begins < visit.ends
        by_person.setdefault(visit.person, []).append((visit.begins, visit.ends, visit.camera))
    assert len(by_person) > 50
    gaps = [b[0] - a[1] for stays in by_person.values() for a, b in itertools.pairwise(stays)]
    assert min(gaps) > 0
    assert len({camera for stays in by_person.values() for _, _, camera in stays}) == SMALL.cameras


def test_the_same_seed_gives_the_same_city_and_every_track_ends_once() -> None:
    def story() -> list[tuple[float, tuple[str, int], str, float]]:
        return [
            (t, u.key, u.state.value, 0.0 if u.embedding is None else float(u.embedding[0]))
            for t, updates in City(SMALL).steps(120.0)
            for u in updates
        ]

    told = story()
    assert told == story()
    ended = [key for _, key, state, _ in told if state == TrackState.ENDED.value]
    assert len(ended) == len(set(ended))
    assert set(ended) == {key for _, key, *_ in told}
