"""A small network with random weights, built by ultralytics from its description, through all ways of running it."""

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tracker.core.types import FloatArray
from tracker.detection import opening
from tracker.detection.torch_yolo import TorchYOLODetector
from tracker.detection.ultralytics_weights import exported, torch_module
from tracker.detection.yolo import YOLODetector
from tracker.errors import OmnitrackError
from tracker.inference.registry import ResolvedModel, describe
from tracker.inference.session import open_session
from tracker.inference.spec import ModelInput, ModelKind
from tracker.inference.torch_session import TorchSession

WIDTH, HEIGHT = 128, 96
BUILD = """
import sys, torch
from ultralytics.models.yolo.model import YOLO
torch.manual_seed(0)
torch.set_num_threads(1)
YOLO("yolo11n.yaml").save(sys.argv[1])
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> ResolvedModel:
    path = tmp_path_factory.mktemp("weights") / "random.pt"
    quiet = os.environ | {"YOLO_CONFIG_DIR": str(cache), "YOLO_OFFLINE": "true", "YOLO_VERBOSE": "false"}
    subprocess.run([sys.executable, "-c", BUILD, str(path)], check=True, capture_output=True, env=quiet)
    path.parent.chmod(0o500)  # where weights lie need not be writable
    size = ModelInput(height=HEIGHT, width=WIDTH)
    return ResolvedModel(describe(ModelKind.DETECTOR, path).model_copy(update={"input": size}), path)


def pictures() -> FloatArray:
    return np.random.default_rng(0).random((2, 3, HEIGHT, WIDTH), np.float32)


def test_export_computes_what_the_weights_do(
    model: ResolvedModel, cache: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert model.path is not None
    network = exported(model.path, model.spec, cache)
    reference = TorchSession(torch_module(model.path, cache), "cpu", (None, 3, HEIGHT, WIDTH))
    expected = reference.infer(pictures())
    assert expected.shape == (2, 84, WIDTH * HEIGHT * (1 / 64 + 1 / 256 + 1 / 1024))
    # halved weights: boxes agree within a tenth of a pixel, scores within a thousandth
    result = open_session(network, precision="f32").infer(pictures())
    np.testing.assert_allclose(result[:, :4], expected[:, :4], atol=0.1)
    np.testing.assert_allclose(result[:, 4:], expected[:, 4:], atol=1e-3)
    assert "".join(capfd.readouterr()) == ""


def test_export_happens_once_and_then_needs_no_torch(model: ResolvedModel, cache: Path) -> None:
    assert model.path is not None
    network = exported(model.path, model.spec, cache)
    made_at = network.stat().st_mtime_ns
    program = (
        "import sys\nfrom pathlib import Path\nfrom tracker.detection.opening import open_detector_session\n"
        "from tracker.inference.registry import ResolvedModel\nfrom tracker.inference.spec import ModelSpec\n"
        f"spec = ModelSpec.model_validate_json({model.spec.model_dump_json()!r})\n"
        f"model = ResolvedModel(spec, Path({str(model.path)!r}))\n"
        f"session = open_detector_session(model, Path({str(cache)!r}))\n"
        "print(session.input_shape, sorted({'torch', 'ultralytics'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == f"(1, 3, {HEIGHT}, {WIDTH}) []"
    assert network.stat().st_mtime_ns == made_at


def test_on_cuda_weights_run_as_they_are(model: ResolvedModel, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session on the CPU stands in for one on a GPU."""

    def stand_in(module: torch.nn.Module, device: str, *rest: Any, **options: Any) -> TorchSession:
        assert device == "cuda:1"
        return TorchSession(module, "cpu", *rest, **options)

    assert model.path is not None
    monkeypatch.setattr(opening, "TorchSession", stand_in)
    detector = opening.open_detector(model, "cuda:1", cache, 0.0, 1.0)
    images = [np.random.default_rng(n).integers(0, 256, (60, 128, 3), np.uint8) for n in range(2)]
    session = TorchSession(torch_module(model.path, cache), "cpu", (None, 3, HEIGHT, WIDTH), pixels=model.spec.input)
    expected = YOLODetector(session, model.spec, 0.0, 1.0).detect(images)
    assert type(detector) is TorchYOLODetector
    for mine, theirs in zip(detector.detect(images), expected, strict=True):
        assert len(mine) == len(theirs) > 100
        np.testing.assert_allclose(np.sort(mine.scores), np.sort(theirs.scores), atol=1e-4)


def test_other_size_is_another_export(model: ResolvedModel, cache: Path) -> None:
    assert model.path is not None
    smaller = model.spec.model_copy(update={"input": ModelInput(height=64, width=64)})
    first, second = exported(model.path, model.spec, cache), exported(model.path, smaller, cache)
    assert first != second
    assert open_session(second).input_shape == (1, 3, 64, 64)
    assert [entry.name for entry in (cache / "exported").iterdir() if entry.name.startswith("tmp")] == []


class Malice:
    """Runs code when it is unpickled, as any pickle may."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.witness,)


@pytest.mark.parametrize("content", [b"", b"this is no network"])
def test_weights_that_cannot_be_read_are_named(content: bytes, cache: Path, tmp_path: Path) -> None:
    path = tmp_path / "damaged.pt"
    path.write_bytes(content)
    with pytest.raises(OmnitrackError, match=r"damaged\.pt: is not a weight file"):
        exported(path, describe(ModelKind.DETECTOR, path), cache)


def test_code_in_weights_does_not_run(cache: Path, tmp_path: Path) -> None:
    witness, path = tmp_path / "witness", tmp_path / "malicious.pt"
    torch.save({"model": Malice(witness)}, path, pickle_module=pickle)
    with pytest.raises(OmnitrackError, match=r"malicious\.pt"):
        exported(path, describe(ModelKind.DETECTOR, path), cache)
    assert not witness.exists()
