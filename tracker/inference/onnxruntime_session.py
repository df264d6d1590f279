"""ONNX networks on the CPU through ONNX Runtime, for operators that OpenVINO does not read."""

from pathlib import Path
from typing import cast

import numpy as np

from tracker.core.types import FloatArray
from tracker.inference.devices import available_cores
from tracker.inference.pixels import Pictures, to_planar
from tracker.inference.session import Batch, UnreadableError, require_one_to_one
from tracker.inference.spec import ModelInput


class ONNXRuntimeSession:
    """A network with a fixed batch runs that many rows at a time, one with a free batch takes all rows at once.

    pixels: take pictures (n, h, w, 3) uint8 BGR and prepare them so.
    """

    def __init__(self, path: Path, *, threads: int | None = None, pixels: ModelInput | None = None) -> None:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as native

        onnxruntime.disable_telemetry_events()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or available_cores()
        options.log_severity_level = 3
        refusals = (native.Fail, native.InvalidArgument, native.InvalidGraph, native.InvalidProtobuf)
        missing = (native.NoSuchFile, native.NotImplemented, native.RuntimeException)
        try:
            self._network = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except (*refusals, *missing) as error:
            raise UnreadableError(path, error) from error
        inputs, outputs = self._network.get_inputs(), self._network.get_outputs()
        require_one_to_one(path, len(inputs), len(outputs))
        self._pixels = pixels
        self._input_name: str = inputs[0].name
        self._input_shape = _sides(inputs[0].shape)
        self._output_shape = _sides(outputs[0].shape)

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        return self._input_shape

    def infer(self, batch: Batch) -> FloatArray:
        if self._pixels is not None:
            batch = to_planar(cast(Pictures, batch), self._pixels)
        if len(batch) == 0:
            return np.zeros((0, *(side or 0 for side in self._output_shape[1:])), np.float32)
        chunk = self._input_shape[0] or len(batch)
        return np.concatenate([self._run(batch[start : start + chunk], chunk) for start in range(0, len(batch), chunk)])

    def _run(self, rows: Batch, chunk: int) -> FloatArray:
        """The last rows of a batch are repeated where the network insists on a larger one."""
        filled = rows if self._input_shape[0] in {None, len(rows)} else np.resize(rows, (chunk, *rows.shape[1:]))
        output: FloatArray = self._network.run(None, {self._input_name: filled})[0]
        return output[: len(rows)]


def _sides(shape: list[int | str | None]) -> tuple[int | None, ...]:
    """ONNX names a free side by a text or not at all."""
    return tuple(side if isinstance(side, int) else None for side in shape)
