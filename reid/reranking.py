"""k-reciprocal re-ranking (Zhong et al., CVPR 2017) in bounded memory: neighbourhoods are sparse, distances come in
blocks, and no matrix of all crops by all crops is ever held.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from reid.ranking import DistanceBlock, FloatArray, Metric, distance_blocks

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

BLOCK_ROWS = 256


@dataclass(frozen=True, slots=True)
class Reranking:
    """k1: neighbours that may be reciprocal; k2: neighbours whose encodings are averaged; original_weight: share of
    the original distance in the final one (the paper's lambda).
    """

    k1: int = 20
    k2: int = 6
    original_weight: float = 0.3

    def __post_init__(self) -> None:
        if self.k1 < 1 or self.k2 < 1:
            raise ValueError(f"k1 and k2 must be at least 1, got {self.k1} and {self.k2}")
        if not 0 <= self.original_weight <= 1:
            raise ValueError(f"original_weight must be within [0, 1], got {self.original_weight}")


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """Of each of n crops: its k nearest with itself, nearest first, (n, k), and its largest distance (n,)."""

    nearest: IntArray
    farthest: FloatArray


def reranked_blocks(
    query: FloatArray, gallery: FloatArray, metric: Metric = "cosine", options: Reranking | None = None
) -> Iterator[DistanceBlock]:
    """Re-ranked distances of query (q, d) to gallery (g, d) features, block by block, in [0, 1].

    (1 - lambda) * Jaccard distance of the k-reciprocal encodings + lambda * original distance, each query's original
    distances divided by the largest to any crop. Raises ValueError where the features do not fit one another.
    """
    options = options or Reranking()
    if len(query) == 0 or len(gallery) == 0:
        yield from distance_blocks(query, gallery, metric)
        return
    crops = np.concatenate([query, gallery])
    neighbours = find_neighbours(crops, metric, options.k1 + 1)
    encodings = _encodings(crops, neighbours, metric, options)
    columns = encodings[len(query) :].tocsc()
    for rows, original in distance_blocks(query, gallery, metric):
        overlaps = np.stack([_overlap(encodings, columns, row) for row in range(rows.start, rows.stop)])
        jaccard = 1 - overlaps / (2 - overlaps)
        scaled = original / neighbours.farthest[rows, None]
        yield rows, (1 - options.original_weight) * jaccard + options.original_weight * scaled


def find_neighbours(crops: FloatArray, metric: Metric, count: int) -> Neighbours:
    """The `count` nearest of every crop (n, d) among all; fewer if there are fewer crops."""
    count = min(count, len(crops))
    nearest = np.empty((len(crops), count), np.int64)
    farthest = np.empty(len(crops), np.float32)
    for rows, distances in distance_blocks(crops, crops, metric):
        chosen = np.argpartition(distances, count - 1, axis=1)[:, :count]
        order = np.argsort(np.take_along_axis(distances, chosen, axis=1), axis=1, kind="stable")
        nearest[rows] = np.take_along_axis(chosen, order, axis=1)
        farthest[rows] = distances.max(axis=1)
    return Neighbours(nearest, np.maximum(farthest, np.finfo(np.float32).tiny))


def _encodings(crops: FloatArray, neighbours: Neighbours, metric: Metric, options: Reranking) -> sparse.csr_matrix:
    """(n, n) sparse: row i holds exp(-distance) to its reciprocal neighbours, scaled to sum 1, then averaged over the
    k2 nearest crops of i (local query expansion).
    """
    half = round(options.k1 / 2) + 1
    wide = _reciprocal(neighbours.nearest)
    narrow = _reciprocal(neighbours.nearest[:, :half])
    blocks = []
    for start in range(0, len(crops), BLOCK_ROWS):
        rows = np.arange(start, min(start + BLOCK_ROWS, len(crops)))
        members = _expanded(rows, neighbours.nearest, wide, narrow)
        places, columns = np.nonzero(members)
        distances = _pair_distances(crops, rows[places], columns, metric) / neighbours.farthest[rows[places]]
        weights = np.exp(-distances)
        sums = np.bincount(places, weights, minlength=len(rows))
        blocks.append(sparse.csr_matrix((weights / sums[places], (places, columns)), shape=members.shape))
    encodings: sparse.csr_matrix = sparse.vstack(blocks, format="csr")
    if options.k2 == 1:
        return encodings
    averaged = neighbours.nearest[:, : options.k2]
    owners = np.repeat(np.arange(len(crops)), averaged.shape[1])
    shares = np.full(averaged.size, 1 / averaged.shape[1])
    averaging = sparse.csr_matrix((shares, (owners, averaged.ravel())), shape=(len(crops),) * 2)
    expanded: sparse.csr_matrix = (averaging @ encodings).tocsr()
    return expanded


def _reciprocal(nearest: IntArray) -> BoolArray:
    """(n, k) -> (n, k): whether crop i is itself among the k nearest of its j-th neighbour."""
    mutual = np.empty(nearest.shape, bool)
    for start in range(0, len(nearest), BLOCK_ROWS):
        rows = np.arange(start, min(start + BLOCK_ROWS, len(nearest)))
        mutual[rows] = (nearest[nearest[rows]] == rows[:, None, None]).any(axis=2)
    return mutual


def _expanded(rows: IntArray, nearest: IntArray, wide: BoolArray, narrow: BoolArray) -> BoolArray:
    """(rows, n): the reciprocal neighbours of each row, and those of a neighbour that shares over 2/3 of its own."""
    own, candidates = wide[rows], nearest[rows]  # (b, k), (b, k)
    theirs = nearest[candidates][:, :, : narrow.shape[1]]  # (b, k, half)
    theirs_valid = narrow[candidates] & own[:, :, None]
    reciprocal = np.where(own, candidates, -1)
    shared = (theirs[..., None] == reciprocal[:, None, None, :]).any(axis=3) & theirs_valid
    joins = theirs_valid & (shared.sum(axis=2) > 2 / 3 * theirs_valid.sum(axis=2))[..., None]
    members = np.zeros((len(rows), len(nearest)), bool)
    place, column = np.nonzero(own)
    members[place, candidates[place, column]] = True
    place, column, third = np.nonzero(joins)
    members[place, theirs[place, column, third]] = True
    return members


def _pair_distances(crops: FloatArray, first: IntArray, second: IntArray, metric: Metric) -> FloatArray:
    """Distances of the pairs (first[i], second[i]): 1 - cosine, or squared Euclidean."""
    a, b = crops[first], crops[second]
    if metric == "l2":
        squares: FloatArray = np.einsum("nd,nd->n", a - b, a - b)
        return squares
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosine: FloatArray = np.einsum("nd,nd->n", a, b) / np.maximum(lengths, np.finfo(np.float32).tiny)
    return 1 - cosine


def _overlap(encodings: sparse.csr_matrix, columns: sparse.csc_matrix, row: int) -> NDArray[np.float64]:
    """(g,) sum over all crops j of min(encoding of `row` at j, encoding of each gallery crop at j)."""
    own = slice(encodings.indptr[row], encodings.indptr[row + 1])
    starts, ends = columns.indptr[encodings.indices[own]], columns.indptr[encodings.indices[own] + 1]
    lengths = ends - starts
    places = np.repeat(starts - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
    smaller = np.minimum(np.repeat(encodings.data[own], lengths), columns.data[places])
    return np.bincount(columns.indices[places], smaller, minlength=columns.shape[0]).astype(np.float64, copy=False)
