"""Computations of a CUDA device, recorded once and repeated as a whole: one launch in place of hundreds."""

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

Compute = Callable[["Tensor"], "Tensor"]
"""(n, ...) on the device -> (n, ...) on the device; always the same work for the same shape."""

Record = Callable[[Compute, "Tensor"], tuple[Callable[[], None], "Tensor"]]
"""(computation, given) -> (what repeats it, the answer): each repetition reads `given` and overwrites the answer."""


def graph_sizes(most: int) -> list[int]:
    """Numbers of rows that are recorded: 1, 2, 3, 4, 6, 8, 12, 16, 24, ..., most. Less than half of a batch that is
    filled up to the next one is wasted, a third at most from 3 rows on.
    """
    powers = [2**n for n in range(most.bit_length())]
    return sorted({size for power in powers for size in (power, power + power // 2) if size < most} | {most})


_ONE_RECORDING = Lock()
"""CUDA allows one recording at a time in a process."""


def cuda_recorder() -> Record:
    """A Record for real devices, one for each device. What one recorder records shares memory, and must never run at
    the same time.
    """
    import torch

    pool: Any = None
    aside: Any = None

    def record(compute: Compute, given: "Tensor") -> tuple[Callable[[], None], "Tensor"]:
        nonlocal pool, aside
        with _ONE_RECORDING, torch.cuda.device(given.device):
            pool = pool or torch.cuda.graph_pool_handle()
            aside = aside or torch.cuda.Stream(given.device)  # type: ignore[no-untyped-call]
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                compute(given)  # the first run chooses algorithms and makes tables, which no recording may contain
            graph = torch.cuda.CUDAGraph()
            # other threads may use the device meanwhile
            with torch.cuda.graph(graph, pool=pool, stream=aside, capture_error_mode="thread_local"):
                answer = compute(given)
            torch.cuda.current_stream().wait_stream(aside)
        return graph.replay, answer

    return record


class Recordings:
    """A computation, recorded when a number of rows comes for the first time. Batches are filled up to the next of
    graph_sizes(most). May be called from several threads.

    tables: the tensors that the computation reads beside its rows. A module may replace one of them by another when the
    number of rows changes, while a recording still reads it: they are kept.
    """

    def __init__(self, compute: Compute, record: Record, tables: Callable[[], list["Tensor"]]) -> None:
        self._compute = compute
        self._record = record
        self._tables = tables
        self._made: dict[int, tuple[Tensor, Callable[[], None], Tensor, list[Tensor]]] = {}
        self._lock = Lock()

    def __call__(self, rows: "Tensor", most: int) -> "Tensor":
        """The answer to the rows (n, ...), 1 <= n <= most, which no later call overwrites."""
        count = len(rows)
        size = next(size for size in graph_sizes(most) if size >= count)
        with self._lock:
            if size not in self._made:
                given = rows.new_zeros((size, *rows.shape[1:]))
                repeat, answer = self._record(self._compute, given)
                self._made[size] = given, repeat, answer, self._tables()
            given, repeat, answer, _ = self._made[size]
            given[:count].copy_(rows, non_blocking=True)
            repeat()
            return answer[:count].clone()

    def forget(self, above: int) -> None:
        """Drop what was recorded for more rows."""
        with self._lock:
            self._made = {size: made for size, made in self._made.items() if size <= above}
