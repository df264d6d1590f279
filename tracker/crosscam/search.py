"""Nearest neighbours among unit vectors. Larger galleries bring an index of their own behind the same port."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tracker.core.types import FloatArray, IntArray


class Neighbours(Protocol):
    """Vectors (d,) float32 by number; d is that of the first one."""

    def put(self, numbers: Sequence[int], vectors: FloatArray) -> None:
        """Add vectors (n, d), or replace those that have these numbers. Raises ValueError for another d."""

    def remove(self, numbers: Sequence[int]) -> None:
        """Forget these numbers; those that are not there are left out."""

    def vectors(self, numbers: Sequence[int]) -> FloatArray:
        """The vectors (n, d) of these numbers, all of which are there."""

    def nearest(self, queries: FloatArray, k: int) -> tuple[IntArray, FloatArray]:
        """Numbers (m, k) with the largest inner products (m, k) with queries (m, d), best first, equal ones by number.

        Where there are fewer than k vectors, numbers are -1 and products -inf.
        """


class ExactNeighbours:
    """Exact search over one matrix: up to some ten thousand vectors nothing is faster."""

    def __init__(self) -> None:
        self._vectors: FloatArray = np.zeros((0, 0), np.float32)
        self._numbers: IntArray = np.zeros(0, np.int64)
        self._rows: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def put(self, numbers: Sequence[int], vectors: FloatArray) -> None:
        if not len(numbers):
            return
        self._make_room(len(numbers), vectors.shape[1])
        rows = [self._rows.setdefault(number, len(self._rows)) for number in numbers]
        self._write(rows, numbers, vectors)

    def remove(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            row = self._rows.pop(number, None)
            if row is None or row == len(self._rows):
                continue
            last = len(self._rows)
            self._write([row], self._numbers[[last]].tolist(), self._vectors[[last]])
            self._rows[int(self._numbers[row])] = row

    def vectors(self, numbers: Sequence[int]) -> FloatArray:
        return self._vectors[list(map(self._rows.__getitem__, numbers))]

    def nearest(self, queries: FloatArray, k: int) -> tuple[IntArray, FloatArray]:
        size, found = len(self._rows), min(k, len(self._rows))
        best = np.full((len(queries), k), -1, np.int64)
        products = np.full((len(queries), k), -np.inf, np.float32)
        if not found or not len(queries):
            return best, products
        _require_dimension(queries, self._vectors.shape[1])
        values, rows = self._largest(queries, self._vectors[:size], found)
        numbers = np.where(rows >= 0, self._numbers[rows], -1)
        order = np.lexsort((numbers, -values), axis=1)
        best[:, :found] = np.take_along_axis(numbers, order, axis=1)
        products[:, :found] = np.take_along_axis(values, order, axis=1)
        return best, products

    def _write(self, rows: Sequence[int], numbers: Sequence[int], vectors: FloatArray) -> None:
        """These rows hold other vectors from now on."""
        self._vectors[rows] = vectors
        self._numbers[rows] = numbers

    def _largest(self, queries: FloatArray, vectors: FloatArray, k: int) -> tuple[FloatArray, IntArray]:
        """The k largest products (m, k) of each query, in any order, and their rows; -inf, -1 where there are none."""
        likeness = queries @ vectors.T
        rows = np.argpartition(-likeness, k - 1, axis=1)[:, :k]
        return np.take_along_axis(likeness, rows, axis=1), rows

    def _make_room(self, count: int, dimension: int) -> None:
        if not self._rows:
            self._vectors = np.zeros((max(count, 64), dimension), np.float32)
            self._numbers = np.zeros(len(self._vectors), np.int64)
        _require_dimension(np.zeros((0, dimension)), self._vectors.shape[1])
        needed = len(self._rows) + count
        if needed > len(self._vectors):
            more = max(needed, 2 * len(self._vectors)) - len(self._vectors)
            self._vectors = np.concatenate([self._vectors, np.zeros((more, dimension), np.float32)])
            self._numbers = np.concatenate([self._numbers, np.zeros(more, np.int64)])


def _require_dimension(vectors: NDArray[np.floating], dimension: int) -> None:
    if vectors.shape[1] != dimension:
        raise ValueError(f"embeddings have dimension {vectors.shape[1]}, those known before have {dimension}")
