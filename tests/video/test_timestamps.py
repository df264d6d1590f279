from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.video.timestamps import presentation_times


def times(stamps: list[float | None], origin: float | None = None) -> list[float]:
    return [t for t, _ in presentation_times([(stamp, "") for stamp in stamps], origin, 0.1)]


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        ([], []),
        ([5.0], [0.0]),
        ([5.0, 5.1, 5.3, 9.0], [0.0, 0.1, 0.3, 4.0]),  # gaps are believed
        ([None, None, None], [0.0, 0.1, 0.2]),
        ([5.0, None, 5.2], [0.0, 0.1, 0.2]),
        ([5.0, 5.1, 3600.0, 5.3], [0.0, 0.1, 0.2, 0.3]),  # one leap ahead is not
        ([5.0, 5.1, 0.2, 5.3], [0.0, 0.1, 0.2, 0.3]),  # nor is one leap back
        ([5.0, 5.1, 5.2, 0.0, 0.1, 0.2], [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]),  # the clock began anew
        ([5.0, 5.0, 5.0, 5.3], [0.0, 0.1, 0.2, 0.3]),
    ],
)
def test_stamps(stamps: list[float | None], expected: list[float]) -> None:
    np.testing.assert_allclose(times(stamps), expected, atol=1e-9)


def test_origin() -> None:
    assert times([2.0, 2.1], origin=1.5) == pytest.approx([0.5, 0.6])
    assert times([1.0, 2.1], origin=1.5) == pytest.approx([0.0, 0.6])  # nothing comes before 0


@given(st.lists(st.one_of(st.none(), st.floats(-10, 10))))
def test_times_always_increase_and_nothing_is_lost(stamps: list[float | None]) -> None:
    result = list(presentation_times(list(zip(stamps, range(len(stamps)), strict=True)), None, 0.1))
    assert [item for _, item in result] == list(range(len(stamps)))
    moments = [t for t, _ in result]
    assert all(later > earlier for earlier, later in pairwise(moments))
    assert all(t >= 0 for t in moments)
