"""Time and memory of scoring at the size of Market-1501: 3368 queries against 15913 gallery crops, 512 dimensions.

    python -m benchmarks.reid_market_size

The features are random vectors about 751 random centres: neither time nor memory depends on their values.
"""

import resource
import time
from collections.abc import Callable

import numpy as np

from reid.ranking import Labels, Scores, distance_blocks, score
from reid.reranking import Reranking, reranked_blocks

QUERIES, GALLERY, PEOPLE, CAMERAS, DIMENSION = 3368, 15913, 751, 6, 512


def measured(name: str, action: Callable[[], Scores]) -> None:
    before = peak_mebibytes()
    started, busy = time.perf_counter(), time.process_time()
    scores = action()
    seconds, processor = time.perf_counter() - started, time.process_time() - busy
    memory = peak_mebibytes() - before
    print(f"{name}: {seconds:.1f} s ({processor:.1f} s of processor), {memory:.0f} MiB more, mAP {scores.mean_ap:.3f}")


def peak_mebibytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(PEOPLE, DIMENSION)).astype(np.float32)

    def crops(count: int) -> tuple[np.ndarray, Labels]:
        people = rng.integers(0, PEOPLE, count)
        noise = rng.normal(scale=1.8, size=(count, DIMENSION)).astype(np.float32)
        return centres[people] + noise, Labels(people, rng.integers(0, CAMERAS, count))

    (query, query_labels), (gallery, gallery_labels) = crops(QUERIES), crops(GALLERY)
    print(f"features and labels in memory: {peak_mebibytes():.0f} MiB")
    for metric in ("cosine", "l2"):
        measured(metric, lambda: score(distance_blocks(query, gallery, metric), query_labels, gallery_labels))  # noqa: B023
    blocks = reranked_blocks(query, gallery, "cosine", Reranking())
    measured("cosine, re-ranked", lambda: score(blocks, query_labels, gallery_labels))


if __name__ == "__main__":
    main()
