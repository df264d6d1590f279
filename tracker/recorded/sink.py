"""Keeps what the networks said, so that tracking and matching can be repeated without video."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tracker.core.types import Detections
from tracker.ports import Step
from tracker.recorded.files import Recording, write_recording

Seen = tuple[int, float, Detections]
"""Number of the frame from 0, its seconds, what was seen in it."""


class RecordingSink:
    """Writes FOLDER/CAMERA.npz, the layout that read_recording reads, for every camera; implements ports.Sink.

    offsets: time_offset_seconds of every camera. What is kept are the times before these are added, so that the
    configuration has the last word at every repetition.
    """

    def __init__(self, folder: Path, offsets: Mapping[str, float], embedder: str) -> None:
        self._folder = folder
        self._offsets = offsets
        self._embedder = embedder
        self._seen: dict[str, list[Seen]] = {camera: [] for camera in offsets}
        self._sizes: dict[str, tuple[int, int]] = {}

    def write(self, step: Step) -> None:
        for camera, frame in step.batch.frames.items():
            height, width = frame.image.shape[:2]
            self._sizes[camera] = (width, height)
            seen = self._seen.setdefault(camera, [])
            # a live camera that was taken out of the list and comes back counts from 0 again
            index = max(frame.index, seen[-1][0] + 1) if seen else frame.index
            t_seconds = frame.t_seconds - self._offsets.get(camera, 0.0)
            seen.append((index, t_seconds, step.detections[camera]))

    def close(self) -> None:
        for camera, seen in self._seen.items():
            frames = [Detections.empty()] * (seen[-1][0] + 1 if seen else 0)
            times = np.full(len(frames), np.nan)
            for index, t_seconds, detections in seen:
                frames[index], times[index] = detections, t_seconds
            recording = Recording(camera, tuple(frames), self._sizes.get(camera), self._embedder, times)
            write_recording(self._folder / f"{camera}.npz", recording)
