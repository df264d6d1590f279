"""What a bounded gallery keeps of everything that it was given."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tracker.core.types import FloatArray
from tracker.crosscam.features import Gallery, unit_rows

DIMENSION = 16
shown = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 999), st.floats(0.05, 1.0)), max_size=60)
"""(look, seed of its noise, quality); a look is an axis."""


def embedding(look: int, seed: int, noise: float) -> FloatArray:
    """Unit vector (16,) near the axis of a look."""
    vector = np.eye(DIMENSION)[look] + noise * np.random.default_rng(seed).normal(size=DIMENSION) / DIMENSION**0.5
    unit: FloatArray = unit_rows(vector[None].astype(np.float32))[0]
    return unit


def filled(sightings: list[tuple[int, int, float]], noise: float, capacity: int = 8) -> tuple[Gallery, FloatArray]:
    """A gallery that was given all these, and their weighted sum (16,)."""
    gallery, total = Gallery(capacity), np.zeros(DIMENSION, np.float32)
    for look, seed, quality in sightings:
        gallery.add(embedding(look, seed, noise), quality)
        total = total + embedding(look, seed, noise) * np.float32(quality)
    return gallery, total


def check(gallery: Gallery, total: FloatArray, sightings: list[tuple[int, int, float]], bins: int) -> None:
    weight = sum(quality for _, _, quality in sightings)
    assert len(gallery.weights) == len(gallery.sums) <= bins
    assert gallery.count == len(sightings)
    np.testing.assert_allclose([gallery.weight, sum(gallery.weights)], weight, rtol=1e-6)
    np.testing.assert_allclose(gallery.sums.sum(axis=0), total if len(sightings) else [], atol=1e-4)
    mean = gallery.mean()
    assert (mean is None) is (not sightings)
    if mean is not None:
        np.testing.assert_allclose(mean, total / weight, atol=1e-4)


@given(shown, st.floats(0.0, 5.0), st.integers(1, 9), st.integers(1, 9))
def test_however_much_is_added_the_bins_are_few_and_their_sum_is_that_of_everything(
    sightings: list[tuple[int, int, float]], noise: float, capacity: int, bins: int
) -> None:
    gallery, total = filled(sightings, noise, capacity)
    check(gallery, total, sightings, capacity)
    gallery.shrink(bins)
    check(gallery, total, sightings, min(bins, capacity))


@given(shown, shown, st.floats(0.0, 5.0))
def test_what_another_gallery_held_is_added_to_the_sum(
    mine: list[tuple[int, int, float]], theirs: list[tuple[int, int, float]], noise: float
) -> None:
    (gallery, total), (other, added) = filled(mine, noise), filled(theirs, noise)
    before = other.sums.copy()
    gallery.absorb(other)
    check(gallery, total + added, mine + theirs, 8)
    assert (other.sums == before).all()


@given(shown)
def test_distinct_looks_stay_apart_while_there_is_a_bin_for_each(sightings: list[tuple[int, int, float]]) -> None:
    gallery, _ = filled(sightings, noise=0.3)
    looks = {look for look, _, _ in sightings}
    for bins in (8, max(len(looks), 1)):
        gallery.shrink(bins)
        likeness = unit_rows(gallery.sums)[:, :4] if sightings else np.zeros((0, 4))
        assert (likeness.max(axis=1, initial=1.0) > 0.9).all(), "no bin mixes two looks"
        assert set(likeness.argmax(axis=1).tolist()) == looks


def test_what_shows_nothing_is_left_out() -> None:
    gallery = Gallery()
    gallery.add(embedding(0, 0, 0.0), 0.0)
    assert (gallery.count, gallery.weight, gallery.mean(), gallery.halves()) == (0, 0.0, None, None)
