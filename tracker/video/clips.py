"""What a live camera sends, kept as it comes: short files without encoding anew, the oldest deleted for new ones."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic

import av
import av.error
from av.container import OutputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from tracker.video.clip_files import keep_quota, new_clip

_OPTIONS = {"flush_packets": "1", "avoid_negative_ts": "disabled"}
_DECODED_EARLIER = 1  # seconds
_LONG_AGO = -(2**62)


@dataclass(frozen=True, slots=True)
class ClipSettings:
    """folder: of all cameras together, quota_bytes is for all of it. segment_seconds: length of a file, at least.
    zero: what the history takes for the wall time at which the monotonic clock shows 0, so that files bear its times.
    """

    folder: Path
    camera: str
    segment_seconds: float
    quota_bytes: int
    zero: datetime


class ClipRecorder:
    """Writes FOLDER/CAMERA_20261121T101500Z.mkv, ... A disk that is full costs clips, never the camera: after a failure
    the next file is tried when it would have been due anyway.
    """

    def __init__(self, settings: ClipSettings, stream: VideoStream) -> None:
        self._settings = settings
        self._source = stream
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._due_seconds = -math.inf
        self._first_pts = self._last_dts = 0

    def write(self, packet: "av.Packet[VideoStream]", size: tuple[int, int]) -> None:
        """Keep a packet of the stream; the decoder may have it as well. Files begin with a whole picture. size: (width,
        height) of the pictures, which the description of a stream often lacks; 0 as long as nobody knows.
        """
        if packet.pts is None or packet.size == 0:
            return
        try:
            if packet.is_keyframe and min(size) > 0 and monotonic() >= self._due_seconds:
                self._begin(packet.pts, size)
            if self._container is not None and self._stream is not None and packet.pts >= self._first_pts:
                self._container.mux(self._copied(packet, self._stream))
        except (av.error.FFmpegError, OSError):
            self._container = None

    def close(self) -> None:
        """Finish the present file."""
        if self._container is not None:
            try:
                self._container.close()
            except (av.error.FFmpegError, OSError):
                return
            finally:
                self._container = None

    def _begin(self, pts: int, size: tuple[int, int]) -> None:
        self.close()
        settings, now = self._settings, monotonic()
        self._due_seconds = now + settings.segment_seconds
        settings.folder.mkdir(parents=True, exist_ok=True)
        keep_quota(settings.folder, settings.quota_bytes)
        path = new_clip(settings.folder, settings.camera, settings.zero + timedelta(seconds=now))
        self._container = av.open(str(path), "w", format="matroska", options=_OPTIONS)
        self._stream = self._container.add_stream_from_template(self._source)
        self._stream.codec_context.width, self._stream.codec_context.height = size
        self._first_pts, self._last_dts = pts, _LONG_AGO

    def _copied(self, packet: "av.Packet[VideoStream]", stream: VideoStream) -> "av.Packet[Stream]":
        """The same bytes for the file; time begins at 0 in each. RTP does not tell when to decode a picture that refers
        to a later one: long before it is shown, and in the order in which they come, will do.
        """
        copy: av.Packet[Stream] = av.Packet(bytes(packet))
        copy.time_base = packet.time_base
        assert packet.pts is not None
        assert packet.time_base is not None
        copy.pts = packet.pts - self._first_pts
        copy.dts = self._last_dts = max(self._last_dts + 1, copy.pts - round(_DECODED_EARLIER / packet.time_base))
        copy.is_keyframe = packet.is_keyframe
        copy.stream = stream
        return copy
