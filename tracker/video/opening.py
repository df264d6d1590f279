"""Opening a video file, and saying in one line why that failed."""

from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import av.error
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from tracker.errors import OmnitrackError

ASSUMED_FRAMES_PER_SECOND = 25.0
"""For files that do not tell their rate."""

_REFUSED_FORMATS = frozenset(
    # playlists and scripts, which make FFmpeg open other files, and text drawn as pictures
    ["concat", "hls", "dash", "imf", "sdp", "rtsp", "rtp", "image2", "tty", "vapoursynth", "avisynth", "lavfi"]
)


def open_video(path: Path) -> tuple[InputContainer, VideoStream]:
    """The container and its first video stream (cover pictures do not count).

    Only this file is read: no network protocol, no playlist that names others.
    Raises OmnitrackError when the file is missing, unreadable, empty, no video, or without a picture stream.
    """
    _check_readable(path)
    options = {
        "protocol_whitelist": "file",
        "format_whitelist": ",".join(sorted(av.formats_available - _REFUSED_FORMATS)),
    }
    try:
        # "file:" keeps a name with a colon from being taken for a protocol
        container = av.open(f"file:{path}", options=options, metadata_errors="replace")
    except av.error.FFmpegError as error:
        raise OmnitrackError(
            f"{path}: not a video that can be read (damaged, cut off, or no video file at all): {error.strerror}"
        ) from error
    for stream in container.streams.video:
        if Disposition.attached_pic not in stream.disposition:
            return container, stream
    container.close()
    raise OmnitrackError(f"{path}: holds no video stream")


def _check_readable(path: Path) -> None:
    if path.is_dir():
        raise OmnitrackError(f"{path}: is a folder, not a video file")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise OmnitrackError(f"{path}: {error.strerror}") from error
    if empty:
        raise OmnitrackError(f"{path}: is empty (0 bytes)")


def nominal_rate(stream: VideoStream) -> float:
    """Frames per second as the container says, else as FFmpeg guesses, else ASSUMED_FRAMES_PER_SECOND."""
    rates: list[Fraction | None] = [stream.average_rate, stream.guessed_rate]
    return next((float(rate) for rate in rates if rate is not None and 0 < rate <= 1000), ASSUMED_FRAMES_PER_SECOND)


def declared_seconds(container: InputContainer, stream: VideoStream) -> float | None:
    """Duration of the video stream; the file's when it holds nothing else; None if unknown."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    if container.duration is not None and len(container.streams) == 1:
        return container.duration / av.time_base
    return None


def recording_time(container: InputContainer, stream: VideoStream) -> datetime | None:
    """The creation_time tag in UTC; None if there is none (or the zero of a camera that never had its clock set)."""
    text = container.metadata.get("creation_time") or stream.metadata.get("creation_time")
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment if moment.year > 1980 else None
