"""Views of training crops and what a teacher says about them."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from reid import weights
from reid.augment import Augmentation
from reid.config import TeacherConfig
from reid.datasets import Sample
from reid.errors import ReidError
from reid.extractor import FeatureExtractor
from reid.osnet import build
from reid.preprocess import OSNET_INPUT, read_picture
from reid.views import CROPS_AT_A_TIME, TaughtViews

SPEC = OSNET_INPUT
Make = Callable[..., TaughtViews]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Views of more crops than are described at a time; the teacher's input is the views' own size."""
    torch.manual_seed(3)
    teacher = tmp_path / "teacher.safetensors"
    weights.save(build("osnet_x0_25"), teacher, SPEC.to_metadata())
    rng = np.random.default_rng(0)
    samples = []
    for person in range(CROPS_AT_A_TIME + 3):
        path = tmp_path / f"{person}.png"
        cv2.imwrite(str(path), rng.integers(0, 256, (40, 20, 3), np.uint8))
        samples.append(Sample(path, person, 0))

    def views(folder: str, first: int = 0, augmentation: Augmentation = Augmentation(1.25, colour=0.5)) -> TaughtViews:  # noqa: B008
        teachers = [TeacherConfig.model_validate({"path": teacher})]
        return TaughtViews(tmp_path / folder, samples[first:], teachers, SPEC, augmentation, 3, 7)

    return views


def everything(views: TaughtViews, count: int) -> tuple[np.ndarray, np.ndarray]:
    pictures = [[views.picture(index, view) for view in range(views.count)] for index in range(count)]
    return np.array(pictures), np.stack([views.features(np.arange(count), view) for view in range(views.count)])


def test_views_differ_and_depend_on_the_seed_alone(make: Make) -> None:
    count = CROPS_AT_A_TIME + 3
    told: list[int] = []
    at_once, bit_by_bit = make("a"), make("b")
    at_once.prepare(range(count), told.append)
    assert sum(told) == count
    for index in reversed(range(count)):
        bit_by_bit = make("b")  # a later process finds what the earlier ones made
        bit_by_bit.prepare([index])
    bit_by_bit.prepare(range(count), lambda crops: pytest.fail("nothing was missing"))
    (pictures, features), (others, their_features) = everything(at_once, count), everything(bit_by_bit, count)
    np.testing.assert_array_equal(pictures, others)
    np.testing.assert_allclose(features, their_features, atol=2e-3)
    assert (pictures[:, 0] != pictures[:, 1]).mean() > 0.5


def test_the_teacher_describes_the_very_view(make: Make, tmp_path: Path) -> None:
    views = make("plain", augmentation=Augmentation(1.0, mirror=0, colour=1.0))
    views.prepare([4])
    described = FeatureExtractor.open(tmp_path / "teacher.safetensors", SPEC)
    whole = views.picture(4, 1)
    original = read_picture(tmp_path / "4.png")
    own = views.features(np.array([4]), 1)[0]
    # The teacher resizes a view as the student does, so that it can be asked again about the picture that was kept.
    assert own @ described([whole])[0] == pytest.approx(1, abs=1e-3)
    assert own @ described([original])[0] < own @ described([whole])[0] - 1e-4


def test_views_of_other_crops_are_refused(make: Make) -> None:
    make("c")
    with pytest.raises(ReidError, match="other crops"):
        make("c", first=1)
