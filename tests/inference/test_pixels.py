"""Sessions that are given pictures see what the numpy reference says."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.inference.networks import write_onnx, write_openvino
from tracker.inference.onnxruntime_session import ONNXRuntimeSession
from tracker.inference.openvino_session import OpenVINOSession
from tracker.inference.pixels import Pictures, to_planar
from tracker.inference.session import Session
from tracker.inference.spec import ModelInput
from tracker.inference.torch_session import TorchSession

IMAGENET = ModelInput(height=4, width=4, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
RAW = ModelInput(height=4, width=4, colour="bgr", scale=1.0)


class DoubledSums(torch.nn.Module):
    """What the networks in files compute."""

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return 2 * batch.sum(dim=(2, 3))


def openvino_fixed(folder: Path, pixels: ModelInput) -> Session:
    return OpenVINOSession(write_openvino(folder / "tiny.xml", 1), precision="f32", pixels=pixels)


def openvino_free(folder: Path, pixels: ModelInput) -> Session:
    return OpenVINOSession(write_onnx(folder / "tiny.onnx", None), precision="f32", pixels=pixels)


def onnxruntime(folder: Path, pixels: ModelInput) -> Session:
    return ONNXRuntimeSession(write_onnx(folder / "tiny.onnx", None), pixels=pixels)


def on_torch(folder: Path, pixels: ModelInput) -> Session:
    return TorchSession(DoubledSums(), "cpu", (None, 3, 4, 4), pixels=pixels)


def pictures(count: int) -> Pictures:
    return np.random.default_rng(count).integers(0, 256, (count, 4, 4, 3), np.uint8)


@pytest.mark.parametrize("opener", [openvino_fixed, openvino_free, onnxruntime, on_torch])
@pytest.mark.parametrize("pixels", [IMAGENET, RAW])
@pytest.mark.parametrize("count", [0, 1, 6])
def test_every_engine_prepares_pictures_alike(
    opener: Callable[[Path, ModelInput], Session], pixels: ModelInput, count: int, tmp_path: Path
) -> None:
    expected = 2 * to_planar(pictures(count), pixels).sum(axis=(2, 3))
    result = opener(tmp_path, pixels).infer(pictures(count))
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-4)


def test_reference_is_scaled_centred_and_in_the_order_of_colour() -> None:
    picture = np.tile(np.array([10, 20, 30], np.uint8), (1, 2, 5, 1))
    np.testing.assert_array_equal(to_planar(picture, RAW)[0, :, 1, 4], [10, 20, 30])
    expected = (np.array([30, 20, 10]) / 255 - IMAGENET.mean) / IMAGENET.std
    planar = to_planar(picture, IMAGENET)
    assert planar.shape == (1, 3, 2, 5)
    assert planar.dtype == np.float32
    np.testing.assert_allclose(planar[0, :, 0, 0], expected, rtol=1e-5)
