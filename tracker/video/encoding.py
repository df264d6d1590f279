"""Writing one H.264 file from pictures that come with their own times."""

from fractions import Fraction
from pathlib import Path

import av
import av.error
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from tracker.errors import OmnitrackError
from tracker.video.frame import Image

_CLOCK = 90_000
_KEYFRAME_SECONDS = 2.0


class VideoWriter:
    """One H.264 mp4, written as PATH.partial.mp4 and renamed by close().

    The partial file is fragmented, so what is there plays even when the process is killed; closing turns it into a
    plain mp4. Pictures keep their times: pts = t_seconds, so a varying rate survives.
    Raises OmnitrackError naming the file when it cannot be written (no such folder, disk full).
    """

    def __init__(self, path: Path, frames_per_second: float) -> None:
        self._path = path
        self._partial = path.with_suffix(f".partial{path.suffix}")
        self._rate = Fraction(frames_per_second).limit_denominator(1001)
        self._output: tuple[OutputContainer, VideoStream] | None = None
        self._last_pts = -1

    def write(self, image: Image, t_seconds: float) -> None:
        """image: (height, width, 3) BGR. t_seconds >= 0, increasing. The first picture fixes the size; odd sizes
        lose nothing (the last row or column is repeated), later pictures of another size are scaled.
        """
        try:
            container, stream = self._output or self._open(image)
            # OpenCV converts in a tenth of the time that FFmpeg takes
            planes = cv2.cvtColor(_fitted(image, stream.width, stream.height), cv2.COLOR_BGR2YUV_I420)
            frame = av.VideoFrame.from_ndarray(np.asarray(planes, np.uint8), format="yuv420p")
            self._last_pts = max(self._last_pts + 1, round(t_seconds * _CLOCK))
            frame.pts, frame.time_base = self._last_pts, Fraction(1, _CLOCK)
            container.mux(stream.encode(frame))
        except (av.error.FFmpegError, OSError) as error:
            raise OmnitrackError(f"{self._path}: cannot be written: {error.strerror}") from error

    def close(self) -> None:
        """Finish the file and give it its name; does nothing if no picture was written."""
        if self._output is None:
            return
        container, stream = self._output
        self._output = None
        try:
            container.mux(stream.encode(None))
            container.close()
            self._partial.replace(self._path)
        except (av.error.FFmpegError, OSError) as error:
            raise OmnitrackError(f"{self._path}: cannot be finished: {error.strerror}") from error

    def _open(self, image: Image) -> tuple[OutputContainer, VideoStream]:
        file_options = {"movflags": "+hybrid_fragmented", "flush_packets": "1"}
        container = av.open(str(self._partial), "w", format="mp4", options=file_options)
        gop = max(1, round(_KEYFRAME_SECONDS * float(self._rate)))
        options = {"preset": "ultrafast", "crf": "23", "g": str(gop), "threads": "1"}
        stream = container.add_stream("libx264", rate=self._rate, options=options)
        height, width = image.shape[:2]
        stream.width, stream.height, stream.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
        stream.codec_context.time_base = Fraction(1, _CLOCK)
        self._output = container, stream
        return self._output


def _fitted(image: Image, width: int, height: int) -> Image:
    missing_rows, missing_columns = height - image.shape[0], width - image.shape[1]
    if missing_rows in (0, 1) and missing_columns in (0, 1):
        if missing_rows or missing_columns:
            image = np.asarray(
                cv2.copyMakeBorder(image, 0, missing_rows, 0, missing_columns, cv2.BORDER_REPLICATE), np.uint8
            )
        return image
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
