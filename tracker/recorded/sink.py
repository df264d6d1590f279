"""Keeps what the networks said, so that tracking and matching can be repeated without video."""

import logging
from collections.abc import Mapping
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

from tracker.core.types import Detections
from tracker.errors import OmnitrackError
from tracker.ports import Step
from tracker.recorded.joining import finish, set_aside, unfinished
from tracker.recorded.journal import JournalWriter, Picture
from tracker.video.frame import Frame

BLOCK_SECONDS = 2.0
"""Of the camera's time: what a run that is killed loses at most, beside the latest step."""
BLOCK_PICTURES, BLOCK_PEOPLE = 500, 2000
"""No more wait to be written."""

_LOG = logging.getLogger(__name__)


class RecordingSink:
    """Writes FOLDER/CAMERA.npz, the layout that read_recording reads, for every camera; implements ports.Sink.

    While the run goes on, each grows in a file beside that name. offsets: time_offset_seconds of every camera; what is
    kept are the times before these are added, so that the configuration has the last word at every repetition. Raises
    OmnitrackError where a file cannot be made, or another run records the same.
    """

    def __init__(self, folder: Path, offsets: Mapping[str, float], embedder: str) -> None:
        self._folder = folder
        self._offsets = offsets
        self._embedder = embedder
        self._recordings: dict[str, CameraRecording] = {}
        self._complaints: dict[str, list[str]] = {}
        with ExitStack() as begun:
            for camera in offsets:
                begun.callback(self._recording(camera).end)
            begun.pop_all()

    def write(self, step: Step) -> None:
        """A recording that cannot be written any more ends here, which is said once; the run goes on."""
        for camera, frame in step.batch.frames.items():
            if camera in self._complaints:
                continue
            try:
                t_seconds = frame.t_seconds - self._offsets.get(camera, 0.0)
                self._recording(camera).add(frame, t_seconds, step.detections[camera])
            except OmnitrackError as error:
                self._complaints[camera] = [str(error)]
                _LOG.error("%s; the run goes on without", error)

    def close(self) -> None:
        """Raises OmnitrackError, when everything that can be done is done, if a recording is not whole."""
        for camera, recording in self._recordings.items():
            try:
                recording.finish()
            except OmnitrackError as error:
                self._complaints.setdefault(camera, []).append(str(error))
        if self._complaints:
            raise OmnitrackError("; ".join(chain.from_iterable(self._complaints.values())))

    def _recording(self, camera: str) -> "CameraRecording":
        if camera not in self._recordings:
            self._recordings[camera] = CameraRecording(self._folder / f"{camera}.npz", self._embedder)
        return self._recordings[camera]


class CameraRecording:
    """One camera's. Pictures wait until there are some seconds of them, and are then appended together.

    Everything raises OmnitrackError where the file cannot be written; what was written till then stays.
    """

    def __init__(self, path: Path, embedder: str) -> None:
        if path.is_dir():
            raise OmnitrackError(f"{path}: cannot be written (is a directory)")
        if unfinished(path).exists():
            try:
                aside = set_aside(path)
            except BlockingIOError:
                raise OmnitrackError(f"{path}: another run is recording this; choose another --out") from None
            if aside is not None:
                _LOG.warning(
                    "%s: an earlier run was killed while it recorded this, or could not finish it; its recording is "
                    "now named %s",
                    path,
                    aside,
                )
        self._path = path
        self._journal = JournalWriter(unfinished(path), embedder)
        self._waiting: list[Picture] = []
        self._people = 0
        self._number = -1

    def add(self, frame: Frame, t_seconds: float, seen: Detections) -> None:
        """t_seconds: when the frame was taken."""
        height, width = frame.image.shape[:2]
        # a live camera that was taken out of the list and comes back counts from 0 again
        self._number = max(frame.index, self._number + 1)
        self._waiting.append(Picture(self._number, t_seconds, seen, (width, height)))
        self._people += len(seen)
        long = t_seconds - self._waiting[0].t_seconds >= BLOCK_SECONDS
        if long or self._people >= BLOCK_PEOPLE or len(self._waiting) >= BLOCK_PICTURES:
            self._flush()

    def end(self) -> None:
        """Let go of the file."""
        self._journal.close()

    def finish(self) -> None:
        """The recording gets its name and its layout."""
        try:
            self._flush()
        finally:
            self.end()
            try:
                finish(self._path)
            except (OmnitrackError, BlockingIOError) as error:
                raise OmnitrackError(
                    f"{error}; what was recorded is kept in {unfinished(self._path)}, and a command that is given this "
                    "name tries again"
                ) from None

    def _flush(self) -> None:
        waiting, self._waiting, self._people = self._waiting, [], 0
        try:
            if waiting:
                self._journal.append(waiting)
        except OSError as error:
            last = waiting[0].t_seconds
            raise OmnitrackError(
                f"{self._path}: cannot be written ({error.strerror}); the recording ends at second {last:.1f}"
            ) from None
