"""Exact search for neighbours in galleries of any size."""

from tracker.core.types import FloatArray, IntArray
from tracker.crosscam.search import ExactNeighbours

FEW = 10_000
"""Up to so many vectors numpy is as fast, and faiss need not be loaded."""


class LargeNeighbours(ExactNeighbours):
    """ExactNeighbours that leaves the search among many vectors to faiss. Implements crosscam.search.Neighbours."""

    def _largest(self, queries: FloatArray, vectors: FloatArray, k: int) -> tuple[FloatArray, IntArray]:
        if len(vectors) <= FEW:
            return super()._largest(queries, vectors, k)
        import faiss

        products, rows = faiss.knn(queries, vectors, k, metric=faiss.METRIC_INNER_PRODUCT)
        return products, rows
