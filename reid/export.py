"""A trained network as a file for an inference engine."""

from pathlib import Path

import openvino
import torch

from reid import weights
from reid.metadata import input_spec_of
from reid.osnet import OSNet
from reid.preprocess import InputSpec


def to_openvino(weights_path: Path, out_xml: Path, variant: str | None = None) -> InputSpec:
    """Convert OSNet weights (.pth or .safetensors) to an OpenVINO IR with a dynamic batch: (n, 3, h, w) -> (n, 512).

    variant: a name in reid.osnet.VARIANTS; None recognises it by the shapes of the tensors. Writes out_xml and its
    .bin and returns the input that the network expects. Raises ReidError for weights that cannot be read or do not fit.
    """
    spec = input_spec_of(weights_path)
    model = openvino_model(weights.load(weights_path, variant), spec)
    openvino.save_model(model, out_xml, compress_to_fp16=False)
    return spec


def openvino_model(network: OSNet, spec: InputSpec) -> openvino.Model:
    """The network as an OpenVINO model in memory, float32, input `images` (n, 3, h, w) with n dynamic."""
    example = torch.zeros(2, 3, spec.height, spec.width)
    batch = {0: torch.export.Dim.DYNAMIC}
    program = torch.export.export(network.eval(), (example,), dynamic_shapes=(batch,))
    model = openvino.convert_model(program)
    model.reshape([-1, 3, spec.height, spec.width])
    return model
