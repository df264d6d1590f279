"""Top 10 of one query among 10,000, 100,000 and 1,000,000 vectors, exactly and screened by signs: time and recall.

    python -m benchmarks.look_alikes

Vectors are drawn evenly over all directions; nothing is read from disk.
"""

import time
from collections.abc import Sequence

import numpy as np

from tracker.core.types import FloatArray
from tracker.crosscam.features import unit_rows
from tracker.crosscam.search import ExactNeighbours
from tracker.inference.neighbours import ScreenedNeighbours

SEARCHED_COSINES = (0.8, 0.7, 0.6, 0.4)


def search(counts: Sequence[int] = (10_000, 100_000, 1_000_000), dimension: int = 256, queries: int = 100) -> None:
    print(f"top 10 of one query among vectors of {dimension}: milliseconds by the clock / of work (medians of 30)")
    for count in counts:
        rng = np.random.default_rng(count)
        exact = ExactNeighbours()
        screens = {f"{few:,} screened": ScreenedNeighbours(few) for few in (1000, max(1000, count // 20))}
        for first in range(0, count, 100_000):
            numbers = range(first, min(first + 100_000, count))
            vectors = directions(rng, len(numbers), dimension)
            for index in (exact, *screens.values()):
                index.put(numbers, vectors)
        strangers = directions(rng, queries, dimension)
        seekers = {"nobody stored": strangers}
        for cosine in SEARCHED_COSINES:
            stored = exact.vectors(rng.choice(count, queries, replace=False).tolist())
            seekers[f"a stored one at cosine {cosine:.1f}"] = views(rng, stored, cosine)
        for name, index in (("exact", exact), *screens.items()):
            print(f"{count:>9,} vectors, {name:15}: {search_cost(index, strangers[:33])}", flush=True)
            for who, seen in seekers.items() if index is not exact else ():
                print(f"{'':17} a view of {who}: {search_agreement(exact, index, seen)}", flush=True)


def directions(rng: np.random.Generator, count: int, dimension: int) -> FloatArray:
    """Unit vectors (count, dimension), evenly spread over all directions."""
    return unit_rows(rng.standard_normal((count, dimension), np.float32))


def views(rng: np.random.Generator, stored: FloatArray, cosine: float) -> FloatArray:
    """Unit vectors (n, d) at this cosine to those stored (n, d), each to its own."""
    noise = directions(rng, *stored.shape)
    aside = unit_rows(noise - (noise * stored).sum(axis=1, keepdims=True) * stored)
    return cosine * stored + np.float32(np.sqrt(1 - cosine**2)) * aside


def search_cost(index: ExactNeighbours, queries: FloatArray) -> str:
    """Of one query at a time; the first three warm up."""
    took = []
    for query in queries:
        start = time.perf_counter(), time.process_time()
        index.nearest(query[None], 10)
        took.append([time.perf_counter() - start[0], time.process_time() - start[1]])
    wall, work = np.median(took[3:], axis=0) * 1000
    return f"{wall:6.1f} / {work:6.1f} ms"


def search_agreement(exact: ExactNeighbours, screened: ExactNeighbours, queries: FloatArray) -> str:
    """How many of the true ten the screened search finds, and how often its first is the true first, in percent."""
    found = ten = 0
    # all at once would take gigabytes for a million vectors
    for some in np.array_split(queries, -(-len(queries) // 25)):
        true, told = exact.nearest(some, 10)[0], screened.nearest(some, 10)[0]
        found += int((true[:, 0] == told[:, 0]).sum())
        ten += int((true[:, :, None] == told[:, None]).sum())
    return f"recall@10 {10 * ten / len(queries):.1f}, rank 1 {100 * found / len(queries):.1f}"


if __name__ == "__main__":
    search()
