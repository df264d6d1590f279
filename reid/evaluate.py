"""How well a network finds people again: features of a data set's queries and gallery, ranked and scored."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from reid.datasets import ReidData, Sample, read_crop
from reid.errors import ReidError
from reid.extractor import FeatureExtractor
from reid.preprocess import FloatArray, Image
from reid.ranking import Labels, Metric, Scores, distance_blocks, score
from reid.reranking import Reranking, reranked_blocks


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """reranked: scores after k-reciprocal re-ranking, where that was asked for."""

    scores: Scores
    reranked: Scores | None
    query_crops: int
    gallery_crops: int


def labels_of(samples: Sequence[Sample]) -> Labels:
    return Labels(np.array([s.person for s in samples], np.int64), np.array([s.camera for s in samples], np.int64))


def features_of(
    extractor: FeatureExtractor, samples: Sequence[Sample], advance: Callable[[int], None] = lambda crops: None
) -> FloatArray:
    """Unit features (n, d) of the samples; `advance` is told of every crop that was read."""

    def pictures() -> Iterator[Image]:
        for sample in samples:
            yield read_crop(sample)
            advance(1)

    return extractor.from_stream(pictures())


def evaluate_network(
    extractor: FeatureExtractor,
    data: ReidData,
    metric: Metric = "cosine",
    reranking: Reranking | None = None,
    advance: Callable[[int], None] = lambda crops: None,
) -> Evaluation:
    """Scores on the queries and the gallery of `data`. Raises ReidError where it has none, or a picture is broken."""
    if not data.query or not data.gallery:
        raise ReidError("this data set has no queries or no gallery; evaluate on one that has both")
    query, gallery = (features_of(extractor, part, advance) for part in (data.query, data.gallery))
    labels = labels_of(data.query), labels_of(data.gallery)
    scores = score(distance_blocks(query, gallery, metric), *labels)
    reranked = score(reranked_blocks(query, gallery, metric, reranking), *labels) if reranking else None
    return Evaluation(scores, reranked, len(query), len(gallery))
