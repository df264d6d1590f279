"""Several cameras in step by time."""

from collections.abc import Iterator, Sequence

from tracker.errors import OmnitrackError
from tracker.ports import FrameSource
from tracker.video.frame import Frame, FrameBatch


class StepBatcher:
    """Iterates over steps: every camera's next frame that lies within the tolerance of the earliest one.

    A step's time is that of its earliest frame, and steps strictly increase. Cameras of different rates simply take
    part in different numbers of steps; one that ends leaves the others going. The order of frames in a step is the
    order of the sources. Closing closes the sources.

    tolerance_seconds: None means half the shortest nominal frame interval, which never joins a frame with the wrong
    neighbour among cameras of equal rate.
    Raises OmnitrackError when two sources have one camera's name, ValueError for a negative tolerance.
    """

    def __init__(self, sources: Sequence[FrameSource], tolerance_seconds: float | None = None) -> None:
        names = [source.camera_id for source in sources]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise OmnitrackError(f"two cameras are named {repeated[0]!r}: give each its own name")
        if tolerance_seconds is None:
            tolerance_seconds = 0.5 / max((source.frames_per_second for source in sources), default=1.0)
        if tolerance_seconds < 0:
            raise ValueError(f"tolerance_seconds must be at least 0, got {tolerance_seconds}")
        self._sources = list(sources)
        self._stopped = False
        self._tolerance_seconds = tolerance_seconds

    @property
    def total_frames(self) -> int | None:
        """Frames of all cameras together, as far as the containers say; None if one does not."""
        totals = [source.total_frames for source in self._sources]
        known = [total for total in totals if total is not None]
        return sum(known) if len(known) == len(totals) else None

    @property
    def lost_frames(self) -> dict[str, int]:
        """Frames that could not be decoded so far, by camera."""
        return {source.camera_id: source.lost_frames for source in self._sources}

    @property
    def damaged_frames(self) -> dict[str, int]:
        """Frames so far of which parts had to be guessed, by camera."""
        return {source.camera_id: source.damaged_frames for source in self._sources}

    @property
    def frames_per_second(self) -> dict[str, float]:
        """Nominal rate, by camera."""
        return {source.camera_id: source.frames_per_second for source in self._sources}

    @property
    def picture_sizes(self) -> dict[str, tuple[int, int]]:
        """(height, width) of the frames to come, by camera, as far as the containers tell."""
        return {source.camera_id: size for source in self._sources if (size := source.picture_size) is not None}

    def stop(self) -> None:
        """End the iteration after the current step; may be called from any thread."""
        self._stopped = True

    def __iter__(self) -> Iterator[FrameBatch]:
        iterators = {source.camera_id: iter(source) for source in self._sources}
        waiting: dict[str, Frame | None] = {camera: next(frames, None) for camera, frames in iterators.items()}
        while heads := {camera: frame for camera, frame in waiting.items() if frame is not None}:
            if self._stopped:
                return
            t_seconds = min(frame.t_seconds for frame in heads.values())
            chosen = {
                camera: frame
                for camera, frame in heads.items()
                if frame.t_seconds - t_seconds <= self._tolerance_seconds
            }
            yield FrameBatch(t_seconds, chosen)
            waiting.update((camera, next(iterators[camera], None)) for camera in chosen)

    def close(self) -> None:
        for source in self._sources:
            source.close()
