"""A recording as a camera whose pictures are not there."""

from collections.abc import Iterator

import numpy as np

from tracker.recorded.files import Recording, interval_of
from tracker.video.frame import Frame

BLACK = np.zeros((1, 1, 3), np.uint8)


class RecordedCamera:
    """Tells when a recording's pictures were taken; implements tracker.ports.FrameSource.

    frames_per_second: as for Recording.times.
    """

    lost_frames = damaged_frames = 0

    def __init__(self, recording: Recording, frames_per_second: float | None) -> None:
        self.camera_id = recording.camera_id
        self._times = recording.times(frames_per_second)
        self._size = recording.image_size
        width, height = recording.image_size or (0, 0)
        self._image = np.broadcast_to(BLACK, (height, width, 3))
        """Nothing but its size, which is empty where nobody knows it; takes no memory."""

    @property
    def total_frames(self) -> int:
        return int(np.isfinite(self._times).sum())

    @property
    def frames_per_second(self) -> float:
        return 1 / interval_of(self._times)

    @property
    def picture_size(self) -> tuple[int, int] | None:
        return None if self._size is None else (self._size[1], self._size[0])

    def __iter__(self) -> Iterator[Frame]:
        for index, t_seconds in enumerate(self._times.tolist()):
            if np.isfinite(t_seconds):
                yield Frame(self.camera_id, index, t_seconds, self._image)

    def close(self) -> None:
        pass
