"""The process that reads one live camera: connects, decodes, publishes the newest picture, and reports its end."""

import contextlib
import math
import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.connection import Connection as PipeEnd

import av
import av.error
import numpy as np
from av.video.stream import VideoStream

from tracker.video.access_units import AccessUnit
from tracker.video.capture_clock import CaptureClock
from tracker.video.clips import ClipRecorder, ClipSettings
from tracker.video.connection import Connection, UnusableError, connect
from tracker.video.decoding import Decoder
from tracker.video.pace import Pace, without_backlog
from tracker.video.reports import Ended, Opened
from tracker.video.ring import FrameRing, SharedFile
from tracker.video.urls import masked
from tracker.video.wall_clock import WallClock

_DAMAGE_BEFORE_GIVING_UP = 500


@dataclass(frozen=True, slots=True, repr=False)
class ReaderSettings:
    """url: with its password, so it is never shown. transport: tcp or udp (RTSP). Timeouts in seconds. hardware: who
    may decode, see Decoder.
    """

    url: str
    transport: str
    opening_seconds: float
    stale_seconds: float
    most_frames_per_second: float | None
    hardware: str = "auto"
    clips: ClipSettings | None = None


def read_camera(settings: ReaderSettings, memory: SharedFile, wake: PipeEnd, control: PipeEnd) -> None:
    """What the process does, from its beginning to its end.

    Pictures go to the shared memory, one byte to `wake` for each (dropped when nobody reads), Opened and Ended to
    `control`. The parent's death closes the pipes, and that ends this process.
    """
    os.set_blocking(wake.fileno(), False)
    ended = Ended("the stream ended")
    try:
        with closing(connect(settings.url, settings.transport, settings.opening_seconds, settings.stale_seconds)) as c:
            _publish_all(settings, c, memory, wake, control)
    except UnusableError as error:
        ended = Ended(str(error))
    except BrokenPipeError:
        return
    except av.error.FFmpegError as error:
        refused = isinstance(error, av.error.HTTPUnauthorizedError | av.error.HTTPForbiddenError)
        reason = "name or password refused" if refused else f"{error.strerror or type(error).__name__}"
        ended = Ended(masked(reason), refused)
    with contextlib.suppress(BrokenPipeError):
        control.send(ended)


def _publish_all(
    settings: ReaderSettings, connection: Connection, memory: SharedFile, wake: PipeEnd, control: PipeEnd
) -> None:
    stream = connection.stream
    decoder = Decoder(stream, settings.hardware)
    recorder = None if settings.clips is None else ClipRecorder(settings.clips, stream)
    ring: FrameRing | None = None
    wall = WallClock()
    clock = CaptureClock(stall_seconds=settings.stale_seconds)
    pace = Pace(settings.most_frames_per_second)
    with closing(connection.access_units()) as units:
        published_left_out = 0
        for picture, unit, errors, left_out in _decoded(units, decoder, recorder):
            captured = clock.capture_seconds(picture.time, unit.arrived, unit.began)
            if not pace.takes(captured):
                continue
            image = np.asarray(picture.to_ndarray(format="bgr24"), np.uint8)
            height, width = image.shape[:2]
            if ring is None:
                ring, size = FrameRing(memory, width, height), (width, height)
                control.send(Opened(width, height, stream.codec_context.name, _rate(stream), decoder.name))
            elif size != (width, height):
                raise UnusableError(f"its picture size changed from {size[0]}x{size[1]} to {width}x{height}")
            camera_clock = unit.clock_offset + (math.nan if picture.time is None else picture.time)
            own_clock = wall.seconds(unit.arrived)
            ring.publish(
                image,
                unit.arrived,
                captured,
                camera_clock - own_clock,
                errors + unit.torn,
                left_out - published_left_out,
            )
            published_left_out = left_out
            with contextlib.suppress(BlockingIOError):
                os.write(wake.fileno(), b"\0")


def _decoded(
    units: Iterable[AccessUnit], decoder: Decoder, recorder: ClipRecorder | None
) -> Iterator[tuple[av.VideoFrame, AccessUnit, int, int]]:
    """Pictures, what came last before each, and how many so far were damaged, and left out to keep up.

    Raises av.error.FFmpegError when reading fails, or when nothing but damage arrives.
    """
    errors = damage_in_a_row = 0
    for unit, left_out in without_backlog(_recorded(units, decoder, recorder)):
        frames: list[av.VideoFrame] = []
        try:
            frames = decoder.decode(unit.packet)
            damage_in_a_row = 0
        except av.error.InvalidDataError:
            errors += 1
            damage_in_a_row += 1
            if damage_in_a_row > _DAMAGE_BEFORE_GIVING_UP:
                raise
        for frame in frames:
            yield frame, unit, errors, left_out


def _recorded(units: Iterable[AccessUnit], decoder: Decoder, recorder: ClipRecorder | None) -> Iterator[AccessUnit]:
    """The units, each kept after it was handed on: the decoder learns the size of the pictures from the first."""
    for unit in units:
        yield unit
        if recorder is not None:
            recorder.write(unit.packet, decoder.size)


def _rate(stream: VideoStream) -> float | None:
    rate = stream.average_rate or stream.guessed_rate
    return float(rate) if rate is not None and 0 < rate <= 240 else None
