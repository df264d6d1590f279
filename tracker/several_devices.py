"""Networks on several devices as one: the pictures of a step, one a camera, are dealt out to the devices in turn."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Generic, TypeVar

from tracker.core.types import Detections, FloatArray
from tracker.ports import Detector, Embedder
from tracker.video.frame import Image

Worker = TypeVar("Worker")
Item = TypeVar("Item")
Answer = TypeVar("Answer")


def as_one(workers: Iterable[Worker], several: Callable[[Sequence[Worker]], Worker]) -> Worker:
    """What several() makes of them; one on its own stays as it is."""
    every = list(workers)
    return every[0] if len(every) == 1 else several(every)


class _Dealer(Generic[Worker]):
    """Workers, one a device, that work side by side. The same items go to the same workers again, unless there are
    fewer of them than workers: then each call begins one worker later, so that none stays idle.
    """

    def __init__(self, workers: Sequence[Worker]) -> None:
        self.workers = workers
        self._calls = count()
        self._threads = ThreadPoolExecutor(len(workers), "device")

    def dealt(self, items: Sequence[Item], work: Callable[[Worker, list[Item]], list[Answer]]) -> list[Answer]:
        """One answer an item, in the order of the items. What work raises is raised here."""
        few = len(items) < len(self.workers)
        first = next(self._calls) % len(self.workers) if few else 0
        workers = [*self.workers[first:], *self.workers[:first]]
        shares = [list(items[place :: len(workers)]) for place in range(len(workers))]
        parts = list(self._threads.map(work, workers, shares))
        return [parts[number % len(parts)][number // len(parts)] for number in range(len(items))]


class SeveralDetectors:
    """Implements ports.Detector with the detectors of several devices."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self._dealer = _Dealer(detectors)

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        return self._dealer.dealt(images, lambda detector, share: detector.detect(share) if share else [])


class SeveralEmbedders:
    """Implements ports.Embedder with the embedders of several devices, all of one network."""

    def __init__(self, embedders: Sequence[Embedder]) -> None:
        self._dealer = _Dealer(embedders)

    @property
    def dimension(self) -> int:
        return self._dealer.workers[0].dimension

    @property
    def name(self) -> str:
        return self._dealer.workers[0].name

    def embed(self, images: Sequence[Image], boxes_xyxy: Sequence[FloatArray]) -> list[FloatArray]:
        def work(embedder: Embedder, share: list[tuple[Image, FloatArray]]) -> list[FloatArray]:
            return embedder.embed([image for image, _ in share], [boxes for _, boxes in share]) if share else []

        return self._dealer.dealt(list(zip(images, boxes_xyxy, strict=True)), work)
