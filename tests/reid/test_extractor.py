from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from reid import weights
from reid.errors import ReidError
from reid.export import to_openvino
from reid.extractor import FeatureExtractor, as_picture, open_session
from reid.osnet import build
from reid.preprocess import Image, InputSpec


@pytest.fixture
def crops() -> list[Image]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (60 + 7 * i, 30, 3)).astype(np.uint8) for i in range(5)]


@pytest.fixture
def weights_path(tmp_path: Path) -> Path:
    weights.save(build("osnet_x0_25"), tmp_path / "net.safetensors", InputSpec(64, 32).to_metadata())
    return tmp_path / "net.safetensors"


def test_paths_arrays_and_tensors_give_the_same_unit_vectors(
    weights_path: Path, crops: list[Image], tmp_path: Path
) -> None:
    extractor = FeatureExtractor.open(weights_path)
    from_arrays = extractor(crops)
    assert from_arrays.shape == (5, extractor.dimension) == (5, 512)
    np.testing.assert_allclose(np.linalg.norm(from_arrays, axis=1), 1, atol=1e-5)
    paths = [tmp_path / f"{place}.png" for place in range(5)]
    for path, picture in zip(paths, crops, strict=True):
        cv2.imwrite(str(path), picture)
    tensors = [torch.from_numpy(picture[..., ::-1].transpose(2, 0, 1).copy()) for picture in crops]
    np.testing.assert_array_equal(extractor(paths), from_arrays)
    np.testing.assert_array_equal(extractor(tensors), from_arrays)
    np.testing.assert_array_equal(extractor([paths[0], crops[1], tensors[2]]), extractor(crops[:3]))


def test_the_size_of_batches_does_not_matter(weights_path: Path, crops: list[Image]) -> None:
    extractor = FeatureExtractor.open(weights_path)
    whole = extractor(crops)
    extractor.batch_size = 2
    np.testing.assert_allclose(extractor(crops), whole, atol=1e-5)


def test_an_exported_file_gives_the_same(weights_path: Path, crops: list[Image], tmp_path: Path) -> None:
    spec = to_openvino(weights_path, tmp_path / "net.xml")
    exported = FeatureExtractor.open(tmp_path / "net.xml", spec)
    np.testing.assert_allclose(exported(crops), FeatureExtractor.open(weights_path)(crops), atol=1e-4)


def test_nothing_in_nothing_out(weights_path: Path) -> None:
    assert FeatureExtractor.open(weights_path)([]).shape == (0, 512)


def test_wrong_files(tmp_path: Path) -> None:
    with pytest.raises(ReidError, match="no such file"):
        open_session(tmp_path / "none.xml")
    (tmp_path / "net.h5").touch()
    with pytest.raises(ReidError, match=r"\.safetensors"):
        open_session(tmp_path / "net.h5")
    (tmp_path / "net.tflite").touch()
    with pytest.raises(ReidError, match=r"net\.tflite: needs the package ai-edge-litert"):
        open_session(tmp_path / "net.tflite")
    (tmp_path / "broken.onnx").write_bytes(b"nothing")
    with pytest.raises(ReidError, match=r"broken\.onnx"):
        open_session(tmp_path / "broken.onnx")
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(ReidError, match=r"text\.jpg"):
        as_picture(tmp_path / "text.jpg")


@pytest.mark.parametrize("wrong", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)])
def test_wrong_arrays(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8 with 3 channels"):
        as_picture(wrong)
