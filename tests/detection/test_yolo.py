"""The detector around a scripted network, whose output says where people are in the network's own pixels."""

from collections.abc import Sequence

import numpy as np
import pytest

from tracker.core.types import FloatArray
from tracker.detection.yolo import YOLODetector
from tracker.errors import OmnitrackError
from tracker.inference.session import Batch
from tracker.inference.spec import ModelFile, ModelFormat, ModelInput, ModelKind, ModelSpec

SPEC = ModelSpec(
    name="scripted",
    kind=ModelKind.DETECTOR,
    format=ModelFormat.ONNX,
    licence="MIT",
    variant="scripted",
    input=ModelInput(height=64, width=96),
    files=(ModelFile(path="scripted.onnx"),),
)
YOLOX = SPEC.model_copy(update={"input": ModelInput(height=64, width=96, colour="bgr", scale=1.0)})


class ScriptedSession:
    """Answers every picture with the next of its outputs, and remembers its inputs."""

    input_shape = (1, 3, 64, 96)

    def __init__(self, outputs: Sequence[FloatArray]) -> None:
        self.outputs = np.stack(list(outputs))
        self.batch = np.zeros((0, 64, 96, 3), np.uint8)

    def infer(self, batch: Batch) -> FloatArray:
        self.batch = batch.astype(np.uint8)
        return self.outputs[np.arange(len(batch)) % len(self.outputs)]


def ultralytics(*people: tuple[float, float, float, float, float], other_class: float = 0.0) -> FloatArray:
    """Output (6, 20) of a network with two classes; people: centre x, centre y, width, height, score."""
    output = np.zeros((6, 20), np.float32)
    for column, person in enumerate(people):
        output[:5, column] = person
        output[5, column] = other_class
    return output


def picture(
    height: int, width: int, colour: tuple[int, int, int] = (10, 20, 30)
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.full((height, width, 3), colour, np.uint8)


def test_people_of_each_picture_in_its_own_pixels() -> None:
    session = ScriptedSession(
        [ultralytics((24, 32, 8, 16, 0.9)), ultralytics((10, 20, 4, 8, 0.8), (50, 20, 4, 8, 0.7))]
    )
    large, small = YOLODetector(session, SPEC).detect([picture(128, 192), picture(64, 96)])
    np.testing.assert_allclose(large.boxes_xyxy, [[40, 48, 56, 80]])
    np.testing.assert_allclose(large.scores, [0.9])
    np.testing.assert_allclose(small.boxes_xyxy, [[8, 16, 12, 24], [48, 16, 52, 24]])
    assert large.embeddings is None


def test_session_is_given_pictures() -> None:
    session = ScriptedSession([ultralytics()])
    YOLODetector(session, SPEC).detect([picture(64, 96)])
    assert session.batch.shape == (1, 64, 96, 3)
    assert session.batch[0, 0, 0].tolist() == [10, 20, 30]


def test_yolox_grid_is_decoded() -> None:
    # 96 + 24 + 6 anchors of strides 8, 16, 32; anchor 97 is the cell x=1, y=0 of stride 16
    output = np.zeros((126, 7), np.float32)
    output[97] = [0.5, 0.25, np.log(0.5), np.log(1.5), 0.8, 0.5, 1.0]
    session = ScriptedSession([output])
    (found,) = YOLODetector(session, YOLOX).detect([picture(64, 96)])
    np.testing.assert_allclose(found.boxes_xyxy, [[20, 0, 28, 16]], atol=1e-5)
    np.testing.assert_allclose(found.scores, [0.4])


def test_a_head_that_contradicts_the_stated_input_is_refused() -> None:
    with pytest.raises(OmnitrackError, match=r"model scripted: .* expects bgr times 1; describe its input"):
        YOLODetector(ScriptedSession([np.zeros((126, 7), np.float32)]), SPEC)


def test_head_with_built_in_suppression() -> None:
    output = np.array([[8, 8, 20, 40, 0.9, 0], [8, 8, 20, 40, 0.9, 2], [30, 8, 40, 40, 0.05, 0]], np.float32)
    (found,) = YOLODetector(ScriptedSession([output]), SPEC).detect([picture(64, 96)])
    np.testing.assert_allclose(found.boxes_xyxy, [[8, 8, 20, 40]])


def test_unsure_overlapping_and_invisible_boxes_go() -> None:
    output = ultralytics(
        (24, 32, 8, 16, 0.9), (25, 32, 8, 16, 0.8), (60, 32, 8, 16, 0.09), (60, 32, 8, 16, 0.11), (120, 32, 8, 16, 0.9)
    )
    (found,) = YOLODetector(ScriptedSession([output]), SPEC).detect([picture(64, 96)])
    np.testing.assert_allclose(found.scores, [0.9, 0.11])
    (strict,) = YOLODetector(ScriptedSession([output]), SPEC, confidence=0.85, nms_iou=0.95).detect([picture(64, 96)])
    np.testing.assert_allclose(strict.scores, [0.9])


def test_other_classes_are_no_people() -> None:
    output = ultralytics((24, 32, 8, 16, 0.02), other_class=0.95)
    (found,) = YOLODetector(ScriptedSession([output]), SPEC).detect([picture(64, 96)])
    assert len(found) == 0
    assert found.boxes_xyxy.shape == (0, 4)


def test_no_pictures() -> None:
    assert YOLODetector(ScriptedSession([ultralytics()]), SPEC).detect([]) == []


def test_free_input_size_comes_from_the_registry() -> None:
    session = ScriptedSession([ultralytics()])
    session.input_shape = (None, 3, None, None)  # type: ignore[assignment]
    YOLODetector(session, SPEC).detect([picture(10, 10), picture(20, 20)])
    assert session.batch.shape == (2, 64, 96, 3)


def test_network_that_is_no_detector_is_named() -> None:
    with pytest.raises(OmnitrackError, match=r"model scripted: no known detector yields an output of shape \(512,\)"):
        YOLODetector(ScriptedSession([np.zeros(512, np.float32)]), SPEC)
