"""Screening by signs finds those who matter."""

import numpy as np
import pytest

from tracker.crosscam.features import unit_rows
from tracker.crosscam.search import ExactNeighbours
from tracker.inference import neighbours
from tracker.inference.neighbours import ScreenedNeighbours


def test_who_stands_out_passes_the_screening_whatever_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """People a little like a query are found among strangers, also after others came, changed and went."""
    monkeypatch.setattr(neighbours, "FEW", 100)
    rng = np.random.default_rng(4)
    vectors = unit_rows(rng.standard_normal((3000, 128), np.float32))
    queries = unit_rows(vectors[500:550] + unit_rows(rng.standard_normal((50, 128), np.float32)))
    one, other = ScreenedNeighbours(screened=300), ScreenedNeighbours(screened=300)
    one.put(range(3000), vectors[::-1])
    one.put(range(3000), vectors)
    one.remove(range(200))
    for first in reversed(range(200, 3000, 100)):
        other.put(range(first, first + 100), vectors[first : first + 100])
    numbers, likeness = one.nearest(queries, 5)
    assert numbers[:, 0].tolist() == list(range(500, 550))
    np.testing.assert_allclose(likeness[:, 0], (queries * vectors[500:550]).sum(axis=1), atol=1e-5)
    assert not np.isin(numbers, range(200)).any()
    assert other.nearest(queries, 5)[0].tolist() == numbers.tolist()


def test_few_vectors_are_searched_exactly() -> None:
    rng = np.random.default_rng(5)
    vectors = unit_rows(rng.standard_normal((50, 24), np.float32))
    exact, screened = ExactNeighbours(), ScreenedNeighbours()
    for index in (exact, screened):
        index.put(range(50), vectors)
    assert screened.nearest(vectors[:7], 60)[0].tolist() == exact.nearest(vectors[:7], 60)[0].tolist()
