"""What the benchmarks compute by themselves is what they say."""

import numpy as np

from benchmarks.cross_camera import walks
from benchmarks.look_alikes import directions, search_agreement, views
from tracker.crosscam.search import ExactNeighbours


def test_a_walk_ends_where_somebody_moves_faster_than_people_walk() -> None:
    places = np.array(
        [[1, 5, 0, 0], [1, 3, 9, 9], [2, 5, 1.4, 0], [3, 5, 3, 0], [5, 5, 5.9, 0], [2, 3, 9, 9], [3, 3, 9, 20]]
    )
    walk_of, leaps = walks(places, metres_per_second=3.0, fps=2.0)
    first, then = walk_of[1, 5], walk_of[3, 5]
    assert [walk_of[2, 5], walk_of[5, 5]] == [first, then], "2.9 m in a second, a frame without them between"
    assert walk_of[1, 3] == walk_of[2, 3] != walk_of[3, 3]
    assert len({first, then, walk_of[1, 3], walk_of[3, 3]}) == 4
    assert np.allclose(leaps, [(11, 0.5), (1.6, 0.5)])


def test_a_search_is_judged_by_what_an_exact_one_finds() -> None:
    rng = np.random.default_rng(0)
    stored = directions(rng, 200, 64)
    seen = views(rng, stored, 0.8)
    assert np.allclose(np.linalg.norm(seen, axis=1), 1, atol=1e-5)
    assert np.allclose((seen * stored).sum(axis=1), 0.8, atol=1e-5)
    everybody, half = ExactNeighbours(), ExactNeighbours()
    everybody.put(range(200), stored)
    half.put(range(100), stored[:100])
    assert search_agreement(everybody, everybody, seen) == "recall@10 100.0, rank 1 100.0"
    assert search_agreement(everybody, half, seen).endswith("rank 1 50.0")
    assert search_agreement(everybody, half, seen[:100]).endswith("rank 1 100.0")
