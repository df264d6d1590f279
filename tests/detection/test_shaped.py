"""Networks fitted to the shape of the pictures: they must find the same people as the squares they were made from."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tests.detection.test_real_pictures import VIEW, frames
from tests.inference.networks import write_openvino
from tests.resources import MODELS, needs_data, needs_models
from tracker.core.types import Detections
from tracker.detection.opening import SHIPPED_DETECTOR, open_detector, open_detector_session
from tracker.detection.people_network import UnknownLayoutError, people_network
from tracker.detection.shaped import ShapedDetector, Size, fitting, upright_lying_or_square
from tracker.detection.suppression import iou_matrix
from tracker.detection.yolo import YOLODetector
from tracker.errors import OmnitrackError
from tracker.inference.registry import load_registry
from tracker.inference.spec import ModelKind
from tracker.video.frame import Image


class CountingDetector:
    """Finds one person, as high as the network is."""

    def __init__(self, size: Size) -> None:
        self.size = size

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        box = np.array([[0, 0, image.shape[1], self.size[0]] for image in images], np.float32)
        return [Detections(row[None], np.ones(1, np.float32)) for row in box]


def blank(height: int, width: int) -> Image:
    return np.zeros((height, width, 3), np.uint8)


@pytest.mark.parametrize(
    ("picture", "size"),
    [((576, 768), (480, 640)), ((1080, 1920), (384, 640)), ((1920, 1080), (640, 384)), ((10, 5000), (32, 640))],
)
def test_network_is_as_large_as_the_picture_in_it(picture: Size, size: Size) -> None:
    assert fitting((640, 640), picture) == size


@pytest.mark.parametrize(
    ("picture", "size"),
    [
        ((576, 768), (640, 640)),
        ((1080, 1920), (384, 640)),
        ((10, 5000), (384, 640)),
        ((256, 128), (640, 384)),
        ((500, 500), (640, 640)),
    ],
)
def test_photos_of_any_shape_need_three_networks(picture: Size, size: Size) -> None:
    assert upright_lying_or_square((640, 640), picture) == size
    assert upright_lying_or_square((416, 416), (256, 128)) == (416, 256)


def test_each_shape_has_one_network_and_answers_keep_their_order() -> None:
    opened: list[Size] = []

    def build(size: Size) -> CountingDetector:
        opened.append(size)
        return CountingDetector(size)

    detector = ShapedDetector(partial(fitting, (640, 640)), build)
    detector.expect((576, 768))
    assert opened == [(480, 640)]
    pictures = [blank(1080, 1920), blank(576, 768), blank(540, 960)]
    found = [people.boxes_xyxy[0, 2:].tolist() for people in detector.detect(pictures)]
    assert found == [[1920, 384], [768, 480], [960, 384]]
    assert opened == [(480, 640), (384, 640)]
    assert detector.detect([]) == []


@needs_data
@needs_models
@pytest.mark.parametrize("name", ["yolo11n-int8-640", "yolov8n-int8-320", "omnitrack-person"])
def test_fitted_networks_find_what_the_square_one_finds(name: str, tmp_path: Path) -> None:
    model = load_registry().resolve(ModelKind.DETECTOR, name, [MODELS], tmp_path, False, print)
    square = YOLODetector(open_detector_session(model, tmp_path, threads=1), model.spec, 0.4)
    shaped = open_detector(model, "cpu", tmp_path, 0.4, 0.6, fit=fitting)
    pictures = list(frames(3, 60).values())
    assert pictures, VIEW
    squares = [np.ascontiguousarray(picture[:576, :576]) for picture in pictures]
    for mine, theirs in zip(shaped.detect(squares), square.detect(squares), strict=True):
        np.testing.assert_allclose(mine.boxes_xyxy, theirs.boxes_xyxy, atol=0.5)
        np.testing.assert_allclose(mine.scores, theirs.scores, atol=1e-4)
    for mine, theirs in zip(shaped.detect(pictures), square.detect(pictures), strict=True):
        sure = theirs.boxes_xyxy[theirs.scores > 0.6]
        iou = iou_matrix(np.concatenate([sure, mine.boxes_xyxy]))[: len(sure), len(sure) :]
        assert len(sure)
        assert (iou.max(axis=1) > 0.8).all()


def test_second_start_reads_what_the_first_one_made(tmp_path: Path) -> None:
    model = load_registry().resolve(ModelKind.DETECTOR, "omnitrack-person", [], tmp_path, False, print)
    open_detector(model, "cpu", tmp_path, 0.1, 0.6, fit=fitting).detect([blank(480, 640)])
    (made,) = (tmp_path / "exported").glob("*-320x416-*.xml")
    written = made.stat().st_mtime_ns
    open_detector(model, "cpu", tmp_path, 0.1, 0.6, fit=fitting).detect([blank(480, 640)])
    assert made.stat().st_mtime_ns == written
    assert len(list((tmp_path / "exported").iterdir())) == 2


def test_other_networks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownLayoutError):
        people_network(write_openvino(tmp_path / "tiny.xml", 1), (4, 4), (32, 32))
    with pytest.raises(UnknownLayoutError):
        people_network(SHIPPED_DETECTOR, (640, 640), (480, 640))


@needs_data
def test_squares_stay_squares_unless_asked(tmp_path: Path) -> None:
    model = load_registry().resolve(ModelKind.DETECTOR, "omnitrack-person", [], tmp_path, False, print)
    square = YOLODetector(open_detector_session(model, tmp_path, threads=1), model.spec, 0.4)
    pictures = list(frames(2, 60).values())
    asked = open_detector(model, "cpu", tmp_path, 0.4, 0.6)
    for mine, theirs in zip(asked.detect(pictures), square.detect(pictures), strict=True):
        np.testing.assert_allclose(mine.boxes_xyxy, theirs.boxes_xyxy, atol=0.5)
        np.testing.assert_allclose(mine.scores, theirs.scores, atol=1e-4)


@pytest.mark.parametrize("weights", [None, b"x"])
def test_a_damaged_network_is_told_before_there_is_a_picture(weights: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "damaged.xml"
    path.write_text("<net")
    if weights is not None:
        path.with_suffix(".bin").write_bytes(weights)
    shipped = load_registry().resolve(ModelKind.DETECTOR, "omnitrack-person", [], tmp_path, False, print)
    with pytest.raises(OmnitrackError, match=r"damaged\.xml"):
        open_detector(replace(shipped, path=path), "cpu", tmp_path, 0.1, 0.6)
