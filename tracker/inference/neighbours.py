"""Search for neighbours in galleries of any size: exact among few vectors, screened by their signs among many."""

from collections.abc import Sequence

import numpy as np

from tracker.core.types import FloatArray, IntArray
from tracker.crosscam.search import ExactNeighbours

FEW = 10_000
"""Up to so many vectors numpy is as fast, and faiss need not be loaded."""


class ScreenedNeighbours(ExactNeighbours):
    """Candidates among many vectors at the cost of a glance. Implements crosscam.search.Neighbours, not quite exactly.

    Vectors are screened by the signs of their numbers, one bit each: those that agree with the query in most signs are
    compared exactly. For whitened looks, whose numbers are independent, the share of equal signs is 1 - angle / pi, so
    that whoever stands out from the crowd passes. Up to FEW vectors the search is exact.

    screened: how many are compared exactly.
    """

    def __init__(self, screened: int = 1000) -> None:
        super().__init__()
        self._screened = screened
        self._signs = np.zeros((0, 0), np.uint8)

    def _write(self, rows: Sequence[int], numbers: Sequence[int], vectors: FloatArray) -> None:
        super()._write(rows, numbers, vectors)
        signs = _signs_of(vectors)
        if len(self._signs) != len(self._vectors):
            room = np.zeros((len(self._vectors), signs.shape[1]), np.uint8)
            if self._signs.size and len(self._signs) < len(room):
                room[: len(self._signs)] = self._signs
            self._signs = room
        self._signs[rows] = signs

    def _largest(self, queries: FloatArray, vectors: FloatArray, k: int) -> tuple[FloatArray, IntArray]:
        if len(vectors) <= max(FEW, self._screened):
            return super()._largest(queries, vectors, k)
        import faiss

        differing, alike = faiss.knn_hamming(_signs_of(queries), self._signs[: len(vectors)], self._screened, "mc")
        products, best = np.full((len(queries), k), -np.inf, np.float32), np.full((len(queries), k), -1, np.int64)
        # of those that agree as little as the last one only some are here, which ones depends on their order
        passed = differing < differing.max(axis=1, keepdims=True)
        for row, (query, rows) in enumerate(zip(queries, alike, strict=True)):
            candidates = rows[passed[row]]
            if not len(candidates):
                continue
            found, places = super()._largest(query[None], vectors[candidates], min(k, len(candidates)))
            products[row, : found.shape[1]], best[row, : found.shape[1]] = found[0], candidates[places[0]]
        return products, best


def _signs_of(vectors: FloatArray) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """(n, d) -> (n, d / 8 rounded up), one bit per number."""
    signs: np.ndarray[tuple[int, int], np.dtype[np.uint8]] = np.packbits(vectors > 0, axis=1)
    return signs
