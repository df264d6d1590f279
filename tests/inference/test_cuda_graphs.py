"""Recorded computations, with a fake of the recorder: what it repeats is computed anew on the CPU."""

import gc
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from tracker.inference.cuda_graphs import Compute, cuda_recorder, graph_sizes
from tracker.inference.torch_session import TorchSession

MEAN_SHAPE = (None, 3, 4, 4)


class FakeRecorder:
    """Keeps to the rules of a CUDA graph: a fixed input, and one answer that each repetition overwrites."""

    def __init__(self) -> None:
        self.recorded: list[int] = []

    def __call__(self, compute: Compute, given: Tensor) -> tuple[Callable[[], None], Tensor]:
        self.recorded.append(len(given))
        answer = compute(given)

        def repeat() -> None:
            answer.copy_(compute(given))

        return repeat, answer


class ChannelSums(torch.nn.Module):
    def forward(self, batch: Tensor) -> Tensor:
        return batch.sum(dim=(2, 3))


def rows(count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(count).random((count, 3, 4, 4), np.float32)


def test_sizes_grow_by_a_half_and_a_third() -> None:
    assert graph_sizes(64) == [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64]
    assert graph_sizes(5) == [1, 2, 3, 4, 5]
    assert graph_sizes(1) == [1]


def test_each_size_is_recorded_once_and_batches_are_filled_up_to_it() -> None:
    recorder = FakeRecorder()
    session = TorchSession(ChannelSums(), "cpu", MEAN_SHAPE, chunk=8, record=recorder)
    for count in (5, 6, 1, 8, 5, 21, 0):
        np.testing.assert_allclose(session.infer(rows(count)), rows(count).sum(axis=(2, 3)), rtol=1e-5)
    assert recorder.recorded == [6, 1, 8]


def test_later_answers_leave_earlier_ones_alone() -> None:
    session = TorchSession(ChannelSums(), "cpu", MEAN_SHAPE, record=FakeRecorder())
    session.infer(rows(4))
    with torch.inference_mode():
        first = session.compute(rows(4))
        session.compute(rows(4) * 2)
    np.testing.assert_allclose(first.numpy(), rows(4).sum(axis=(2, 3)), rtol=1e-5)


class TableOfItsOwn(torch.nn.Module):
    """As the heads of ultralytics: a table is made anew when the number of rows changes."""

    table: Tensor | None = None

    def forward(self, batch: Tensor) -> Tensor:
        if self.table is None or len(self.table) != len(batch):
            self.table = torch.arange(len(batch), dtype=torch.float32)
        return batch.sum(dim=(2, 3)) + self.table[:, None]


def test_tables_that_a_recording_reads_live_as_long_as_it() -> None:
    module = TableOfItsOwn()
    session = TorchSession(module, "cpu", MEAN_SHAPE, record=FakeRecorder())
    session.infer(rows(2))
    assert module.table is not None
    first = weakref.ref(module.table)
    session.infer(rows(4))
    gc.collect()
    assert first() is not None


def test_what_was_recorded_for_too_many_rows_is_dropped_when_memory_is_short(
    caplog: pytest.LogCaptureFixture,
) -> None:
    recorder = FakeRecorder()

    def two_at_most(compute: Compute, given: Tensor) -> tuple[Callable[[], None], Tensor]:
        if len(given) > 2:
            raise torch.OutOfMemoryError("fake: out of memory")
        return recorder(compute, given)

    session = TorchSession(ChannelSums(), "cpu", MEAN_SHAPE, chunk=8, record=two_at_most)
    np.testing.assert_allclose(session.infer(rows(7)), rows(7).sum(axis=(2, 3)), rtol=1e-5)
    assert recorder.recorded == [2, 1]
    assert caplog.messages == ["cpu: not enough memory for 7 pictures at once, going on with fewer"]


def test_a_network_that_cannot_be_recorded_runs_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    def refuses(_compute: Compute, _given: Tensor) -> tuple[Callable[[], None], Tensor]:
        raise RuntimeError("fake: operation not permitted when stream is capturing")

    session = TorchSession(ChannelSums(), "cpu", MEAN_SHAPE, record=refuses)
    for _ in range(2):
        np.testing.assert_allclose(session.infer(rows(3)), rows(3).sum(axis=(2, 3)), rtol=1e-5)
    assert len(caplog.messages) == 1
    assert "cannot be recorded" in caplog.messages[0]


def test_the_recorder_of_real_devices_warms_up_aside_and_then_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a fake of torch.cuda: only the order of the calls can be seen here."""
    said: list[str] = []

    class FakeStream:
        def __init__(self, _device: object = None) -> None: ...

        def wait_stream(self, _other: object) -> None:
            said.append("wait")

    @contextmanager
    def context(name: str) -> Iterator[None]:
        said.append(name)
        yield
        said.append(f"end of {name}")

    def pool() -> str:
        said.append("pool")
        return "pool"

    fake = SimpleNamespace(
        device=lambda _device: context("device"),
        Stream=FakeStream,
        current_stream=FakeStream,
        stream=lambda _stream: context("aside"),
        graph_pool_handle=pool,
        CUDAGraph=lambda: SimpleNamespace(replay=lambda: said.append("replay")),
        graph=lambda _graph, pool, stream, capture_error_mode: context(f"graph in {pool}, {capture_error_mode}"),
    )
    monkeypatch.setattr(torch, "cuda", fake)
    record = cuda_recorder()

    def compute(batch: Tensor) -> Tensor:
        said.append("compute")
        return batch * 2

    repeat, answer = record(compute, torch.ones(2))
    repeat()
    record(compute, torch.ones(1))
    assert answer.tolist() == [2, 2]
    graph = "graph in pool, thread_local"
    once = ["wait", "aside", "compute", "end of aside", graph, "compute", f"end of {graph}", "wait", "end of device"]
    assert said == ["device", "pool", *once, "replay", "device", *once]
