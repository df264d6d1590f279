"""Scores and re-ranking against plain loops written from the definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from reid.ranking import FloatArray, Labels, Metric, distance_blocks, evaluate, match_places, score
from reid.reranking import Reranking, reranked_blocks


def world(
    seed: int, queries: int, gallery: int, people: int, cameras: int = 3
) -> tuple[FloatArray, Labels, FloatArray, Labels]:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(people, 8))

    def crops(count: int) -> tuple[FloatArray, Labels]:
        labels = Labels(rng.integers(people, size=count), rng.integers(cameras, size=count))
        return (centres[labels.people] + rng.normal(size=(count, 8))).astype(np.float32), labels

    return *crops(queries), *crops(gallery)


def loop_distances(query: FloatArray, gallery: FloatArray, metric: Metric) -> NDArray[np.float64]:
    distances = np.zeros((len(query), len(gallery)))
    for i, a in enumerate(query.astype(float)):
        for j, b in enumerate(gallery.astype(float)):
            distances[i, j] = ((a - b) ** 2).sum() if metric == "l2" else 1 - a @ b / np.sqrt((a @ a) * (b @ b))
    return distances


def loop_scores(
    distances: NDArray[np.float64], query: Labels, gallery: Labels, ranks: int
) -> tuple[list[float], float, float, int]:
    firsts, precisions, penalties = [], [], []
    for i in range(len(query)):
        ranked = []
        for j in sorted(range(len(gallery)), key=lambda j: (distances[i, j], j)):
            same = gallery.people[j] == query.people[i]
            if not (same and gallery.cameras[j] == query.cameras[i]):
                ranked.append(bool(same))
        if not any(ranked):
            continue
        hits, at_hits, last = 0, [], 0
        for place, hit in enumerate(ranked, start=1):
            if hit:
                hits += 1
                last = place
                at_hits.append(hits / place)
        firsts.append(ranked.index(True))
        precisions.append(sum(at_hits) / len(at_hits))
        penalties.append(hits / last)
    cmc = [sum(first < k for first in firsts) / len(firsts) for k in range(1, ranks + 1)]
    return cmc, sum(precisions) / len(firsts), sum(penalties) / len(firsts), len(firsts)


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), metric=st.sampled_from(["cosine", "l2"]), people=st.integers(2, 9))
def test_scores_equal_plain_loops(seed: int, metric: Metric, people: int) -> None:
    query_features, query, gallery_features, gallery = world(seed, 12, 40, people)
    scores = evaluate(query_features, query, gallery_features, gallery, metric, ranks=20)
    cmc, mean_ap, mean_inp, counted = loop_scores(
        loop_distances(query_features, gallery_features, metric), query, gallery, 20
    )
    np.testing.assert_allclose(scores.cmc, cmc)
    assert (scores.mean_ap, scores.mean_inp) == pytest.approx((mean_ap, mean_inp))
    assert scores.queries == counted


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=30))
def test_places_of_matches_with_ties(items: list[tuple[int, bool]]) -> None:
    distances = np.array([distance for distance, _ in items], np.float32)
    is_match = np.array([match for _, match in items], bool)
    expected = np.flatnonzero(is_match[np.argsort(distances, kind="stable")])
    np.testing.assert_array_equal(match_places(distances, is_match), expected)


def test_queries_seen_by_one_camera_only_do_not_count() -> None:
    query = Labels(np.array([1, 2]), np.array([0, 0]))
    gallery = Labels(np.array([1, 2, 1]), np.array([1, 0, 0]))
    features = np.array([[0, 1], [0.6, 0.8], [1, 0]], np.float32)
    # Person 1's own camera has the identical crop, which does not count; the stranger is nearer than camera 1's crop.
    scores = evaluate(np.array([[1, 0], [0, 1]], np.float32), query, features, gallery)
    assert scores.queries == 1
    assert scores.rank(1) == 0.0
    assert scores.rank(50) == 1.0
    assert scores.mean_ap == 0.5


def test_nothing_to_score() -> None:
    none = Labels(np.zeros(0, np.int64), np.zeros(0, np.int64))
    scores = evaluate(np.zeros((0, 4), np.float32), none, np.zeros((0, 4), np.float32), none)
    assert (scores.queries, scores.rank(1), scores.mean_ap, scores.mean_inp) == (0, 0.0, 0.0, 0.0)
    assert list(reranked_blocks(np.zeros((0, 4), np.float32), np.zeros((3, 4), np.float32))) == []


def test_shapes_are_checked() -> None:
    labels = Labels(np.zeros(2, np.int64), np.zeros(2, np.int64))
    with pytest.raises(ValueError, match=r"\(3, 4\)"):
        evaluate(np.zeros((3, 4), np.float32), labels, np.zeros((2, 4), np.float32), labels)
    with pytest.raises(ValueError, match=r"\(2, 4\) and \(2, 5\)"):
        list(distance_blocks(np.zeros((2, 4), np.float32), np.zeros((2, 5), np.float32)))
    with pytest.raises(ValueError, match="people and cameras"):
        Labels(np.zeros(2, np.int64), np.zeros(3, np.int64))


def loop_reranking(query: FloatArray, gallery: FloatArray, metric: Metric, options: Reranking) -> NDArray[np.float64]:
    """Zhong et al., equations 3 to 12, crop by crop over one dense matrix."""
    crops = np.concatenate([query, gallery])
    distances = loop_distances(crops, crops, metric)
    distances /= distances.max(axis=1, keepdims=True)
    order = np.argsort(distances, axis=1)

    def reciprocal(i: int, k: int) -> set[int]:
        return {int(j) for j in order[i, : k + 1] if i in order[j, : k + 1]}

    encodings = np.zeros_like(distances)
    for i in range(len(crops)):
        members = reciprocal(i, options.k1)
        for j in sorted(members):
            other = reciprocal(j, round(options.k1 / 2))
            if len(other & reciprocal(i, options.k1)) > 2 / 3 * len(other):
                members |= other
        for j in members:
            encodings[i, j] = np.exp(-distances[i, j])
        encodings[i] /= encodings[i].sum()
    encodings = np.stack([encodings[order[i, : options.k2]].mean(axis=0) for i in range(len(crops))])
    result = np.zeros((len(query), len(gallery)))
    for i in range(len(query)):
        for j in range(len(gallery)):
            a, b = encodings[i], encodings[len(query) + j]
            jaccard = 1 - np.minimum(a, b).sum() / np.maximum(a, b).sum()
            original = distances[i, len(query) + j]
            result[i, j] = (1 - options.original_weight) * jaccard + options.original_weight * original
    return result


@pytest.mark.parametrize("metric", ["cosine", "l2"])
@pytest.mark.parametrize("options", [Reranking(), Reranking(7, 1, 0.1), Reranking(5, 3, 0.0)])
def test_reranking_equals_plain_loops(metric: Metric, options: Reranking) -> None:
    query, _, gallery, _ = world(4, 20, 70, 12)
    blocks = list(reranked_blocks(query, gallery, metric, options))
    result = np.concatenate([distances for _, distances in blocks])
    np.testing.assert_allclose(result, loop_reranking(query, gallery, metric, options), atol=2e-5)


def test_reranking_over_several_blocks_equals_one(monkeypatch: pytest.MonkeyPatch) -> None:
    query, _, gallery, _ = world(5, 30, 60, 10)
    whole = np.concatenate([distances for _, distances in reranked_blocks(query, gallery)])
    monkeypatch.setattr("reid.reranking.BLOCK_ROWS", 7)
    monkeypatch.setattr("reid.ranking.BLOCK_QUERIES", 11)
    parts = np.concatenate([distances for _, distances in reranked_blocks(query, gallery)])
    np.testing.assert_allclose(parts, whole, atol=1e-5)


def test_reranking_helps_where_people_form_clusters() -> None:
    query_features, query, gallery_features, gallery = world(1, 60, 240, 30)
    plain = evaluate(query_features, query, gallery_features, gallery)
    better = score(reranked_blocks(query_features, gallery_features), query, gallery)
    assert better.mean_ap > plain.mean_ap


def test_fewer_crops_than_neighbours() -> None:
    query, _, gallery, _ = world(2, 1, 3, 2)
    ((_, distances),) = reranked_blocks(query, gallery)
    assert distances.shape == (1, 3)
    assert np.isfinite(distances).all()


@pytest.mark.parametrize("wrong", [{"k1": 0}, {"k2": 0}, {"original_weight": 1.5}])
def test_impossible_options(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Reranking(**wrong)  # type: ignore[arg-type]
