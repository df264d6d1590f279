"""What a local track looks like: a bounded gallery of appearance, weighted by quality."""

from collections.abc import Sequence
from typing import Self

import numpy as np

from tracker.core.types import FloatArray


class Gallery:
    """A bounded summary of the embeddings of one person in one camera.

    Embeddings are summed in bins. When there are more than `capacity` bins, the two most similar become one, so that
    distinct looks (front, back, half hidden) stay apart while nothing is forgotten: the sum of the bins is always the
    quality-weighted sum of everything that was added.
    """

    def __init__(self, capacity: int = 8) -> None:
        self._capacity = capacity
        self._sums: list[FloatArray] = []
        self._weights: list[float] = []
        self.count = 0
        self._mean: FloatArray | None = None
        self._halves: tuple[FloatArray, FloatArray] | None = None

    @classmethod
    def of(cls, bins: Sequence[tuple[FloatArray, float]], count: int) -> Self:
        """A gallery that has these bins, of `count` embeddings."""
        made = cls()
        made._sums, made._weights = [vector for vector, _ in bins], [weight for _, weight in bins]
        made.count = count
        return made

    @property
    def weight(self) -> float:
        """Sum of the qualities of all embeddings."""
        return sum(self._weights)

    @property
    def bins(self) -> list[tuple[FloatArray, float]]:
        """(quality-weighted sum (d,) float32, sum of the qualities) per bin, in order of time of the first entry."""
        return list(zip(self._sums, self._weights, strict=True))

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
        for vector, weight in other.bins:
            self._append(vector, weight)
        self.count += other.count

    def shrink(self, bins: int) -> None:
        """Keep so many bins at most; the mean stays."""
        while len(self._sums) > bins:
            self._mean = self._halves = None
            self._join_most_similar()

    def mean(self) -> FloatArray | None:
        """Quality-weighted mean (d,) float32, not normalised; None while empty."""
        if self._mean is None:
            self._mean = mean_of(self.bins)
        return self._mean

    def halves(self) -> tuple[FloatArray, FloatArray] | None:
        """Means of the earlier and of the later bins: one person for sure, seen at two times. None below two bins."""
        middle = len(self._sums) // 2
        if self._halves is None and middle:
            earlier, later = mean_of(self.bins[:middle]), mean_of(self.bins[middle:])
            self._halves = None if earlier is None or later is None else (earlier, later)
        return self._halves

    def _append(self, vector: FloatArray, weight: float) -> None:
        self._mean = self._halves = None
        self._sums.append(vector)
        self._weights.append(weight)
        if len(self._sums) > self._capacity:
            self._join_most_similar()

    def _join_most_similar(self) -> None:
        units = unit_rows(np.stack(self._sums))
        cosines = units @ units.T
        np.fill_diagonal(cosines, -2.0)
        kept, joined = sorted(divmod(int(cosines.argmax()), len(units)))
        self._sums[kept] = self._sums[kept] + self._sums.pop(joined)
        self._weights[kept] += self._weights.pop(joined)


def mean_of(bins: Sequence[tuple[FloatArray, float]]) -> FloatArray | None:
    """Weighted mean (d,) of (weighted sum (d,), weight) pairs; None where there is no weight."""
    total = sum(weight for _, weight in bins)
    if total <= 0:
        return None
    mean: FloatArray = (np.sum([vector for vector, _ in bins], axis=0) / total).astype(np.float32)
    return mean


def unit_rows(vectors: FloatArray) -> FloatArray:
    """Rows (n, d) scaled to length 1; rows of zeros stay zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units: FloatArray = vectors / np.maximum(lengths, 1e-12)
    return units
