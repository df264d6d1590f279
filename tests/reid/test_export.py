from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path

import numpy as np
import onnxruntime
import openvino
import pytest
import torch

from reid import weights
from reid.embedder import normalise_rows
from reid.errors import ReidError
from reid.export import parity, to_onnx, to_openvino, to_openvino_int8
from reid.extractor import FeatureExtractor, OpenVinoSession
from reid.osnet import OSNet, build
from reid.preprocess import FloatArray, Image, InputSpec

SPEC = InputSpec(64, 32)


@pytest.fixture
def network() -> OSNet:
    network = build("osnet_x0_25")
    network(torch.randn(16, 3, 64, 32))  # gives the batch norms statistics of their own
    return network.eval()


@pytest.fixture
def weights_path(network: OSNet, tmp_path: Path) -> Path:
    weights.save(network, tmp_path / "w.safetensors", SPEC.to_metadata())
    return tmp_path / "w.safetensors"


def crops(count: int) -> list[Image]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (40, 20, 3), np.uint8) for _ in range(count)]


def run_openvino(path: Path) -> Callable[[FloatArray], FloatArray]:
    options = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(path, "CPU", options)
    assert compiled.input(0).partial_shape.to_string() == "[?,3,64,32]"
    return lambda images: compiled(images)[0]


def run_onnx(path: Path) -> Callable[[FloatArray], FloatArray]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda images: session.run(["features"], {"images": images})[0]


@pytest.mark.parametrize(
    ("convert", "suffix", "run"), [(to_openvino, ".xml", run_openvino), (to_onnx, ".onnx", run_onnx)]
)
def test_exports_equal_torch_for_any_batch(
    convert: Callable[[Path, Path], InputSpec],
    suffix: str,
    run: Callable[[Path], Callable[[FloatArray], FloatArray]],
    network: OSNet,
    weights_path: Path,
) -> None:
    out = weights_path.with_suffix(suffix)
    assert convert(weights_path, out) == SPEC
    exported = run(out)
    for size in (1, 3):
        images = torch.randn(size, 3, 64, 32)
        with torch.no_grad():
            expected = network(images).numpy()
        np.testing.assert_allclose(exported(images.numpy()), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_int8_stays_near_and_is_smaller(weights_path: Path, tmp_path: Path) -> None:
    pictures = crops(24)
    to_openvino(weights_path, tmp_path / "f32.xml")
    assert to_openvino_int8(weights_path, tmp_path / "int8.xml", pictures[:16]) == SPEC
    session = OpenVinoSession(tmp_path / "int8.xml")
    ours = FeatureExtractor.open(weights_path)(pictures[16:])
    report = parity(ours, FeatureExtractor(session, SPEC, "int8")(pictures[16:]))
    assert 0.9 < report.mean_cosine < 0.99999  # near, but not the float network under another name
    assert (tmp_path / "int8.bin").stat().st_size < 0.75 * (tmp_path / "f32.bin").stat().st_size


def test_int8_needs_crops_to_calibrate(weights_path: Path, tmp_path: Path) -> None:
    with pytest.raises(ReidError, match="at least 16 calibration crops, got 3"):
        to_openvino_int8(weights_path, tmp_path / "w.xml", crops(3))


def test_parity_of_vectors_with_a_known_angle() -> None:
    ours = np.array([[1, 0], [0, 1]], np.float32)
    theirs = normalise_rows(np.array([[1, 0], [3, 4]], np.float32))
    report = parity(ours, theirs)
    assert astuple(report) == pytest.approx((0.6, 0.8, 0.9))
    with pytest.raises(ValueError, match=r"\(0, 2\)"):
        parity(ours[:0], theirs[:0])
    with pytest.raises(ValueError, match=r"\(1, 2\)"):
        parity(ours[:1], theirs)
