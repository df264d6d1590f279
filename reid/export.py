"""A trained network as a file for an inference engine, and how far the file may be trusted.

OpenVINO's bf16 is no file of its own: a float32 IR computes in bf16 where it is loaded with that precision.
"""

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import openvino
import torch

from reid import weights
from reid.errors import ReidError
from reid.metadata import input_spec_of
from reid.osnet import OSNet
from reid.preprocess import FloatArray, Image, InputSpec, to_batch

FEWEST_CALIBRATION_CROPS = 16


@dataclass(frozen=True, slots=True)
class Parity:
    """How features (n, d) of an exported file differ from the network's own: the largest absolute difference of
    unit vectors, and the smallest and the mean cosine of a crop's two vectors.
    """

    largest_difference: float
    smallest_cosine: float
    mean_cosine: float


def parity(ours: FloatArray, exported: FloatArray) -> Parity:
    """Both (n, d) with unit rows, n >= 1, of the same crops. Raises ValueError for other shapes."""
    if ours.shape != exported.shape or len(ours) == 0:
        raise ValueError(f"features must have one shape with at least one row, got {ours.shape}, {exported.shape}")
    cosines = np.einsum("nd,nd->n", ours, exported)
    return Parity(float(np.abs(ours - exported).max()), float(cosines.min()), float(cosines.mean()))


def to_openvino(weights_path: Path, out_xml: Path, variant: str | None = None) -> InputSpec:
    """Convert OSNet weights (.pth or .safetensors) to an OpenVINO IR with a dynamic batch: (n, 3, h, w) -> (n, 512).

    variant: a name in reid.variants.VARIANTS; None recognises it by the shapes of the tensors. Writes out_xml and its
    .bin and returns the input that the network expects. Raises ReidError for weights that cannot be read or do not fit.
    """
    spec = input_spec_of(weights_path)
    model = openvino_model(weights.load(weights_path, variant), spec)
    openvino.save_model(model, out_xml, compress_to_fp16=False)
    return spec


def openvino_model(network: OSNet, spec: InputSpec) -> openvino.Model:
    """The network as an OpenVINO model in memory, float32, input `images` (n, 3, h, w) with n dynamic."""
    batch = {0: torch.export.Dim.DYNAMIC}
    program = torch.export.export(network.eval(), (_example(spec),), dynamic_shapes=(batch,))
    model = openvino.convert_model(program)
    model.reshape([-1, 3, spec.height, spec.width])
    return model


def to_onnx(weights_path: Path, out_onnx: Path, variant: str | None = None) -> InputSpec:
    """Convert OSNet weights to ONNX with a dynamic batch: `images` (n, 3, h, w) -> `features` (n, 512).

    Arguments, result and errors as for to_openvino.
    """
    spec = input_spec_of(weights_path)
    network = weights.load(weights_path, variant)
    dynamic = {"images": {0: "n"}, "features": {0: "n"}}
    with warnings.catch_warnings():
        # torch's newer exporter needs another package; the graph that this one traces has no branches to lose.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network,
            (_example(spec),),
            str(out_onnx),
            dynamo=False,
            input_names=["images"],
            output_names=["features"],
            dynamic_axes=dynamic,
        )
    return spec


def to_openvino_int8(
    weights_path: Path, out_xml: Path, calibration: Sequence[Image], variant: str | None = None
) -> InputSpec:
    """Convert OSNet weights to an OpenVINO IR with 8-bit weights (per channel) and activations.

    calibration: crops (h, w, 3) BGR uint8 of people like those to come, whose activations set the ranges. Needs the
    package onnx. Raises ReidError for too few crops, and as to_openvino does.
    """
    if len(calibration) < FEWEST_CALIBRATION_CROPS:
        raise ReidError(f"int8 needs at least {FEWEST_CALIBRATION_CROPS} calibration crops, got {len(calibration)}")
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with TemporaryDirectory() as folder:
        plain, prepared, quantised = (Path(folder) / f"{name}.onnx" for name in ("plain", "prepared", "quantised"))
        spec = to_onnx(weights_path, plain, variant)
        quant_pre_process(plain, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            quantised,
            _CalibrationReader(calibration, spec),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            calibrate_method=CalibrationMethod.MinMax,
            op_types_to_quantize=["Conv"],
        )
        openvino.save_model(openvino.convert_model(quantised), out_xml, compress_to_fp16=False)
    return spec


def to_tflite(weights_path: Path, out_tflite: Path, variant: str | None = None) -> InputSpec:
    """Convert OSNet weights to TFLite, float32, for edge devices: (1, 3, h, w) -> (1, 512), one crop at a time.

    Needs the packages of requirements-tflite.txt, whose torch is another than the application's. Raises ReidError
    without them, and as to_openvino does.
    """
    try:
        import litert_torch
    except ImportError:
        raise ReidError(
            "TFLite needs an environment of its own: run `make tflite`, then this command with .venv-tflite/bin/python"
        ) from None
    spec = input_spec_of(weights_path)
    network = weights.load(weights_path, variant).eval()
    with redirect_stdout(sys.stderr):  # it prints its progress
        litert_torch.convert(network, (_example(spec)[:1],)).export(str(out_tflite))
    return spec


class _CalibrationReader:
    """Gives quantize_static one crop at a time."""

    def __init__(self, crops: Sequence[Image], spec: InputSpec) -> None:
        self._batches: Iterator[FloatArray] = (to_batch([crop], spec) for crop in crops)

    def get_next(self) -> dict[str, FloatArray] | None:
        batch = next(self._batches, None)
        return None if batch is None else {"images": batch}

    def __iter__(self) -> Iterator[dict[str, FloatArray]]:
        return ({"images": batch} for batch in self._batches)


def _example(spec: InputSpec) -> torch.Tensor:
    return torch.zeros(2, 3, spec.height, spec.width)
