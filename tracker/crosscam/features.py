"""What a local track looks like: a bounded gallery of appearance, weighted by quality."""

from collections.abc import Sequence
from typing import Self

import numpy as np

from tracker.core.types import FloatArray

NOTHING: FloatArray = np.zeros((0, 0), np.float32)


class Gallery:
    """A bounded summary of the embeddings of one person in one camera.

    Embeddings are summed in bins. When there are more than `capacity` bins, the two most similar become one, so that
    distinct looks (front, back, half hidden) stay apart while nothing is forgotten: the sum of the bins is always the
    quality-weighted sum of everything that was added. The bins are rows of one array that grows up to the capacity.
    """

    def __init__(self, capacity: int = 8) -> None:
        self._capacity = capacity
        self._rows = NOTHING
        self._weights: list[float] = []
        self.count = 0
        """Embeddings that were added."""
        self.weight = 0.0
        """Sum of the qualities of all embeddings."""
        self._mean: FloatArray | None = None
        self._halves: tuple[FloatArray, FloatArray] | None = None

    @classmethod
    def of(cls, sums: FloatArray, weights: Sequence[float], count: int) -> Self:
        """A gallery that has these bins, of `count` embeddings."""
        made = cls()
        made._rows, made._weights = sums.copy(), list(weights)
        made.count, made.weight = count, sum(weights)
        return made

    @property
    def sums(self) -> FloatArray:
        """(n, d) float32: the quality-weighted sum of each bin, in order of time of its first entry."""
        return self._rows[: len(self._weights)]

    @property
    def weights(self) -> Sequence[float]:
        """(n,) sum of the qualities of each bin."""
        return self._weights

    def add(self, embedding: FloatArray, quality: float) -> None:
        """Take one unit vector (d,) with quality in (0, 1]; quality 0 carries no information and is left out."""
        if quality > 0:
            self._append(embedding * np.float32(quality), quality)
            self.count += 1

    def add_mean(self, mean: FloatArray, weight: float) -> None:
        """Take a mean (d,), not normalised, of embeddings whose qualities sum to weight > 0."""
        self._append(mean * np.float32(weight), weight)
        self.count += 1

    def absorb(self, other: "Gallery") -> None:
        """Take over everything that another gallery holds."""
        for vector, weight in zip(other.sums, other.weights, strict=True):
            self._append(vector, weight)
        self.count += other.count

    def shrink(self, bins: int) -> None:
        """Keep so many bins at most, and no room for more; the mean stays."""
        while len(self._weights) > bins:
            self._mean = self._halves = None
            self._join_most_similar()
        self._rows = self.sums.copy()

    def mean(self) -> FloatArray | None:
        """Quality-weighted mean (d,) float32, not normalised; None while empty."""
        if self._mean is None and self._weights:
            self._mean = mean_of(self.sums, self._weights)
        return self._mean

    def halves(self) -> tuple[FloatArray, FloatArray] | None:
        """Means of the earlier and of the later bins: one person for sure, seen at two times. None below two bins."""
        middle = len(self._weights) // 2
        if self._halves is None and middle:
            earlier = mean_of(self.sums[:middle], self._weights[:middle])
            self._halves = earlier, mean_of(self.sums[middle:], self._weights[middle:])
        return self._halves

    def _append(self, vector: FloatArray, weight: float) -> None:
        used = len(self._weights)
        if used == len(self._rows):
            room = np.zeros((min(max(2 * used, 2), self._capacity + 1), len(vector)), np.float32)
            room[:used] = self.sums if used else 0
            self._rows = room
        self._rows[used] = vector
        self._weights.append(weight)
        if used == self._capacity:
            self._join_most_similar()
        self._mean = self._halves = None
        self.weight = sum(self._weights)

    def _join_most_similar(self) -> None:
        sums = self.sums
        cosines = np.dot(sums, sums.copy().T)  # quicker than @, and than one array with itself
        lengths = np.maximum(np.sqrt(cosines.diagonal()), 1e-12)
        cosines /= lengths[:, None] * lengths
        cosines.flat[:: len(sums) + 1] = -2.0
        kept, joined = sorted(divmod(int(cosines.argmax()), len(sums)))
        sums[kept] += sums[joined]
        sums[joined:-1] = sums[joined + 1 :]
        self._weights[kept] += self._weights.pop(joined)


def mean_of(sums: FloatArray, weights: Sequence[float]) -> FloatArray:
    """Mean (d,) float32 of bins, from their weighted sums (n, d) and weights (n,) > 0; n >= 1."""
    mean: FloatArray = np.add.reduce(sums, axis=0) / np.float32(sum(weights))
    return mean


def rows_of(vectors: Sequence[FloatArray], dimension: int) -> FloatArray:
    """The n vectors (d,) as rows (n, d): np.stack in a fifth of the time."""
    return (
        np.concatenate(vectors).reshape(len(vectors), dimension)
        if len(vectors)
        else np.zeros((0, dimension), np.float32)
    )


def unit_rows(vectors: FloatArray) -> FloatArray:
    """Rows (n, d) scaled to length 1; rows of zeros stay zero."""
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))[:, None]
    units: FloatArray = vectors / np.maximum(lengths, 1e-12)
    return units
