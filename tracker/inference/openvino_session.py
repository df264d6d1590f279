"""Networks on the CPU through OpenVINO."""

import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np

from tracker.core.types import FloatArray
from tracker.inference.devices import available_cores
from tracker.inference.session import UnreadableError, require_one_to_one
from tracker.inference.spec import Precision

_Slot = tuple[dict[int, FloatArray], int]


@cache
def import_openvino() -> ModuleType:
    """The openvino module without its telemetry, which otherwise phones home at every import."""
    sys.modules.setdefault("openvino_telemetry", cast(ModuleType, None))
    import openvino

    return cast(ModuleType, openvino)


class OpenVINOSession:
    """A network whose requests run side by side: `streams` at a time, on `threads` cores together.

    A network with a fixed batch takes that many rows a request, one with a free batch at most `chunk` rows. cache_dir
    keeps the compiled network, so that the second start is quick. Reads OpenVINO IR (.xml) and ONNX.
    """

    def __init__(
        self,
        path: Path,
        *,
        streams: int | None = None,
        threads: int | None = None,
        cache_dir: Path | None = None,
        precision: Precision = "auto",
        chunk: int = 4,
    ) -> None:
        openvino = import_openvino()
        threads = threads or available_cores()
        options: dict[str, Any] = {"NUM_STREAMS": streams or threads, "INFERENCE_NUM_THREADS": threads}
        if precision != "auto":
            options["INFERENCE_PRECISION_HINT"] = precision
        if cache_dir is not None:
            options["CACHE_DIR"] = str(cache_dir)
        try:
            self._network = openvino.Core().compile_model(str(path), "CPU", options)
        except RuntimeError as error:
            raise UnreadableError(path, error) from error
        require_one_to_one(path, len(self._network.inputs), len(self._network.outputs))
        self._queue = openvino.AsyncInferQueue(self._network, streams or threads)
        self._queue.set_callback(_keep_output)
        self._input_shape = _sides(self._network.input(0))
        self._chunk = self._input_shape[0] or chunk

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        return self._input_shape

    def infer(self, batch: FloatArray) -> FloatArray:
        batch = np.ascontiguousarray(batch, dtype=np.float32)
        outputs: dict[int, FloatArray] = {}
        for start in range(0, len(batch), self._chunk):
            rows = self._filled(batch[start : start + self._chunk])
            self._queue.start_async({0: rows}, userdata=(outputs, start), share_inputs=True)
        self._queue.wait_all()
        if not outputs:
            return np.zeros((0, *(side or 0 for side in _sides(self._network.output(0))[1:])), np.float32)
        return np.concatenate([outputs[start] for start in sorted(outputs)])[: len(batch)]

    def _filled(self, rows: FloatArray) -> FloatArray:
        """Repeat rows where the network insists on a larger batch than what is left."""
        fixed = self._input_shape[0] or len(rows)
        return rows if len(rows) == fixed else np.resize(rows, (fixed, *rows.shape[1:]))


def _sides(port: Any) -> tuple[int | None, ...]:
    return tuple(None if side.is_dynamic else int(side.get_length()) for side in port.partial_shape)


def _keep_output(request: Any, slot: _Slot) -> None:
    """Runs when a request is done. Copies, as the request's own buffer is overwritten by the next use."""
    outputs, start = slot
    outputs[start] = np.array(request.get_output_tensor(0).data, dtype=np.float32)
