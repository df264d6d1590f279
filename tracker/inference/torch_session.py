"""Networks on a CUDA device through torch, in half precision."""

from typing import TYPE_CHECKING

import numpy as np

from tracker.core.types import FloatArray

if TYPE_CHECKING:
    import torch


class TorchSession:
    """Runs a torch module that maps (n, c, h, w) to (n, ...) or to a tuple that begins with it.

    On CUDA the module is converted to half precision and to channels-last; the batch is uploaded from pinned memory. On
    the CPU, where OpenVINO is several times faster, it runs as it is: for comparison.
    """

    def __init__(
        self, module: "torch.nn.Module", device: str, input_shape: tuple[int | None, ...], *, chunk: int = 64
    ) -> None:
        import torch

        self._torch = torch
        self._device = torch.device(device)
        self._dtype = torch.float16 if self._device.type == "cuda" else torch.float32
        self._module = module.eval().to(self._device, self._dtype).to(memory_format=torch.channels_last)
        self._input_shape = input_shape
        self._chunk = chunk

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        return self._input_shape

    def infer(self, batch: FloatArray) -> FloatArray:
        with self._torch.inference_mode():
            parts = [
                self._run(batch[start : start + self._chunk]) for start in range(0, max(1, len(batch)), self._chunk)
            ]
        return np.concatenate(parts)

    def _run(self, rows: FloatArray) -> FloatArray:
        torch = self._torch
        tensor = torch.from_numpy(np.ascontiguousarray(rows, dtype=np.float32))
        if self._device.type == "cuda":
            tensor = tensor.pin_memory()
        tensor = tensor.to(self._device, self._dtype, non_blocking=True, memory_format=torch.channels_last)
        output = self._module(tensor)
        first = output[0] if isinstance(output, (tuple, list)) else output
        result: FloatArray = first.float().cpu().numpy()
        return result
