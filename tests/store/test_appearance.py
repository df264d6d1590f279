"""A tracklet's looks, however long it is."""

import numpy as np
import pytest

from tracker.core.types import FloatArray
from tracker.store.appearance import STRETCHES, Appearance, unpack_looks


def unit(vector: FloatArray) -> FloatArray:
    made: FloatArray = vector / np.float32(np.linalg.norm(vector))
    return made


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9, 100, 1000])
def test_the_mean_is_that_of_everything_and_the_halves_divide_it_in_time(count: int) -> None:
    rng = np.random.default_rng(count)
    vectors = [unit(rng.normal(size=16).astype(np.float32)) for _ in range(count)]
    qualities = rng.uniform(0.1, 1, count)
    appearance = Appearance()
    for vector, quality in zip(vectors, qualities, strict=True):
        appearance.add(vector, float(quality))
    row = appearance.row()
    weighted = np.array(vectors) * qualities[:, None]
    assert row["weight"] == pytest.approx(qualities.sum())
    (whole,) = unpack_looks(row["vector"], None, None)
    np.testing.assert_allclose(whole, unit(weighted.sum(axis=0).astype(np.float32)), atol=5e-3)
    looks = unpack_looks(row["vector"], row["earlier"], row["earlier_share"])
    assert len(looks) == min(count, 2)
    if count > 1:
        cuts = [unit(weighted[:k].sum(axis=0).astype(np.float32)) for k in range(1, count)]
        cut = 1 + int(np.argmin([np.abs(looks[0] - made).max() for made in cuts]))
        assert abs(cut - count / 2) <= count / STRETCHES + 1
        np.testing.assert_allclose(looks[0], cuts[cut - 1], atol=5e-3)
        np.testing.assert_allclose(looks[1], unit(weighted[cut:].sum(axis=0).astype(np.float32)), atol=5e-3)
