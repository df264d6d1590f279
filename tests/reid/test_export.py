from pathlib import Path

import numpy as np
import openvino
import torch

from reid import weights
from reid.export import to_openvino
from reid.osnet import build
from reid.preprocess import InputSpec


def test_openvino_equals_torch_for_any_batch(tmp_path: Path) -> None:
    network = build("osnet_x0_25").eval()
    spec = InputSpec(64, 32)
    weights.save(network, tmp_path / "w.safetensors", spec.to_metadata())
    assert to_openvino(tmp_path / "w.safetensors", tmp_path / "w.xml") == spec
    compiled = openvino.Core().compile_model(
        tmp_path / "w.xml", "CPU", {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    )
    assert compiled.input(0).partial_shape.to_string() == "[?,3,64,32]"
    for size in (1, 3):
        images = torch.randn(size, 3, 64, 32)
        with torch.no_grad():
            expected = network(images).numpy()
        np.testing.assert_allclose(compiled(images.numpy())[0], expected, rtol=1e-3, atol=1e-4)
