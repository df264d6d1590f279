"""Nearest neighbours: exactly those of sorting everything, whatever came and went."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.crosscam.search import ExactNeighbours


@given(st.integers(0, 10_000), st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=60), st.integers(1, 8))
def test_whatever_came_and_went_the_nearest_are_found(seed: int, changes: list[tuple[bool, int]], k: int) -> None:
    rng = np.random.default_rng(seed)
    index, kept = ExactNeighbours(), dict[int, np.ndarray]()
    for comes, number in changes:
        if comes:
            kept[number] = rng.normal(size=5).astype(np.float32)
            index.put([number], kept[number][None])
        else:
            kept.pop(number, None)
            index.remove([number])
    assert len(index) == len(kept)
    queries = rng.normal(size=(3, 5)).astype(np.float32)
    numbers, products = index.nearest(queries, k)
    for row, query in enumerate(queries):
        expected = sorted(((float(-query @ vector), number) for number, vector in kept.items()))[:k]
        assert numbers[row, : len(expected)].tolist() == [number for _, number in expected]
        np.testing.assert_allclose(products[row, : len(expected)], [-p for p, _ in expected], rtol=1e-5, atol=1e-6)
        assert (numbers[row, len(expected) :] == -1).all()
    if kept:
        np.testing.assert_array_equal(index.vectors(list(kept)), np.stack(list(kept.values())))


def test_equal_neighbours_come_in_order_of_their_numbers() -> None:
    index = ExactNeighbours()
    index.put([7, 3, 5], np.ones((3, 2), np.float32))
    numbers, _ = index.nearest(np.ones((1, 2), np.float32), 3)
    assert numbers.tolist() == [[3, 5, 7]]


def test_vectors_of_another_dimension_are_refused() -> None:
    index = ExactNeighbours()
    index.put([1], np.ones((1, 4), np.float32))
    for wrong in (
        lambda: index.put([2], np.ones((1, 5), np.float32)),
        lambda: index.nearest(np.ones((1, 3), np.float32), 1),
    ):
        with pytest.raises(ValueError, match="dimension"):
            wrong()
