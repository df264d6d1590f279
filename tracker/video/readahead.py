"""Work ahead of a consumer, in a thread."""

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class _End:
    error: Exception | None


class ReadAhead(Generic[T]):
    """Iterates over items that a background thread prepares, at most `depth` waiting.

    An exception of the inner generator is raised here, after the items that came before it. close() stops the
    thread, which closes the generator itself (so that a decoder is never closed while it decodes), and waits for it.
    """

    def __init__(self, items: Generator[T, None, None], depth: int, name: str) -> None:
        self._items = items
        self._queue: queue.Queue[T | _End] = queue.Queue(maxsize=depth)
        self._stop = threading.Event()
        self._finished = False
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        return self.next_within(None)

    def next_within(self, seconds: float | None) -> T:
        """Like next(). Raises TimeoutError when no item is there within so long; None: waits for ever."""
        if self._finished:
            raise StopIteration
        try:
            item = self._queue.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError from None
        if not isinstance(item, _End):
            return item
        self._finished = True
        self._thread.join()
        if item.error is not None:
            raise item.error
        raise StopIteration

    def close(self) -> None:
        self._finished = True
        self._stop.set()
        while self._thread.is_alive():
            while not self._queue.empty():  # makes room for a thread that waits to put
                self._queue.get_nowait()
            self._thread.join(timeout=0.01)

    def _work(self) -> None:
        error: Exception | None = None
        try:
            for item in self._items:
                self._queue.put(item)
                if self._stop.is_set():
                    break
        except Exception as raised:  # a thread's boundary: the consumer raises it
            error = raised
        finally:
            self._items.close()
            self._queue.put(_End(error))


def computed_ahead(
    function: Callable[[T], R], items: Iterable[T], ahead: int, name: str
) -> Generator[tuple[T, R], None, None]:
    """(item, function(item)) in the order of the items. While the consumer works on one, the `ahead` items after it are
    taken and computed, and no further one is taken before the consumer asks again. ahead >= 1 (else ValueError).

    The function is called from several threads at once. What it or the iteration of the items raises is raised here,
    in its turn. Closing waits for the calls under way, and for an iteration that is blocked: end it first.
    """
    if ahead < 1:
        raise ValueError(f"ahead must be at least 1, got {ahead}")
    room, closed = threading.Semaphore(ahead), threading.Event()

    def taken() -> Generator[tuple[T, Future[R]], None, None]:
        iterator = iter(items)
        while room.acquire() and not closed.is_set():
            for item in iterator:
                yield item, pool.submit(function, item)
                break
            else:
                return

    with ThreadPoolExecutor(ahead, name) as pool, closing(ReadAhead(taken(), ahead, f"{name} ahead")) as waiting:
        try:
            for item, call in waiting:
                result = call.result()
                room.release()
                yield item, result
        finally:
            closed.set()
            room.release()
