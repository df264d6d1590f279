"""Live cameras in step: whatever is new, together, without waiting for anybody who is late."""

import threading
from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from typing import Protocol

from tracker.errors import OmnitrackError
from tracker.video.camera import CameraHealth, CameraState
from tracker.video.frame import Frame, FrameBatch


class Feed(Protocol):
    """What LiveBatcher needs of a camera; LiveCamera has it."""

    on_change: Callable[[], None]

    @property
    def camera_id(self) -> str: ...
    @property
    def health(self) -> CameraHealth: ...
    @property
    def frames_per_second(self) -> float: ...
    @property
    def lost_frames(self) -> int: ...
    @property
    def damaged_frames(self) -> int: ...
    def start(self) -> None: ...
    def take(self) -> Frame | None: ...
    def close(self) -> None: ...


class LiveBatcher:
    """Iterates over steps of live cameras until close(); the pipeline's pace decides how many frames are dropped.

    A step begins with the first new frame and waits up to gather_seconds for the other online cameras. Frames that
    were captured within tolerance_seconds of the newest one share a step; later ones come first, in steps of their
    own, and are counted in late_frames. A camera that goes offline is named once in lost_cameras, in a step without
    pictures if there are none; it keeps nobody waiting.
    most_frames: as many as are worked on at once; the cameras that were served longest ago come first. More would only
    make all of them wait for each other: too many cameras cost frames, not freshness. None: all.
    origin_seconds: the monotonic time at which t_seconds is 0, as given to the cameras.
    Raises OmnitrackError when two cameras have one name.
    """

    total_frames: int | None = None

    def __init__(
        self,
        cameras: Sequence[Feed],
        origin_seconds: float,
        tolerance_seconds: float = 0.4,
        gather_seconds: float = 0.02,
        most_frames: int | None = None,
    ) -> None:
        names = [camera.camera_id for camera in cameras]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise OmnitrackError(f"two cameras are named {repeated[0]!r}: give each its own name")
        self._cameras = list(cameras)  # replaced whole when a camera comes or goes, for other threads read it
        self.origin_seconds = origin_seconds
        self._tolerance_seconds = tolerance_seconds
        self._gather_seconds = gather_seconds
        self._most_frames = most_frames
        self._served = dict.fromkeys(names, 0)
        self._turns = 0
        self._news = threading.Event()
        self._closed = threading.Event()
        self._losses = dict.fromkeys(names, 0)
        self._late = dict.fromkeys(names, 0)
        self._removed: set[str] = set()
        for camera in self._cameras:
            camera.on_change = self._news.set

    @property
    def lost_frames(self) -> dict[str, int]:
        """Frames that were dropped or not decodable so far, by camera."""
        return {camera.camera_id: camera.lost_frames for camera in self._cameras}

    @property
    def damaged_frames(self) -> dict[str, int]:
        """Frames so far of which parts had to be guessed, by camera; told of recordings only."""
        return {camera.camera_id: camera.damaged_frames for camera in self._cameras}

    @property
    def frames_per_second(self) -> dict[str, float]:
        """Rate that the camera states or is limited to, by camera; for written videos only."""
        return {camera.camera_id: camera.frames_per_second for camera in self._cameras}

    @property
    def late_frames(self) -> dict[str, int]:
        """Frames so far that came too late to share a step with the other cameras."""
        return {camera.camera_id: self._late[camera.camera_id] for camera in self._cameras}

    @property
    def health(self) -> dict[str, CameraHealth]:
        return {camera.camera_id: camera.health for camera in self._cameras}

    @property
    def seconds(self) -> float:
        """Now, on the clock of t_seconds."""
        return monotonic() - self.origin_seconds

    def add(self, camera: Feed) -> None:
        """One more camera, from any thread; it shares the origin. Its name is that of no other."""
        camera.on_change = self._news.set
        self._losses.setdefault(camera.camera_id, 0)
        self._late.setdefault(camera.camera_id, 0)
        self._served.setdefault(camera.camera_id, 0)
        camera.start()
        self._cameras = [*self._cameras, camera]

    def remove(self, camera_id: str) -> None:
        """End a camera, from any thread; it is named in lost_cameras of a step that follows."""
        gone = [camera for camera in self._cameras if camera.camera_id == camera_id]
        self._cameras = [camera for camera in self._cameras if camera.camera_id != camera_id]
        for camera in gone:
            camera.close()
        self._removed.add(camera_id)
        self._news.set()

    def __iter__(self) -> Iterator[FrameBatch]:
        for camera in self._cameras:
            camera.start()
        while not self._closed.is_set():
            self._news.wait()
            self._news.clear()
            frames = self._gather()
            lost = self._newly_lost()
            if frames or lost:
                yield from self._steps(frames, lost)

    def stop(self) -> None:
        """End the iteration after the current step; may be called from any thread."""
        self._closed.set()
        self._news.set()

    def close(self) -> None:
        """Stop, and end all readers."""
        self.stop()
        closers = [threading.Thread(target=camera.close) for camera in self._cameras]
        for closer in closers:
            closer.start()
        for closer in closers:
            closer.join()

    def _gather(self) -> dict[str, Frame]:
        frames: dict[str, Frame] = {}
        cameras = sorted(self._cameras, key=lambda camera: self._served[camera.camera_id])
        most = len(cameras) if self._most_frames is None else self._most_frames
        deadline = monotonic() + self._gather_seconds
        while True:
            for camera in cameras:
                if len(frames) < most and camera.camera_id not in frames and (frame := camera.take()) is not None:
                    frames[camera.camera_id] = frame
            online = sum(camera.health.state is CameraState.ONLINE for camera in cameras)
            remaining = deadline - monotonic()
            if not frames or len(frames) >= min(online, most) or remaining <= 0:
                return self._counted(frames)
            self._news.wait(remaining)
            self._news.clear()

    def _counted(self, frames: dict[str, Frame]) -> dict[str, Frame]:
        """The frames in the order of the cameras."""
        for camera_id in frames:
            self._turns += 1
            self._served[camera_id] = self._turns
        if frames:
            self._news.set()  # others may have been left for the next step
        return {camera.camera_id: frames[camera.camera_id] for camera in self._cameras if camera.camera_id in frames}

    def _newly_lost(self) -> frozenset[str]:
        losses = {camera.camera_id: camera.health.losses for camera in self._cameras}
        removed = {self._removed.pop() for _ in range(len(self._removed))}
        lost = removed | {name for name, count in losses.items() if count > self._losses.get(name, 0)}
        self._losses = losses
        return frozenset(lost)

    def _steps(self, frames: dict[str, Frame], lost: frozenset[str]) -> Iterator[FrameBatch]:
        if lost:
            yield FrameBatch(self.seconds, {}, lost)
        newest = max((frame.t_seconds for frame in frames.values()), default=0.0)
        late = [frame for frame in frames.values() if frame.t_seconds < newest - self._tolerance_seconds]
        for frame in sorted(late, key=lambda frame: frame.t_seconds):
            self._late[frame.camera_id] += 1
            yield FrameBatch(frame.t_seconds, {frame.camera_id: frame})
        together = {name: frame for name, frame in frames.items() if frame not in late}
        if together:
            yield FrameBatch(min(frame.t_seconds for frame in together.values()), together)
