"""What a live camera sends, kept as it comes: short files without encoding anew, the oldest deleted for new ones."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import av
import av.error
from av.container import OutputContainer
from av.stream import Stream
from av.video.stream import VideoStream

SUFFIX = ".mkv"  # can be played up to its last byte, also after a kill


@dataclass(frozen=True, slots=True)
class ClipSettings:
    """folder: of all cameras together, quota_bytes is for all of it. segment_seconds: length of a file, at least."""

    folder: Path
    camera: str
    segment_seconds: float
    quota_bytes: int


class ClipRecorder:
    """Writes FOLDER/CAMERA_20261121T101500Z.mkv, ... A disk that is full costs clips, never the camera."""

    def __init__(self, settings: ClipSettings, stream: VideoStream) -> None:
        self._settings = settings
        self._source = stream
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._began = 0.0
        self._first_dts = 0

    def write(self, packet: "av.Packet[VideoStream]") -> None:
        """Keep a packet of the stream; the decoder may have it as well. Files begin with a whole picture."""
        if packet.dts is None or packet.size == 0:
            return
        due = self._container is None or monotonic() - self._began >= self._settings.segment_seconds
        try:
            if packet.is_keyframe and due:
                self._begin(packet.dts)
            if self._container is not None and self._stream is not None:
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

    def _begin(self, dts: int) -> None:
        self.close()
        settings = self._settings
        settings.folder.mkdir(parents=True, exist_ok=True)
        keep_quota(settings.folder, settings.quota_bytes)
        stem = f"{settings.camera}_{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        path = settings.folder / f"{stem}{SUFFIX}"
        number = 2
        while path.exists():  # the wall clock was set back
            path = settings.folder / f"{stem}-{number}{SUFFIX}"
            number += 1
        self._container = av.open(str(path), "w", format="matroska", options={"flush_packets": "1"})
        self._stream = self._container.add_stream_from_template(self._source)
        self._began, self._first_dts = monotonic(), dts

    def _copied(self, packet: "av.Packet[VideoStream]", stream: VideoStream) -> "av.Packet[Stream]":
        """The same bytes for the file; time begins at 0 in each."""
        copy: av.Packet[Stream] = av.Packet(bytes(packet))
        copy.time_base = packet.time_base
        assert packet.dts is not None
        copy.dts = packet.dts - self._first_dts
        copy.pts = copy.dts if packet.pts is None else packet.pts - self._first_dts
        copy.is_keyframe = packet.is_keyframe
        copy.stream = stream
        return copy


def keep_quota(folder: Path, quota_bytes: int) -> None:
    """Delete the clips written to longest ago until the rest fit. Files that are no clips are left alone."""
    clips = []
    for path in folder.glob(f"*{SUFFIX}"):
        try:
            status = path.stat()
        except FileNotFoundError:
            continue  # another camera's reader was faster
        clips.append((status.st_mtime_ns, status.st_size, path))
    total = sum(size for _, size, _ in clips)
    for _, size, path in sorted(clips):
        if total <= quota_bytes:
            return
        path.unlink(missing_ok=True)
        total -= size
