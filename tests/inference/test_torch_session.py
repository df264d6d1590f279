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
