"""How long the stages of a step take."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from time import perf_counter

from tracker.core.types import Detections, FloatArray
from tracker.ports import Detector, Embedder, Sink, Step
from tracker.video.frame import Image


class StageTimes:
    """Calls and seconds per stage so far; may be used from several threads."""

    def __init__(self) -> None:
        self._totals: dict[str, tuple[int, float]] = {}
        self._lock = Lock()

    @contextmanager
    def measured(self, stage: str) -> Iterator[None]:
        began = perf_counter()
        try:
            yield
        finally:
            took = perf_counter() - began
            with self._lock:
                calls, seconds = self._totals.get(stage, (0, 0.0))
                self._totals[stage] = calls + 1, seconds + took

    def totals(self) -> dict[str, tuple[int, float]]:
        """Stage -> (calls, seconds)."""
        with self._lock:
            return dict(self._totals)


class TimedDetector:
    """A detector whose calls are measured; implements tracker.ports.Detector."""

    def __init__(self, detector: Detector, times: StageTimes) -> None:
        self._detector = detector
        self._times = times

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        with self._times.measured("detect"):
            return self._detector.detect(images)


class TimedEmbedder:
    """An embedder whose calls are measured; implements tracker.ports.Embedder."""

    def __init__(self, embedder: Embedder, times: StageTimes) -> None:
        self._embedder = embedder
        self._times = times

    @property
    def dimension(self) -> int:
        return self._embedder.dimension

    @property
    def name(self) -> str:
        return self._embedder.name

    def embed(self, images: Sequence[Image], boxes_xyxy: Sequence[FloatArray]) -> list[FloatArray]:
        with self._times.measured("embed"):
            return self._embedder.embed(images, boxes_xyxy)


class TimedSink:
    """A sink whose writing is measured; implements tracker.ports.Sink."""

    def __init__(self, sink: Sink, times: StageTimes, stage: str) -> None:
        self._sink = sink
        self._times = times
        self._stage = stage

    def write(self, step: Step) -> None:
        with self._times.measured(self._stage):
            self._sink.write(step)

    def close(self) -> None:
        self._sink.close()
