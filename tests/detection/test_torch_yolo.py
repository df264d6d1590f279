"""Letterbox, decoding and suppression by torch, on the CPU, against those of numpy and OpenCV."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
import torch

from tests.detection.test_yolo import SPEC, ScriptedSession, picture, ultralytics
from tracker.core.types import FloatArray
from tracker.detection.torch_yolo import TorchYOLODetector, resized
from tracker.detection.yolo import YOLODetector
from tracker.errors import OmnitrackError
from tracker.inference.torch_session import TorchSession


class Scripted(torch.nn.Module):
    """Answers every picture with the next of its outputs, and remembers its inputs."""

    def __init__(self, outputs: Sequence[FloatArray]) -> None:
        super().__init__()
        self.outputs = torch.from_numpy(np.stack(list(outputs)))
        self.batch = torch.zeros(0)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        self.batch = batch
        return self.outputs[torch.arange(len(batch)) % len(self.outputs)]


def session_of(module: Scripted) -> TorchSession:
    return TorchSession(module, "cpu", (None, 3, 64, 96), pixels=SPEC.input)


@pytest.mark.parametrize("size", [(48, 96), (64, 40), (200, 300), (64, 96), (33, 51), (1, 1)])
@pytest.mark.parametrize("given", [(97, 131), (64, 96), (400, 210), (2, 3)])
def test_resizing_is_opencv_s_but_for_rounding(given: tuple[int, int], size: tuple[int, int]) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (2, *given, 3), np.uint8)
    mine = resized(torch.from_numpy(pictures), size).numpy()
    for ours, original in zip(mine, pictures, strict=True):
        expected = cv2.resize(original, size[::-1], interpolation=cv2.INTER_LINEAR)
        assert np.abs(ours.astype(int) - expected).max() <= 1


def crowd(rng: np.random.Generator, anchors: int = 200) -> FloatArray:
    """Output of a picture full of overlapping boxes of two classes."""
    output = np.zeros((6, anchors), np.float32)
    output[0], output[1] = rng.uniform(0, 96, anchors), rng.uniform(0, 64, anchors)
    output[2:4] = rng.uniform(2, 40, (2, anchors))
    output[4:6] = rng.uniform(0, 1, (2, anchors))
    return output


def test_people_are_those_of_the_detector_for_the_cpu() -> None:
    outputs = [crowd(np.random.default_rng(seed)) for seed in range(5)]
    images = [picture(128, 192), picture(64, 96), picture(300, 100), picture(64, 96), picture(128, 192)]
    expected = YOLODetector(ScriptedSession(outputs), SPEC, 0.3, 0.5).detect(images)
    found = TorchYOLODetector(session_of(Scripted(outputs)), SPEC, 0.3, 0.5).detect(images)
    for mine, theirs in zip(found, expected, strict=True):
        assert len(mine) > 20
        np.testing.assert_allclose(mine.boxes_xyxy, theirs.boxes_xyxy, atol=1e-3)
        np.testing.assert_array_equal(mine.scores, theirs.scores)


def test_too_little_memory_around_the_network_halves_the_pictures_for_good_and_is_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A fake of a device that can resize two pictures at once."""
    tried: list[int] = []

    def small(pictures: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        tried.append(len(pictures))
        if len(pictures) > 2:
            raise torch.OutOfMemoryError("fake: out of memory")
        return resized(pictures, size)

    monkeypatch.setattr("tracker.detection.torch_yolo.resized", small)
    images = [picture(64, 96)] * 5
    detector = TorchYOLODetector(session_of(Scripted([crowd(np.random.default_rng(0))])), SPEC, 0.3, 0.5)
    for _ in range(2):
        found = detector.detect(images)
        assert len(found) == 5
        assert all(np.array_equal(people.boxes_xyxy, found[0].boxes_xyxy) for people in found)
    assert tried == [5, 4, 2, 2, 1, 2, 2, 1]
    assert caplog.messages == ["cpu: not enough memory for 5 pictures at once, going on with fewer"]


def test_a_device_too_small_for_one_picture_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(pictures: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        raise torch.OutOfMemoryError("fake: out of memory")

    monkeypatch.setattr("tracker.detection.torch_yolo.resized", none)
    detector = TorchYOLODetector(session_of(Scripted([crowd(np.random.default_rng(0))])), SPEC)
    with pytest.raises(torch.OutOfMemoryError):
        detector.detect([picture(64, 96)] * 3)


def test_the_network_sees_what_the_one_for_the_cpu_sees() -> None:
    rng = np.random.default_rng(3)
    images = [rng.integers(0, 256, (*size, 3), np.uint8) for size in ((100, 120), (64, 96), (100, 120), (20, 70))]
    reference = ScriptedSession([ultralytics()])
    YOLODetector(reference, SPEC).detect(images)
    module = Scripted([ultralytics()])
    TorchYOLODetector(session_of(module), SPEC).detect(images)
    shown = module.batch.numpy().transpose(0, 2, 3, 1)[..., ::-1] * 255
    np.testing.assert_allclose(shown, reference.batch, atol=1.01)


def test_a_network_with_suppression_built_in() -> None:
    output = np.zeros((8, 6), np.float32)
    output[0] = 8, 16, 24, 48, 0.9, 0
    output[1] = 40, 16, 60, 48, 0.8, 2
    (found,) = TorchYOLODetector(session_of(Scripted([output])), SPEC).detect([picture(128, 192)])
    np.testing.assert_allclose(found.boxes_xyxy, [[16, 32, 48, 96]])
    np.testing.assert_allclose(found.scores, [0.9])


def test_no_pictures_and_nobody_there() -> None:
    detector = TorchYOLODetector(session_of(Scripted([ultralytics()])), SPEC)
    assert detector.detect([]) == []
    (found,) = detector.detect([picture(64, 96)])
    assert found.boxes_xyxy.shape == (0, 4)


def test_what_is_no_detector_is_refused() -> None:
    with pytest.raises(OmnitrackError, match="model scripted: no known detector"):
        TorchYOLODetector(session_of(Scripted([np.zeros((3, 3), np.float32)])), SPEC)
