"""Annotated videos: who is who, in one colour and under one number in every camera."""

import queue
import re
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tracker.core.types import TrackletKey, TrackState, TrackUpdate
from tracker.errors import OmnitrackError
from tracker.pictures.palette import GREY, identity_colour
from tracker.ports import Step
from tracker.video.drawing import Style, draw_caption, draw_faint, draw_person, draw_tag, draw_trail
from tracker.video.encoding import VideoWriter
from tracker.video.frame import Frame, Image

_TRAIL_SECONDS = 3.0
_QUEUED_FRAMES = 8
_UNNOTICED_SECONDS = 0.5


def clock_text(t_seconds: float) -> str:
    """Hours only when there are any: '1:02:03.4', '02:03.4'."""
    tenths = round(t_seconds * 10)
    minutes, seconds = divmod(tenths // 10, 60)
    hours, minutes = divmod(minutes, 60)
    hour_text = f"{hours}:" if hours else ""
    return f"{hour_text}{minutes:02d}:{seconds:02d}.{tenths % 10}"


@dataclass(frozen=True, slots=True)
class Mark:
    """One track in one picture, with the identity that it has at this moment (None: no identity yet)."""

    update: TrackUpdate
    identity_id: int | None
    label: str


class Annotator:
    """Draws the marks of one camera's frames, and remembers where feet have been."""

    def __init__(self, camera_id: str, time_text: Callable[[float], str] = clock_text) -> None:
        self._camera_id = camera_id
        self._time_text = time_text
        self._trails: dict[int, deque[tuple[float, tuple[float, float]]]] = {}

    def draw(self, frame: Frame, marks: Sequence[Mark]) -> Image:
        """A drawn-on copy of the frame's picture."""
        image = frame.image.copy()
        style = Style.for_height(image.shape[0])
        self._remember(frame.t_seconds, marks)
        # whoever stands nearer is drawn over the others
        marks = sorted(marks, key=lambda mark: float(mark.update.box_xyxy[3]))
        known = [(mark, identity_colour(mark.identity_id)) for mark in marks if mark.identity_id and _is_here(mark)]
        for mark, colour in known:
            trail = self._trails.get(mark.update.track_id, ())
            draw_trail(image, [point for _, point in trail], colour, style)
        for mark in marks:
            if mark.update.state is TrackState.TENTATIVE or (mark.identity_id is None and _is_here(mark)):
                draw_faint(image, mark.update.box_xyxy, GREY)
        for mark, colour in known:
            draw_person(image, mark.update.box_xyxy, colour, style)
        for mark, colour in known:
            draw_tag(image, mark.label, mark.update.box_xyxy, colour, style)
        draw_caption(image, f"{self._camera_id}   {self._time_text(frame.t_seconds)}", style)
        return image

    def _remember(self, t_seconds: float, marks: Sequence[Mark]) -> None:
        for mark in marks:
            trail = self._trails.setdefault(mark.update.track_id, deque())
            if mark.update.detection_index is not None:
                x1, _, x2, y2 = (float(value) for value in mark.update.box_xyxy)
                trail.append((t_seconds, ((x1 + x2) / 2, y2)))
        for trail in self._trails.values():
            while trail and trail[0][0] < t_seconds - _TRAIL_SECONDS:
                trail.popleft()
        self._trails = {track_id: trail for track_id, trail in self._trails.items() if trail}


def _is_here(mark: Mark) -> bool:
    return mark.update.state is TrackState.CONFIRMED


class AnnotatedVideoSink:
    """Writes FOLDER/CAMERA.mp4 for every camera; implements tracker.ports.Sink.

    cameras: camera_id -> nominal frames per second; others are left out. identity_of: the global identity that a track
    has now, asked while write() runs. label_of: what a person's tag says. time_text: what the caption says for a
    frame's t_seconds.
    Drawing and encoding happen in one thread per camera; write() waits only when a thread falls behind.
    Videos begin together at the first step (dark where a camera comes later) and keep the frames' own times. They can
    be played at any moment: a killed run leaves CAMERA.partial.mp4, one that called close() leaves CAMERA.mp4.
    Raises OmnitrackError naming the file when a video cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        cameras: Mapping[str, float],
        identity_of: Callable[[TrackletKey], int | None],
        label_of: Callable[[int], str] = "#{}".format,
        time_text: Callable[[float], str] = clock_text,
    ) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OmnitrackError(f"{folder}: cannot be made: {error.strerror}") from error
        self._identity_of = identity_of
        self._label_of = label_of
        self._begin_seconds: float | None = None
        self._cameras = {
            camera_id: _CameraVideo(
                Annotator(camera_id, time_text), VideoWriter(folder / f"{file_name(camera_id)}.mp4", rate)
            )
            for camera_id, rate in cameras.items()
        }

    def write(self, step: Step) -> None:
        if self._begin_seconds is None:
            self._begin_seconds = step.batch.t_seconds
        for camera_id, frame in step.batch.frames.items():
            if camera_id not in self._cameras:
                continue
            marks = [self._mark(update) for update in step.updates.get(camera_id, ())]
            self._cameras[camera_id].add(_Job(frame, marks, frame.t_seconds - self._begin_seconds))

    def close(self) -> None:
        """Finish all videos; the first error is raised after every camera was closed."""
        errors = [error for camera in self._cameras.values() if (error := camera.close()) is not None]
        if errors:
            raise errors[0]

    def _mark(self, update: TrackUpdate) -> Mark:
        identity_id = self._identity_of(update.key)
        return Mark(update, identity_id, "" if identity_id is None else self._label_of(identity_id))


def file_name(camera_id: str) -> str:
    """The camera's name with what file systems do not like replaced: 'gate/1' -> 'gate_1'."""
    return re.sub(r"[^\w.-]", "_", camera_id)


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    frame: Frame
    marks: Sequence[Mark]
    t_video_seconds: float


class _CameraVideo:
    """One camera's annotator and writer, in a thread of their own."""

    def __init__(self, annotator: Annotator, writer: VideoWriter) -> None:
        self._annotator = annotator
        self._writer = writer
        self._jobs: queue.Queue[_Job | None] = queue.Queue(maxsize=_QUEUED_FRAMES)
        self._begun = False
        self._error: OmnitrackError | None = None
        self._thread = threading.Thread(target=self._work, name="annotated video", daemon=True)
        self._thread.start()

    def add(self, job: _Job) -> None:
        if self._error is not None:
            raise self._error
        self._jobs.put(job)

    def close(self) -> OmnitrackError | None:
        self._jobs.put(None)
        self._thread.join()
        return self._error

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            if self._error is None:  # after an error the queue is only emptied, so that nobody waits for it
                self._draw_and_write(job)
        try:
            self._writer.close()
        except OmnitrackError as error:
            self._error = self._error or error

    def _draw_and_write(self, job: _Job) -> None:
        try:
            image = self._annotator.draw(job.frame, job.marks)
            if not self._begun and job.t_video_seconds > 0:  # players start every video at its first picture
                dark = job.t_video_seconds > _UNNOTICED_SECONDS
                self._writer.write(np.zeros_like(image) if dark else image, 0.0)
            self._begun = True
            self._writer.write(image, job.t_video_seconds)
        except OmnitrackError as error:
            self._error = error
        except Exception as error:  # a thread's boundary: its death would leave the pipeline waiting for ever
            self._error = OmnitrackError(f"annotated video: {type(error).__name__}: {error}")
