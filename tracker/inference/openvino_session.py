"""Networks on the CPU through OpenVINO."""

import sys
from collections import deque
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from queue import Empty, SimpleQueue
from types import ModuleType
from typing import Any, cast

import numpy as np

from tracker.core.types import FloatArray
from tracker.inference.devices import available_cores, parallel_requests
from tracker.inference.session import Batch, UnreadableError, require_one_to_one
from tracker.inference.spec import ModelInput, Precision


@cache
def import_openvino() -> ModuleType:
    """The openvino module without its telemetry, which otherwise phones home at every import."""
    sys.modules.setdefault("openvino_telemetry", cast(ModuleType, None))
    import openvino

    return cast(ModuleType, openvino)


class OpenVINOSession:
    """A network whose requests run side by side: `streams` at a time, on `threads` cores together.

    A network with a fixed batch takes that many rows a request. One with a free batch is compiled for `chunk` rows and
    for one: fixed shapes compute a third faster, and what does not fill a chunk goes row by row. pixels: take pictures
    (n, h, w, 3) uint8 BGR, prepared within the network. cache_dir keeps the compiled networks, so that the second start
    is quick. Reads OpenVINO IR (.xml) and ONNX. infer() may be called from several threads at once.
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
        pixels: ModelInput | None = None,
    ) -> None:
        openvino = import_openvino()
        threads = threads or available_cores()
        streams = streams or min(threads, parallel_requests())
        options: dict[str, Any] = {"NUM_STREAMS": streams, "INFERENCE_NUM_THREADS": threads}
        if precision != "auto":
            options["INFERENCE_PRECISION_HINT"] = precision
        if cache_dir is not None:
            options["CACHE_DIR"] = str(cache_dir)
        core = openvino.Core()
        try:
            model = core.read_model(str(path))
            require_one_to_one(path, len(model.inputs), len(model.outputs))
            self._input_shape = _sides(model.input(0))
            self._output_shape = _sides(model.output(0))
            sizes = (chunk, 1) if self._input_shape[0] is None else self._input_shape[:1]
            self._networks = [
                _Network(core.compile_model(_prepared(model.clone(), rows, pixels), "CPU", options), rows, streams)
                for rows in sorted({size for size in sizes if size}, reverse=True)
            ]
        except RuntimeError as error:
            raise UnreadableError(path, error) from error
        self._dtype: type[np.float32] | type[np.uint8] = np.float32 if pixels is None else np.uint8

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        return self._input_shape

    def infer(self, batch: Batch) -> FloatArray:
        given = cast(Batch, np.ascontiguousarray(batch, dtype=self._dtype))
        running: deque[_Running] = deque()
        outputs: list[FloatArray] = [np.zeros((0, *(side or 0 for side in self._output_shape[1:])), np.float32)]
        for network, rows in self._parts(given):
            # waiting for a request of somebody else while holding one of one's own could wait for ever
            while (request := network.idle_request(wait=not running)) is None:
                outputs.append(running.popleft().result())
            running.append(_Running(network, request, rows))
        outputs.extend(request.result() for request in running)
        return np.concatenate(outputs[1:] or outputs)

    def _parts(self, batch: Batch) -> Iterator[tuple["_Network", Batch]]:
        """The rows of the batch in order, each part with the largest network that it fills."""
        start, smallest = 0, self._networks[-1]
        while start < len(batch):
            network = next((n for n in self._networks if n.rows <= len(batch) - start), smallest)
            yield network, batch[start : start + network.rows]
            start += network.rows


class _Network:
    """A network compiled for a number of rows, and its requests that have nothing to do."""

    def __init__(self, compiled: Any, rows: int, requests: int) -> None:
        self.rows = rows
        self.idle: SimpleQueue[Any] = SimpleQueue()
        for _ in range(requests):
            self.idle.put(compiled.create_infer_request())

    def idle_request(self, wait: bool) -> Any | None:
        try:
            return self.idle.get(block=wait)
        except Empty:
            return None


class _Running:
    """A request under way. Rows are repeated where the network insists on more than there are."""

    def __init__(self, network: _Network, request: Any, rows: Batch) -> None:
        self._network, self._request, self._count = network, request, len(rows)
        self._rows = rows if len(rows) == network.rows else np.resize(rows, (network.rows, *rows.shape[1:]))
        request.start_async({0: self._rows}, share_inputs=True)

    def result(self) -> FloatArray:
        """Wait, copy (the next use overwrites the request's own buffer), and let others have the request."""
        try:
            self._request.wait()
            return np.array(self._request.get_output_tensor(0).data[: self._count], dtype=np.float32)
        finally:
            self._network.idle.put(self._request)


def _prepared(model: Any, rows: int, pixels: ModelInput | None) -> Any:
    """The model for so many rows, with its preprocessing built in."""
    sides = model.input(0).partial_shape
    sides[0] = rows
    if pixels is None:
        model.reshape(sides)
        return model
    sides[2], sides[3] = (
        (side, given)[side.is_dynamic] for side, given in zip(list(sides)[2:], pixels.size, strict=True)
    )
    model.reshape(sides)
    openvino = import_openvino()
    from openvino.preprocess import ColorFormat, PrePostProcessor

    build = PrePostProcessor(model)
    given = build.input()
    given.model().set_layout(openvino.Layout("NCHW"))
    given.tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC")).set_color_format(
        ColorFormat.BGR
    )
    steps = given.preprocess()
    if pixels.colour == "rgb":
        steps.convert_color(ColorFormat.RGB)
    steps.convert_element_type(openvino.Type.f32).scale(1 / pixels.scale)
    steps.mean(list(pixels.mean)).scale(list(pixels.std))
    return build.build()


def _sides(port: Any) -> tuple[int | None, ...]:
    return tuple(None if side.is_dynamic else int(side.get_length()) for side in port.partial_shape)
