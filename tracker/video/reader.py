"""The process that reads one live camera: connects, decodes, publishes the newest picture, and reports its end."""

import contextlib
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from time import monotonic, time

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from tracker.video.capture_clock import CaptureClock
from tracker.video.clips import ClipRecorder, ClipSettings
from tracker.video.pace import Pace
from tracker.video.ring import FrameRing, SharedFile
from tracker.video.urls import masked

_PROTOCOLS = "rtsp,rtsps,rtp,srtp,rtmp,rtmps,rtmpt,tcp,udp,tls,http,https,httpproxy,crypto,srt"
_DAMAGE_BEFORE_GIVING_UP = 500


@dataclass(frozen=True, slots=True, repr=False)
class ReaderSettings:
    """url: with its password, so it is never shown. transport: tcp or udp (RTSP). Timeouts in seconds."""

    url: str
    transport: str
    opening_seconds: float
    stale_seconds: float
    most_frames_per_second: float | None
    clips: ClipSettings | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """The stream's properties, sent before its first picture. frames_per_second: None if unknown."""

    width: int
    height: int
    codec: str
    frames_per_second: float | None


@dataclass(frozen=True, slots=True)
class Ended:
    """Why the reader stopped, in words for people. refused: the camera did not accept name and password."""

    reason: str
    refused: bool = False


def read_camera(settings: ReaderSettings, memory: SharedFile, wake: Connection, control: Connection) -> None:
    """What the process does, from its beginning to its end.

    Pictures go to the shared memory, one byte to `wake` for each (dropped when nobody reads), Opened and Ended to
    `control`. The parent's death closes the pipes, and that ends this process.
    """
    os.set_blocking(wake.fileno(), False)
    ended = Ended("the stream ended")
    try:
        container = _open(settings)
        try:
            _publish_all(settings, container, memory, wake, control)
        finally:
            container.close()
    except _UnusableError as error:
        ended = Ended(str(error))
    except BrokenPipeError:
        return
    except av.error.FFmpegError as error:
        refused = isinstance(error, av.error.HTTPUnauthorizedError | av.error.HTTPForbiddenError)
        reason = "name or password refused" if refused else f"{error.strerror or type(error).__name__}"
        ended = Ended(masked(reason), refused)
    with contextlib.suppress(BrokenPipeError):
        control.send(ended)


class _UnusableError(Exception):
    """What comes is not, or no longer, what this process can hand on; a new reader may."""


def _open(settings: ReaderSettings) -> InputContainer:
    if settings.url.isdigit():
        return av.open(f"/dev/video{settings.url}", format="v4l2")
    options = {
        "protocol_whitelist": _PROTOCOLS,
        "fpsprobesize": "0",  # FFmpeg would wait for 20 pictures to guess the rate
        "analyzeduration": "500000",  # microseconds; the description of the stream tells nearly everything
    }
    if settings.url.lower().startswith("rtsp"):
        options |= {"rtsp_transport": settings.transport, "timeout": str(round(settings.stale_seconds * 1e6))}
    return av.open(settings.url, options=options, timeout=(settings.opening_seconds, settings.stale_seconds))


def _publish_all(
    settings: ReaderSettings, container: InputContainer, memory: SharedFile, wake: Connection, control: Connection
) -> None:
    if not container.streams.video:
        raise _UnusableError("it sends no video")
    stream = container.streams.video[0]
    stream.thread_type = "SLICE"  # parallel frames would be late by as many frames
    ring: FrameRing | None = None
    clock = CaptureClock()
    pace = Pace(settings.most_frames_per_second)
    recorder = None if settings.clips is None else ClipRecorder(settings.clips, stream)
    previous: float | None = None
    for picture, camera_clock, errors in _pictures(container, stream, recorder):
        arrival = monotonic()
        stamp = None if picture.pts is None or picture.time_base is None else float(picture.pts * picture.time_base)
        captured = clock.capture_seconds(stamp, arrival, previous if _held_back(settings, stream) else None)
        previous = arrival
        if not pace.takes(captured):
            continue
        image = np.asarray(picture.to_ndarray(format="bgr24"), np.uint8)
        height, width = image.shape[:2]
        if ring is None:
            ring, size = FrameRing(memory, width, height), (width, height)
            control.send(Opened(width, height, stream.codec_context.name, _rate(stream)))
        elif size != (width, height):
            raise _UnusableError(f"its picture size changed from {size[0]}x{size[1]} to {width}x{height}")
        ring.publish(image, arrival, captured, camera_clock - time(), errors)
        with contextlib.suppress(BlockingIOError):
            os.write(wake.fileno(), b"\0")


def _held_back(settings: ReaderSettings, stream: VideoStream) -> bool:
    """Whether a picture is handed on only when the next one begins: for FFmpeg's parser that is the only sign of its
    end in these streams.
    """
    codec = stream.codec_context
    return settings.url.lower().startswith("rtsp") and codec.name in ("h264", "hevc") and not codec.has_b_frames


def _pictures(
    container: InputContainer, stream: VideoStream, recorder: ClipRecorder | None
) -> Iterator[tuple[av.VideoFrame, float, int]]:
    """Decoded pictures, the camera's own clock for each (seconds since 1970 or NaN), and errors so far.

    Raises av.error.FFmpegError when reading fails, or when nothing but damage arrives.
    """
    errors = damage_in_a_row = 0
    clock_offset = np.nan
    for packet in container.demux(stream):
        clock_offset = _camera_clock_offset(packet, clock_offset)
        if recorder is not None:
            recorder.write(packet)
        try:
            pictures = packet.decode()
            damage_in_a_row = 0
        except av.error.InvalidDataError:
            errors += 1
            damage_in_a_row += 1
            if damage_in_a_row > _DAMAGE_BEFORE_GIVING_UP:
                raise
            continue
        for picture in pictures:
            yield picture, clock_offset + (picture.time or np.nan), errors


def _camera_clock_offset(packet: "av.Packet[VideoStream]", previous: float) -> float:
    """Camera clock minus stamp, from the RTCP sender reports that FFmpeg attaches (AVProducerReferenceTime)."""
    if packet.pts is None or packet.time_base is None or not packet.has_sidedata("prft"):
        return previous
    microseconds: int = struct.unpack_from("=q", bytes(packet.get_sidedata("prft")))[0]
    return microseconds / 1e6 - float(packet.pts * packet.time_base)


def _rate(stream: VideoStream) -> float | None:
    rate = stream.average_rate or stream.guessed_rate
    return float(rate) if rate is not None and 0 < rate <= 240 else None
