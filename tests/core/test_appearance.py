from dataclasses import replace

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


def test_whom_the_pictures_edge_cuts_is_trusted_less() -> None:
    whole, left_half, legs_missing = [100, 100, 137, 200], [0, 100, 18.5, 200], [300, 150, 337, 200]
    boxes = np.array([whole, left_half, legs_missing, [340, 30, 400, 130]], np.float32)
    scores, embeddings = np.full(4, 0.8, np.float32), np.ones((4, 1), np.float32)
    seen = Detections(boxes, scores, embeddings, image_size=(400, 200))
    half = 0.8 * np.sqrt(0.5)
    np.testing.assert_allclose(Views.of(seen, 10.0, 0.2).qualities, [0.8, half, half, 0.8], rtol=1e-6)
    higher = replace(seen, image_size=(400, 210))
    np.testing.assert_allclose(Views.of(higher, 10.0, 0.2).qualities, [0.8, half, 0.8, 0.8], rtol=1e-6)
    unknown = replace(seen, image_size=None)
    np.testing.assert_allclose(Views.of(unknown, 10.0, 0.2).qualities, [0.8] * 4, rtol=1e-6)
    assert Views.of(seen.take(np.array([1])), 10.0, 0.2).qualities == pytest.approx([half])


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
