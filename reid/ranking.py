"""CMC, mAP and mINP of a gallery ranked for every query, in blocks of queries so that memory stays bounded."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
Metric = Literal["cosine", "l2"]
DistanceBlock = tuple[slice, FloatArray]
"""Rows of queries and their distances (rows, gallery) to the whole gallery."""

BLOCK_QUERIES = 256


@dataclass(frozen=True, slots=True)
class Labels:
    """Who is on the crops, and which camera saw them: people (n,) int64, cameras (n,) int64."""

    people: IntArray
    cameras: IntArray

    def __post_init__(self) -> None:
        if self.people.ndim != 1 or self.people.shape != self.cameras.shape:
            raise ValueError(f"people and cameras must both be (n,), got {self.people.shape}, {self.cameras.shape}")

    def __len__(self) -> int:
        return len(self.people)


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """cmc[k - 1]: share of queries with a true match among the first k, (ranks,) float64. mean_ap: mean over queries
    of the average precision. mean_inp: mean of (number of true matches) / (rank of the last one). queries: how many
    counted; a query without a true match in another camera does not.
    """

    cmc: NDArray[np.float64]
    mean_ap: float
    mean_inp: float
    queries: int

    def rank(self, k: int) -> float:
        """Cmc at rank k >= 1; a gallery shorter than k has been searched completely."""
        return float(self.cmc[min(k, len(self.cmc)) - 1])


def distance_blocks(query: FloatArray, gallery: FloatArray, metric: Metric = "cosine") -> Iterator[DistanceBlock]:
    """Distances of query (q, d) to gallery (g, d) features, block by block: 1 - cosine, or squared Euclidean."""
    if query.ndim != 2 or gallery.ndim != 2 or query.shape[1] != gallery.shape[1]:
        raise ValueError(f"features must be (q, d) and (g, d), got {query.shape} and {gallery.shape}")
    if metric == "cosine":
        query, gallery = _unit(query), _unit(gallery)
    gallery_squares = np.einsum("gd,gd->g", gallery, gallery)
    for start in range(0, len(query), BLOCK_QUERIES):
        rows = slice(start, min(start + BLOCK_QUERIES, len(query)))
        products = query[rows] @ gallery.T
        if metric == "cosine":
            yield rows, 1 - products
        else:
            squares = np.einsum("qd,qd->q", query[rows], query[rows])
            yield rows, np.maximum(squares[:, None] + gallery_squares - 2 * products, 0)


def score(blocks: Iterable[DistanceBlock], query: Labels, gallery: Labels, ranks: int = 50) -> Scores:
    """CMC up to `ranks`, mAP and mINP. Gallery crops of the query's person in the query's camera do not count.

    Equal distances are ranked in the order of the gallery. Without any countable query all scores are 0.
    """
    ranks = max(1, min(ranks, len(gallery)))
    first_hits = np.zeros(ranks)
    precisions: list[float] = []
    penalties: list[float] = []
    for rows, distances in blocks:
        for row, distance in zip(range(rows.start, rows.stop), distances, strict=True):
            same_person = gallery.people == query.people[row]
            counts = ~(same_person & (gallery.cameras == query.cameras[row]))
            places = match_places(distance[counts], same_person[counts])
            if len(places) == 0:
                continue
            found = np.arange(1, len(places) + 1)
            first_hits[places[0] :] += 1
            precisions.append(float(np.mean(found / (places + 1))))
            penalties.append(float(len(places) / (places[-1] + 1)))
    queries = len(precisions)
    if queries == 0:
        return Scores(first_hits, 0.0, 0.0, 0)
    return Scores(first_hits / queries, float(np.mean(precisions)), float(np.mean(penalties)), queries)


def match_places(distances: FloatArray, is_match: NDArray[np.bool_]) -> IntArray:
    """Places (from 0) of the true matches when all (n,) are sorted by distance, ascending, without sorting them all.

    A match stands behind the matches before it and behind every other crop that is nearer; a full stable sort
    decides only where distances are equal.
    """
    matches = np.sort(distances[is_match])
    others = distances[~is_match]
    behind = np.searchsorted(matches, others)  # how many matches are nearer than each of the others
    equal = matches[np.minimum(behind, len(matches) - 1)] == others if len(matches) else np.zeros(0, bool)
    if equal.any():
        return np.flatnonzero(is_match[np.argsort(distances, kind="stable")])
    nearer_others = np.cumsum(np.bincount(behind, minlength=len(matches) + 1))[: len(matches)]
    return nearer_others + np.arange(len(matches))


def evaluate(
    query_features: FloatArray,
    query: Labels,
    gallery_features: FloatArray,
    gallery: Labels,
    metric: Metric = "cosine",
    ranks: int = 50,
) -> Scores:
    """Scores of features (q, d) against (g, d). Raises ValueError where features and labels differ in number."""
    if len(query_features) != len(query) or len(gallery_features) != len(gallery):
        raise ValueError(
            f"features {query_features.shape}, {gallery_features.shape} do not fit labels {len(query)}, {len(gallery)}"
        )
    return score(distance_blocks(query_features, gallery_features, metric), query, gallery, ranks)


def _unit(features: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    unit: FloatArray = features / np.maximum(lengths, np.finfo(np.float32).tiny)
    return unit
