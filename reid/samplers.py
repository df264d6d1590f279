"""Which samples make a batch. An epoch is a function of the seed and its number, so that a resumed run continues
exactly as it would have gone on.
"""

from collections.abc import Sequence

import numpy as np

from reid.datasets import UNLABELLED

Batch = list[int]
"""Indices into the list of training samples."""


def shuffled_batches(count: int, batch_size: int, rng: np.random.Generator) -> list[Batch]:
    """Every sample once, in random order; the incomplete rest is left out unless it is all there is."""
    order = rng.permutation(count)
    full = max(count // batch_size, 1) if count else 0
    return [order[i * batch_size : (i + 1) * batch_size].tolist() for i in range(full)]


def person_batches(
    people: Sequence[int], people_per_batch: int, crops_per_person: int, unlabelled: int, rng: np.random.Generator
) -> list[Batch]:
    """The PK sampler: P different people with K crops each, and `unlabelled` crops without identity, in every batch.

    people: the person of every sample. Each person comes up about (crops / K) times in an epoch, repeating crops to
    fill the last time; the more are left, the sooner. The epoch ends when fewer than P people have crops left. Raises
    ValueError where there are fewer than P people.
    """
    numbers = np.asarray(people)
    crops = {person: np.flatnonzero(numbers == person) for person in np.unique(numbers[numbers != UNLABELLED])}
    if len(crops) < people_per_batch:
        raise ValueError(f"{people_per_batch} people per batch, but the training data have {len(crops)}")
    groups = [_groups(rng.permutation(own), crops_per_person, rng) for own in crops.values()]
    left = np.array([len(own) for own in groups])
    strangers = np.flatnonzero(numbers == UNLABELLED)
    batches = []
    while np.count_nonzero(left) >= people_per_batch:
        chosen = rng.choice(len(groups), people_per_batch, replace=False, p=left / left.sum())
        left[chosen] -= 1
        extra = rng.choice(strangers, unlabelled).tolist() if len(strangers) else []
        batches.append([index for person in chosen for index in groups[person][left[person]]] + extra)
    return batches


def _groups(own: np.ndarray, size: int, rng: np.random.Generator) -> list[Batch]:
    groups = [own[start : start + size].tolist() for start in range(0, len(own), size)]
    missing = size - len(groups[-1])
    groups[-1] += rng.choice(own, missing).tolist()
    return groups
