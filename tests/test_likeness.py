from collections.abc import Sequence

import numpy as np
import pytest

from tracker.core.types import Detections, FloatArray
from tracker.likeness import Describer, NobodyError
from tracker.video.frame import Image


class FakeDetector:
    """Finds these people on every picture."""

    def __init__(self, *people: tuple[float, float, float, float, float]) -> None:
        rows = np.array(people, np.float32).reshape(-1, 5)
        self.found = Detections(rows[:, :4], rows[:, 4])

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        return [self.found for _ in images]


class FakeEmbedder:
    """Describes people by the colours in the middle of their box."""

    dimension = 8
    name = "osnet"

    def embed(self, images: Sequence[Image], boxes_xyxy: Sequence[FloatArray]) -> list[FloatArray]:
        return [self._described(*pair) for pair in zip(images, boxes_xyxy, strict=True)]

    def _described(self, image: Image, boxes_xyxy: FloatArray) -> FloatArray:
        middles = ((boxes_xyxy[:, :2] + boxes_xyxy[:, 2:]) / 2).astype(int)
        looks = np.zeros((len(middles), self.dimension), np.float32)
        looks[:, :3] = image[middles[:, 1], middles[:, 0]].astype(np.float32) + 1
        return np.asarray(looks / np.linalg.norm(looks, axis=1, keepdims=True), np.float32)


PHOTO = np.random.default_rng(0).integers(0, 255, (200, 300, 3), np.uint8)


def chosen(*people: tuple[float, float, float, float, float]) -> tuple[float, ...]:
    return tuple(Describer(FakeDetector(*people), FakeEmbedder()).describe(PHOTO).box_xyxy)


def test_the_largest_and_clearest_person_is_taken() -> None:
    near, far, doubtful = (0, 0, 80, 200, 0.8), (100, 0, 120, 50, 0.9), (0, 0, 300, 200, 0.2)
    assert chosen(far, near, doubtful) == (0, 0, 80, 200)
    assert chosen(far, doubtful) == (100, 0, 120, 50)


def test_their_look_is_described() -> None:
    likeness = Describer(FakeDetector((10, 20, 50, 120, 0.9)), FakeEmbedder()).describe(PHOTO)
    assert likeness.score == pytest.approx(0.9)
    colour = PHOTO[70, 30].astype(np.float32) + 1
    np.testing.assert_allclose(likeness.look[:3], colour / np.linalg.norm(colour), rtol=1e-5)


def test_without_anybody_a_portrait_is_taken_whole() -> None:
    describer = Describer(FakeDetector(), FakeEmbedder())
    cut_out = describer.describe(PHOTO[:, :100])
    assert (cut_out.box_xyxy.tolist(), cut_out.score) == ([0, 0, 100, 200], None)
    with pytest.raises(NobodyError, match="nobody is on the photo"):
        describer.describe(PHOTO)
