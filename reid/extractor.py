"""Any appearance network on crops: weights of ours through torch, IR and ONNX files through OpenVINO, TFLite."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from reid.embedder import CropEmbedder, InferenceSession, Normalising
from reid.errors import ReidError
from reid.metadata import input_spec_of
from reid.preprocess import FloatArray, Image, InputSpec, read_picture

if TYPE_CHECKING:
    from torch import Tensor

Precision = Literal["f32", "bf16", "f16"]


class OpenVinoSession:
    """An IR (.xml) or ONNX file on the CPU: (n, 3, h, w) -> (n, d), any n."""

    def __init__(self, path: Path, threads: int = 1, precision: Precision = "f32") -> None:
        import openvino

        core = openvino.Core()
        try:
            model = core.read_model(path)
            _, channels, height, width = model.input(0).partial_shape
            model.reshape([-1, channels, height, width])
            options = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": precision}
            self._compiled = core.compile_model(model, "CPU", options)
        except RuntimeError as error:
            raise ReidError(f"{path}: OpenVINO cannot load it ({str(error).splitlines()[0]})") from error
        self._request = self._compiled.create_infer_request()

    def infer(self, batch: FloatArray) -> FloatArray:
        output: FloatArray = self._request.infer([batch])[self._compiled.output(0)]
        return output.reshape(len(batch), -1).copy()


class TorchSession:
    """OSNet weights through torch: (n, 3, h, w) -> (n, d)."""

    def __init__(self, path: Path, variant: str | None = None, device: str = "cpu") -> None:
        from reid import weights

        self._network = weights.load(path, variant).to(device)
        self._device = device

    def infer(self, batch: FloatArray) -> FloatArray:
        import torch

        with torch.inference_mode():
            features: FloatArray = self._network(torch.from_numpy(batch).to(self._device)).float().cpu().numpy()
        return features


class TfLiteSession:
    """A .tflite file, one crop at a time: (n, 3, h, w) -> (n, d)."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError:
            raise ReidError(f"{path}: needs the package ai-edge-litert; see requirements-tflite.txt") from None
        try:
            self._interpreter = Interpreter(model_path=str(path), num_threads=threads)
        except (RuntimeError, ValueError) as error:
            raise ReidError(f"{path}: not a TFLite file ({str(error).splitlines()[0]})") from None
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]

    def infer(self, batch: FloatArray) -> FloatArray:
        rows = []
        for crop in batch:
            self._interpreter.set_tensor(self._input, crop[None])
            self._interpreter.invoke()
            rows.append(self._interpreter.get_tensor(self._output)[0])
        features: FloatArray = np.stack(rows)
        return features


def open_session(path: Path, variant: str | None = None, precision: Precision = "f32") -> InferenceSession:
    """The session that fits the file's suffix. Raises ReidError for a missing file or another suffix."""
    if not path.is_file():
        raise ReidError(f"{path}: no such file")
    if path.suffix in (".xml", ".onnx"):
        return OpenVinoSession(path, precision=precision)
    if path.suffix in (".pth", ".pt", ".safetensors"):
        return TorchSession(path, variant)
    if path.suffix == ".tflite":
        return TfLiteSession(path)
    raise ReidError(f"{path}: not one of .pth, .pt, .safetensors, .xml, .onnx, .tflite")


class FeatureExtractor:
    """Paths, pictures or tensors in, unit vectors (n, d) out."""

    def __init__(self, session: InferenceSession, spec: InputSpec, name: str, batch_size: int = 32) -> None:
        self.spec = spec
        self.batch_size = batch_size
        probe = session.infer(np.zeros((1, 3, spec.height, spec.width), np.float32))
        self.dimension = int(probe.shape[1])
        self._embedder = CropEmbedder(Normalising(session, spec), spec, name, self.dimension)

    @classmethod
    def open(
        cls, path: Path, spec: InputSpec | None = None, variant: str | None = None, precision: Precision = "f32"
    ) -> "FeatureExtractor":
        """spec: what the network expects; None takes the file's own word, or OSNet's usual input. precision is
        OpenVINO's; a CPU without it computes in f32. Raises ReidError.
        """
        return cls(open_session(path, variant, precision), spec or input_spec_of(path), path.stem)

    def __call__(self, crops: "Sequence[Path | Image | Tensor]") -> FloatArray:
        """Crops: paths, (h, w, 3) BGR uint8 arrays, or (3, h, w) RGB uint8 tensors, also mixed -> (n, d) float32."""
        return self.from_stream(as_picture(crop) for crop in crops)

    def from_stream(self, pictures: Iterator[Image]) -> FloatArray:
        """Pictures (h, w, 3) BGR uint8, one at a time, so that a data set never has to fit into memory."""
        blocks = [np.zeros((0, self.dimension), np.float32)]
        waiting: list[Image] = []
        for picture in pictures:
            waiting.append(picture)
            if len(waiting) == self.batch_size:
                blocks.append(self._embedder.embed_crops(waiting))
                waiting = []
        blocks.append(self._embedder.embed_crops(waiting))
        return np.concatenate(blocks)


def as_picture(crop: "Path | Image | Tensor") -> Image:
    """One crop as (h, w, 3) BGR uint8. Raises ReidError for a file that is no picture, ValueError for a wrong array."""
    if isinstance(crop, Path):
        return read_picture(crop)
    array = crop if isinstance(crop, np.ndarray) else crop.permute(1, 2, 0).flip(2).contiguous().cpu().numpy()
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8:
        raise ValueError(f"a crop must be uint8 with 3 channels, got shape {array.shape} and dtype {array.dtype}")
    return array
