"""Networks on a CUDA device through torch, in half precision."""

import logging
from typing import TYPE_CHECKING

import numpy as np

from tracker.core.types import FloatArray
from tracker.inference.session import Batch
from tracker.inference.spec import ModelInput

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_LOG = logging.getLogger(__name__)


class TorchSession:
    """Runs a torch module that maps (n, c, h, w) to (n, ...) or to a tuple that begins with it.

    On CUDA the module is converted to half precision and to channels-last; the batch is uploaded from pinned memory. On
    the CPU, where OpenVINO is several times faster, it runs as it is: for comparison. pixels: take pictures
    (n, h, w, 3) uint8 BGR and prepare them so, on the device. At most `chunk` rows run at once; when the device's
    memory does not suffice, half as many from then on.
    """

    def __init__(
        self,
        module: "torch.nn.Module",
        device: str,
        input_shape: tuple[int | None, ...],
        *,
        chunk: int = 64,
        pixels: ModelInput | None = None,
    ) -> None:
        import torch

        self._torch = torch
        self._device = torch.device(device)
        self._dtype = torch.float16 if self._device.type == "cuda" else torch.float32
        self._module = module.eval().to(self._device, self._dtype).to(memory_format=torch.channels_last)
        self._input_shape = input_shape
        self._chunk = chunk
        self._pixels = pixels
        self._told = False

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        return self._input_shape

    def infer(self, batch: Batch) -> FloatArray:
        parts: list[FloatArray] = []
        start = 0
        with self._torch.inference_mode():
            while start < len(batch) or not parts:
                chunk = self._chunk
                try:
                    parts.append(self._run(batch[start : start + chunk]))
                except self._torch.OutOfMemoryError:
                    if chunk == 1:
                        raise
                    self._halve(chunk)
                else:
                    start += chunk
        return np.concatenate(parts)

    def _halve(self, chunk: int) -> None:
        self._chunk = min(self._chunk, chunk // 2)  # another thread may have found out first
        if self._device.type == "cuda":
            self._torch.cuda.empty_cache()
        if not self._told:
            _LOG.warning("%s: not enough memory for %d pictures at once, going on with fewer", self._device, chunk)
            self._told = True

    def _run(self, rows: Batch) -> FloatArray:
        output = self._module(self._prepared(rows))
        first = output[0] if isinstance(output, (tuple, list)) else output
        result: FloatArray = first.float().cpu().numpy()
        return result

    def _prepared(self, rows: Batch) -> "Tensor":
        """The rows on the device, as the network takes them."""
        torch = self._torch
        tensor: Tensor = torch.from_numpy(np.ascontiguousarray(rows))
        if self._device.type == "cuda":
            tensor = tensor.pin_memory()
        tensor = tensor.to(self._device, non_blocking=True)
        if self._pixels is not None:
            mean, std = (torch.tensor(v, device=self._device) for v in (self._pixels.mean, self._pixels.std))
            pictures = tensor.flip(-1) if self._pixels.colour == "rgb" else tensor
            tensor = ((pictures.float() * self._pixels.scale - mean) / std).permute(0, 3, 1, 2)
        return tensor.to(dtype=self._dtype, memory_format=torch.channels_last)
