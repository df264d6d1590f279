"""Recorded cameras: video files of any container, and folders of pictures."""

import re
from collections.abc import Generator, Iterator
from datetime import datetime
from pathlib import Path

import av
import av.error
import cv2
import numpy as np
from av.video.stream import VideoStream

from tracker.errors import OmnitrackError
from tracker.video.frame import Frame, Image
from tracker.video.opening import declared_seconds, nominal_rate, open_video, recording_time
from tracker.video.readahead import ReadAhead
from tracker.video.timestamps import presentation_times

_MAX_READ_ERRORS = 1000
_TOLERATED_END_SECONDS = 1.0  # durations are rounded by many writers
_PICTURES = frozenset([".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"])


class VideoFileSource:
    """One video file as a camera; implements tracker.ports.FrameSource and is read once.

    Time is the container's own (pts) in seconds, plus time_offset_seconds. 0 is the start that the container states
    for its video stream, the first frame of a sound file; a stamp that is missing or does not advance is derived
    from the rate (see timestamps.py), so times always increase.

    Damage costs the frames that it hits and no others: pictures that the decoder could repair are delivered and
    counted in damaged_frames, the rest in lost_frames (the end that a cut-off file lacks is added when it is reached).
    Pictures are turned upright when the file says that the camera lay on its side.

    frames_per_second: the true rate where the file states a wrong one; its times are stretched to it.
    read_ahead: decoded frames that may wait, prepared by a thread while the consumer works; 0 decodes on demand.
    Raises OmnitrackError when the file cannot be opened, and on iteration when not one frame could be decoded.
    """

    def __init__(
        self,
        camera_id: str,
        path: Path | str,
        time_offset_seconds: float = 0.0,
        *,
        frames_per_second: float | None = None,
        read_ahead: int = 3,
    ) -> None:
        self._camera_id = camera_id
        self._path = Path(path)
        self._offset = time_offset_seconds
        self._read_ahead = read_ahead
        self._container, self._stream = open_video(self._path)
        # One thread: what FFmpeg's parallel decoders paint over damage differs from run to run. Cameras still decode
        # beside each other and beside inference, because each has its read-ahead thread.
        self._stream.thread_type = "NONE"
        self._stated_rate = nominal_rate(self._stream)
        self._frames_per_second = frames_per_second or self._stated_rate
        self._declared_seconds = declared_seconds(self._container, self._stream)
        self._recorded_at = recording_time(self._container, self._stream)
        self._total = self._stream.frames or None
        if self._total is None and self._declared_seconds is not None:
            self._total = round(self._declared_seconds * self._stated_rate)
        # AVI stores the order of decoding only; FFmpeg passes it off as pts
        self._ordered_by_decoding = self._container.format.name == "avi"
        self._packets = self._hidden = self._errors = self._delivered = self._damaged = self._missing = 0
        self._reader: ReadAhead[Frame] | None = None
        self._started = False

    @property
    def camera_id(self) -> str:
        return self._camera_id

    @property
    def total_frames(self) -> int | None:
        return self._total

    @property
    def frames_per_second(self) -> float:
        return self._frames_per_second

    @property
    def picture_size(self) -> tuple[int, int] | None:
        return self._stream.height, self._stream.width

    @property
    def lost_frames(self) -> int:
        return max(self._errors, self._missing)

    @property
    def damaged_frames(self) -> int:
        return self._damaged

    @property
    def recorded_at(self) -> datetime | None:
        """When the recording began, UTC, if the file says so."""
        return self._recorded_at

    def __iter__(self) -> Iterator[Frame]:
        if self._started:
            raise RuntimeError(f"{self._path} was read already")
        self._started = True
        frames = self._frames()
        if self._read_ahead == 0:
            return frames
        self._reader = ReadAhead(frames, self._read_ahead, f"decode {self._camera_id}")
        return self._reader

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
        self._container.close()

    def _frames(self) -> Generator[Frame, None, None]:
        period = 1 / self._stated_rate
        stretch = self._stated_rate / self._frames_per_second
        t_seconds = 0.0
        for t_seconds, picture in presentation_times(self._stamped_pictures(), self._origin_seconds(), period):
            shown = t_seconds * stretch + self._offset
            yield Frame(self._camera_id, self._delivered, shown, _upright_bgr(picture))
            self._delivered += 1
        if self._delivered == 0:
            raise OmnitrackError(f"{self._path}: not one frame could be decoded (the file is damaged or incomplete)")
        self._count_losses(t_seconds + period)

    def _origin_seconds(self) -> float | None:
        start, base = self._stream.start_time, self._stream.time_base
        return None if start is None or base is None or self._ordered_by_decoding else float(start * base)

    def _stamped_pictures(self) -> Iterator[tuple[float | None, av.VideoFrame]]:
        for picture in self._pictures():
            stamp = picture.dts if self._ordered_by_decoding else picture.pts
            base = picture.time_base or self._stream.time_base
            yield (float(stamp * base) if stamp is not None and base is not None else None), picture

    def _pictures(self) -> Iterator[av.VideoFrame]:
        for packet in self._packets_read():
            self._packets += packet.size > 0 and not packet.is_discard
            self._hidden += packet.is_discard or (packet.size == 0 and packet.dts is not None)
            try:
                pictures = packet.decode()
            except av.error.FFmpegError:
                self._errors += 1
                continue
            for picture in pictures:
                self._damaged += picture.is_corrupt
                yield picture

    def _packets_read(self) -> Iterator["av.Packet[VideoStream]"]:
        """All packets of the stream and the flushing one at the end, past places that cannot be read."""
        for _ in range(_MAX_READ_ERRORS):
            try:
                yield from self._container.demux(self._stream)
                return
            except (av.error.FFmpegError, IndexError):  # IndexError: damage that looks like a new stream to PyAV
                self._errors += 1

    def _count_losses(self, end_seconds: float) -> None:
        """Compare what came with what the container announced, once the end (in stream time) is reached."""
        expected = max(self._packets, self._stream.frames - self._hidden)
        if self._stream.frames == 0 and self._declared_seconds is not None:
            cut_off_seconds = self._declared_seconds - end_seconds
            if cut_off_seconds > _TOLERATED_END_SECONDS:
                expected += round(cut_off_seconds * self._stated_rate)
        self._missing = max(0, expected - self._delivered)


class ImageFolderSource:
    """A folder of pictures as a camera; implements tracker.ports.FrameSource and is read once.

    Pictures come in natural order of their names (2 before 10), picture i at time i / frames_per_second, plus
    time_offset_seconds. One that cannot be read is counted as lost and keeps its place in time.
    Raises OmnitrackError when the folder holds no picture, and on iteration when not one could be read.
    """

    damaged_frames = 0

    def __init__(
        self, camera_id: str, folder: Path | str, frames_per_second: float, time_offset_seconds: float = 0.0
    ) -> None:
        if not frames_per_second > 0:
            raise OmnitrackError(f"camera {camera_id}: frames_per_second must be above 0, got {frames_per_second}")
        self._camera_id = camera_id
        self._folder = Path(folder)
        self._frames_per_second = frames_per_second
        self._offset = time_offset_seconds
        self._lost = 0
        try:
            names = [path for path in self._folder.iterdir() if path.suffix.lower() in _PICTURES]
        except OSError as error:
            raise OmnitrackError(f"{folder}: {error.strerror}") from error
        if not names:
            raise OmnitrackError(f"{folder}: holds no pictures ({', '.join(sorted(_PICTURES))})")
        self._paths = sorted(names, key=_natural_order)

    @property
    def camera_id(self) -> str:
        return self._camera_id

    @property
    def total_frames(self) -> int | None:
        return len(self._paths)

    @property
    def frames_per_second(self) -> float:
        return self._frames_per_second

    @property
    def picture_size(self) -> tuple[int, int] | None:
        return None

    @property
    def lost_frames(self) -> int:
        return self._lost

    def __iter__(self) -> Iterator[Frame]:
        for number, path in enumerate(self._paths):
            image = _read_picture(path)
            if image is None:
                self._lost += 1
                continue
            t_seconds = number / self._frames_per_second + self._offset
            yield Frame(self._camera_id, number - self._lost, t_seconds, image)
        if self._lost == len(self._paths):
            raise OmnitrackError(f"{self._folder}: none of its {self._lost} pictures could be read")

    def close(self) -> None:
        """Nothing stays open between pictures."""


def _natural_order(path: Path) -> tuple[list[tuple[int, str]], str]:
    parts = re.split(r"(\d+)", path.name.lower())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], path.name


def _read_picture(path: Path) -> Image | None:
    data = np.frombuffer(path.read_bytes(), np.uint8)
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    return None if picture is None else np.asarray(picture, np.uint8)


def _upright_bgr(picture: av.VideoFrame) -> Image:
    image = np.asarray(picture.to_ndarray(format="bgr24"), np.uint8)
    quarter_turns = round(picture.rotation / 90) % 4  # counterclockwise
    return np.ascontiguousarray(np.rot90(image, quarter_turns)) if quarter_turns else image
