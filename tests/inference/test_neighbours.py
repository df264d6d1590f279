"""Searching with faiss finds what searching with numpy finds."""

import numpy as np
import pytest

from tracker.crosscam.search import ExactNeighbours
from tracker.inference import neighbours
from tracker.inference.neighbours import LargeNeighbours


def test_many_vectors_give_the_same_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "FEW", 100)
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(3000, 32)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    few, many = ExactNeighbours(), LargeNeighbours()
    for index in (few, many):
        index.put(range(1000, 4000), vectors)
        index.remove(range(1500, 1600))
    expected, products = few.nearest(vectors[:20], 10)
    numbers, likeness = many.nearest(vectors[:20], 10)
    assert numbers.tolist() == expected.tolist()
    np.testing.assert_allclose(likeness, products, atol=1e-5)
