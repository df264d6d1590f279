import numpy as np
import pytest

from tracker.core.appearance import StrangerDistance, Views, blended
from tracker.core.types import Detections


def test_quality_is_score_times_visible_part_times_size() -> None:
    boxes = np.array([[0, 0, 40, 100], [30, 0, 70, 110], [200, 0, 220, 32], [300, 0, 340, 100]], np.float32)
    embeddings = np.array([[1, 0], [1, 0], [1, 0], [0, 0]], np.float32)
    detections = Detections(boxes, np.full(4, 0.8, np.float32), embeddings)
    views = Views.of(detections, sharp_height_pixels=64.0, max_occlusion=0.2)
    np.testing.assert_allclose(views.qualities, [0.6, 0.8, 0.4, 0.0], rtol=1e-6)
    assert views.clear.tolist() == [False, True, True, False]
    plain = Views.of(Detections(boxes, detections.scores), 64.0, 1.0)
    assert plain.qualities.tolist() == [0, 0, 0, 0]
    assert not plain.clear.any()


def test_blurred_pictures_are_trusted_less() -> None:
    boxes = np.array([[0, 0, 40, 100], [100, 0, 140, 100]], np.float32)
    scores, embeddings = np.ones(2, np.float32), np.eye(2, dtype=np.float32)
    detections = Detections(boxes, scores, embeddings, np.array([0.3, 0.05], np.float32))
    views = Views.of(detections, 64.0, 0.2, full_sharpness=0.2)
    np.testing.assert_allclose(views.qualities, [1, 0.25], rtol=1e-6)
    np.testing.assert_allclose(views.evidence(), [[1, 1, 0.3, 1], [1, 1, 0.05, 1]], rtol=1e-6)


def test_memory_moves_slowly_and_stays_a_unit_vector() -> None:
    old = np.array([[1, 0], [0, 0]], np.float32)
    new = np.array([[0, 1], [0, 1]], np.float32)
    mixed = blended(old, new, 0.9)
    np.testing.assert_allclose(np.linalg.norm(mixed, axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(mixed[0], np.array([0.9, 0.1]) / np.hypot(0.9, 0.1), rtol=1e-6)
    np.testing.assert_allclose(mixed[1], [0, 1])


def test_distance_of_strangers_is_learned_from_pairs_seen_together() -> None:
    strangers = StrangerDistance()
    assert strangers.value == 0.5
    east, north = np.eye(2, dtype=np.float32)
    strangers.learn(east[None], east[None])
    assert strangers.frames == 1
    tracks, seen = np.array([east, north, east]), np.array([east, north, (east + north) / np.sqrt(2)])
    distances = 1 - tracks @ seen.T
    expected = (distances.sum() - distances.trace()) / 6
    for _ in range(2000):
        strangers.learn(tracks, seen)
    assert strangers.value == pytest.approx(expected, abs=1e-6)
    assert strangers.frames == 100
