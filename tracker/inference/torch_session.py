"""Networks on a CUDA device through torch, in half precision."""

import logging
from typing import TYPE_CHECKING

import numpy as np

from tracker.core.types import FloatArray
from tracker.inference.cuda_graphs import Record, Recordings, cuda_recorder
from tracker.inference.session import Batch
from tracker.inference.spec import ModelInput

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_LOG = logging.getLogger(__name__)


class TorchSession:
    """Runs a torch module that maps (n, c, h, w) to (n, ...) or to a tuple that begins with it.

    On CUDA the module is converted to half precision and to channels-last; batches are uploaded from pinned memory, and
    the network is recorded for some numbers of rows (CUDA graphs). On the CPU, where OpenVINO is several times faster,
    it runs as it is: for comparison. pixels: take pictures (n, h, w, 3) uint8 BGR and prepare them so, on the device.
    At most `chunk` rows run at once; when the device's memory does not suffice, fewer from then on (Portions). record:
    in place of cuda_recorder() or, on the CPU, of none.
    """

    def __init__(
        self,
        module: "torch.nn.Module",
        device: str,
        input_shape: tuple[int | None, ...],
        *,
        chunk: int = 64,
        pixels: ModelInput | None = None,
        record: Record | None = None,
    ) -> None:
        import torch

        from tracker.inference.portions import Portions

        self._torch = torch
        self.device = torch.device(device)
        self._dtype = torch.float16 if self.device.type == "cuda" else torch.float32
        self._module = module.eval().to(self.device, self._dtype).to(memory_format=torch.channels_last)
        self._input_shape = input_shape
        self._pixels = pixels
        if pixels is not None:
            self._mean, self._std = (torch.tensor(v, device=self.device) for v in (pixels.mean, pixels.std))
        if record is None and self.device.type == "cuda":
            record = cuda_recorder()
        self._recordings = Recordings(self._network, record, self._tables) if record is not None else None
        self._portions = Portions(self.device, chunk, self._forget_recordings)

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        return self._input_shape

    def infer(self, batch: Batch) -> FloatArray:
        with self._torch.inference_mode():
            result: FloatArray = self.compute(batch).cpu().numpy()
        return result

    def compute(self, batch: "Batch | Tensor") -> "Tensor":
        """The same for rows that may be on the device already; the answer, float32, stays there. To be called within
        torch.inference_mode().
        """
        return self._torch.cat(self._portions.of(batch, lambda rows: self._run(self.upload(rows))))

    def upload(self, rows: "Batch | Tensor") -> "Tensor":
        """The rows on the device."""
        torch = self._torch
        tensor: Tensor = rows if isinstance(rows, torch.Tensor) else torch.from_numpy(np.ascontiguousarray(rows))
        if tensor.device == self.device or self.device.type != "cuda":
            return tensor
        return tensor.pin_memory().to(self.device, non_blocking=True)

    def _forget_recordings(self, above: int) -> None:
        if self._recordings is not None:
            self._recordings.forget(above=above)

    def _run(self, rows: "Tensor") -> "Tensor":
        recordings = self._recordings
        if recordings is not None and len(rows):
            try:
                return recordings(rows, self._portions.most)
            except self._torch.OutOfMemoryError:
                raise
            except RuntimeError as error:  # it does something that depends on the values
                _LOG.warning("%s: the network cannot be recorded, it runs step by step (%s)", self.device, error)
                self._recordings = None
        return self._network(rows)

    def _network(self, rows: "Tensor") -> "Tensor":
        """The network with its preprocessing, all on the device."""
        if self._pixels is not None:
            pictures = rows.flip(-1) if self._pixels.colour == "rgb" else rows
            rows = ((pictures.float() * self._pixels.scale - self._mean) / self._std).permute(0, 3, 1, 2)
        output = self._module(rows.to(dtype=self._dtype, memory_format=self._torch.channels_last))
        first: Tensor = output[0] if isinstance(output, (tuple, list)) else output
        return first.float()

    def _tables(self) -> "list[Tensor]":
        """Tensors that the module made for itself: no parameters, no buffers."""
        values = (value for module in self._module.modules() for value in vars(module).values())
        return [value for value in values if isinstance(value, self._torch.Tensor)]
