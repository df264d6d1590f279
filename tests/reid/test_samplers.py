from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reid.datasets import UNLABELLED
from reid.samplers import person_batches, shuffled_batches


@given(count=st.integers(0, 50), size=st.integers(1, 20))
def test_shuffled_batches_use_no_sample_twice(count: int, size: int) -> None:
    batches = shuffled_batches(count, size, np.random.default_rng(0))
    used = [index for batch in batches for index in batch]
    assert len(set(used)) == len(used)
    assert set(used) <= set(range(count))
    if count >= size:
        assert all(len(batch) == size for batch in batches)
        assert len(batches) == count // size
    else:
        assert len(used) == count


@given(crops=st.lists(st.integers(1, 9), min_size=3, max_size=12), seed=st.integers(0, 99))
def test_every_batch_has_the_people_and_crops_asked_for(crops: list[int], seed: int) -> None:
    people = [person for person, count in enumerate(crops) for _ in range(count)] + [UNLABELLED] * 4
    for batch in person_batches(people, 2, 4, 3, np.random.default_rng(seed)):
        labels = [people[index] for index in batch]
        assert labels.count(UNLABELLED) == 3
        known = Counter(label for label in labels if label != UNLABELLED)
        assert list(known.values()) == [4, 4]


def test_an_epoch_shows_no_crop_twice_and_nearly_all() -> None:
    people = [index // 6 for index in range(48)]
    for seed in range(20):
        used = [index for batch in person_batches(people, 2, 3, 0, np.random.default_rng(seed)) for index in batch]
        assert len(used) == len(set(used))
        assert len(used) >= 42


def test_epochs_differ_and_repeat_with_their_seed() -> None:
    people = [index // 4 for index in range(40)]
    first, again, other = (person_batches(people, 5, 4, 0, np.random.default_rng((7, e))) for e in (0, 0, 1))
    assert first == again
    assert first != other


def test_too_few_people() -> None:
    with pytest.raises(ValueError, match="3 people per batch, but the training data have 2"):
        person_batches([0, 0, 1, 1], 3, 2, 0, np.random.default_rng(0))
