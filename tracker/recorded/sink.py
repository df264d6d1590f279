"""Keeps what the networks said, so that tracking and matching can be repeated without video."""

from collections.abc import Sequence
from pathlib import Path

from tracker.core.types import Detections
from tracker.ports import Step
from tracker.recorded.files import Recording, write_recording


class RecordingSink:
    """Writes FOLDER/CAMERA.npz, the layout that read_recording reads, for every camera; implements ports.Sink."""

    def __init__(self, folder: Path, cameras: Sequence[str], embedder: str) -> None:
        self._folder = folder
        self._embedder = embedder
        self._frames: dict[str, list[Detections]] = {camera: [] for camera in cameras}
        self._sizes: dict[str, tuple[int, int]] = {}

    def write(self, step: Step) -> None:
        for camera, frame in step.batch.frames.items():
            height, width = frame.image.shape[:2]
            self._sizes[camera] = (width, height)
            self._frames.setdefault(camera, []).append(step.detections[camera])

    def close(self) -> None:
        for camera, frames in self._frames.items():
            recording = Recording(camera, tuple(frames), self._sizes.get(camera), self._embedder)
            write_recording(self._folder / f"{camera}.npz", recording)
