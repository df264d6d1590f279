"""What turns one opinion about people into another."""

import pytest

from tracker.crosscam.differences import Difference, DifferenceKind, Person, agreement, differences, people_in

MERGED, SPLIT, FOUND, MOVED = (
    DifferenceKind.MERGED,
    DifferenceKind.SPLIT,
    DifferenceKind.FOUND,
    DifferenceKind.MOVED,
)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([], [], []),
        ([1, 1, 2], [1, 1, 2], []),
        ([1, 1, 2], [1, 1, 1], [Difference(MERGED, 2, 1, 1, 4.0)]),
        ([1, 1, 1], [1, 1, -1], [Difference(SPLIT, 1, -1, 1, 4.0)]),
        ([1, 1, 2], [1, 2, 2], [Difference(MOVED, 1, 2, 1, 2.0)]),
        ([1, None, 2], [1, 1, 2], [Difference(FOUND, None, 1, 1, 2.0)]),
        ([2, 2, 2, 1, 3], [3, 3, 1, 1, 3], [Difference(MERGED, 2, 1, 1, 4.0), Difference(MOVED, 2, 3, 2, 3.0)]),
    ],
)
def test_each_change_is_named(before: list[Person], after: list[Person], expected: list[Difference]) -> None:
    seconds = [1.0, 2.0, 4.0, 8.0, 16.0][: len(before)]
    assert differences(before, after, seconds) == expected


def test_people_are_counted_without_nobody() -> None:
    assert people_in([1, 1, None, 3]) == 2


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        ([], [], 1.0),
        ([1, 2], [3, 4], 1.0),
        ([1, 1, 2, 2], [5, 5, 7, 7], 1.0),
        ([1, 1, 2, 2], [1, 2, 1, 2], 0.0),
        ([1, 1, 1], [1, 1, 2], 0.5),
        ([1, 1, None, None], [1, 1, None, None], 1.0),
    ],
)
def test_agreement_is_the_f1_of_pairs(one: list[Person], other: list[Person], share: float) -> None:
    assert agreement(one, other) == pytest.approx(share)
    assert agreement(other, one) == pytest.approx(share)
