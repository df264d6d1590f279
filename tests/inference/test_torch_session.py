"""The session for CUDA, run on the CPU, where it computes in full precision."""

import numpy as np
import pytest
import torch

from tracker.inference.torch_session import TorchSession


class ChannelSums(torch.nn.Module):
    """(n, 3, h, w) -> (n, 3), with something beside it, as ultralytics has."""

    def forward(self, batch: torch.Tensor) -> tuple[torch.Tensor, str]:
        return batch.sum(dim=(2, 3)), "beside"


@pytest.mark.parametrize("count", [0, 1, 4, 9])
def test_any_number_of_rows_in_order(count: int) -> None:
    session = TorchSession(ChannelSums(), "cpu", (None, 3, 4, 4), chunk=4)
    rows = np.random.default_rng(count).random((count, 3, 4, 4), np.float32)
    result = session.infer(rows)
    np.testing.assert_allclose(result, rows.sum(axis=(2, 3)), rtol=1e-5)
    assert result.shape == (count, 3)
    assert result.dtype == np.float32
    assert session.input_shape == (None, 3, 4, 4)


def test_network_is_switched_to_inference() -> None:
    dropout = torch.nn.Dropout(0.5)
    rows = np.ones((2, 3, 4, 4), np.float32)
    np.testing.assert_array_equal(TorchSession(dropout, "cpu", (None, 3, 4, 4)).infer(rows), rows)


class SmallDevice(torch.nn.Module):
    """A fake of a device whose memory holds two rows."""

    def __init__(self) -> None:
        super().__init__()
        self.tried: list[int] = []

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        self.tried.append(len(batch))
        if len(batch) > 2:
            raise torch.OutOfMemoryError("fake: out of memory")
        return batch.sum(dim=(2, 3))


def test_too_little_memory_halves_the_batch_for_good_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    module = SmallDevice()
    session = TorchSession(module, "cpu", (None, 3, 4, 4), chunk=8)
    rows = np.random.default_rng(1).random((7, 3, 4, 4), np.float32)
    for _ in range(2):
        np.testing.assert_allclose(session.infer(rows), rows.sum(axis=(2, 3)), rtol=1e-5)
    assert module.tried == [7, 4, 2, 2, 2, 1, 2, 2, 2, 1]
    assert caplog.messages == ["cpu: not enough memory for 7 pictures at once, going on with fewer"]


def test_a_device_too_small_for_one_picture_says_so() -> None:
    class NoMemory(torch.nn.Module):
        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            raise torch.OutOfMemoryError("fake: out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        TorchSession(NoMemory(), "cpu", (None, 3, 4, 4)).infer(np.ones((1, 3, 4, 4), np.float32))
