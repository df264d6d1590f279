"""The cameras of a configuration, opened and in step."""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

from tracker.config import CameraConfig, Config, with_secrets
from tracker.inference.devices import parallel_requests, resolve_devices
from tracker.ports import FrameSource
from tracker.video.batching import StepBatcher
from tracker.video.clips import ClipSettings
from tracker.video.live import LiveCamera
from tracker.video.live_batching import Feed, LiveBatcher
from tracker.video.pace import PacedSource
from tracker.video.replay import ReplayedCamera
from tracker.video.sources import ImageFolderSource, VideoFileSource
from tracker.video.urls import is_live

IMAGE_FOLDER_RATE = 25.0


def open_cameras(config: Config, folder: Path | None = None) -> tuple[StepBatcher | LiveBatcher, datetime | None]:
    """The cameras in step, and the wall time (UTC) of their t_seconds = 0; None for recordings that do not tell.

    Files among live cameras are played in real time from now on. Raises OmnitrackError for one that cannot be opened.
    """
    if not any(is_live(camera.source) for camera in config.cameras):
        with ExitStack() as opened:
            sources = [opened.enter_context(closing(open_source(c))) for c in aligned(config.cameras)]
            opened.pop_all()
        paced = [at_pace(source, c) for source, c in zip(sources, config.cameras, strict=True)]
        return StepBatcher(paced), clock_zero(config.cameras, sources)
    origin, epoch = monotonic(), datetime.now(UTC)
    with ExitStack() as opened:
        feeds: list[Feed] = []
        for camera in config.cameras:
            if is_live(camera.source):
                feeds.append(live_camera(camera, config, folder, origin, epoch))
            else:
                source = opened.enter_context(closing(open_source(camera)))
                feeds.append(ReplayedCamera(at_pace(source, camera), origin, camera.time_offset_seconds))
        opened.pop_all()
    at_once = parallel_requests() if resolve_devices(config.device) == ("cpu",) else None
    return LiveBatcher(feeds, origin, config.live.tolerance_seconds, most_frames=at_once), epoch


def clips_folder(config: Config, folder: Path) -> Path | None:
    """Where a run keeps what live cameras send; None: it does not."""
    return None if config.output.clips is None else folder / "clips"


def live_camera(
    camera: CameraConfig, config: Config, folder: Path | None, origin_seconds: float, epoch: datetime
) -> LiveCamera:
    """A live camera, not started yet. origin_seconds, epoch: the monotonic and the wall time of t_seconds = 0.

    Raises OmnitrackError naming an environment variable that is not set.
    """
    settings, keep, clips = config.live, config.output.clips, None
    if keep is not None and folder is not None:
        quota = round(keep.quota_megabytes * 1e6)
        zero = epoch + timedelta(seconds=camera.time_offset_seconds - origin_seconds)
        clips = ClipSettings(folder / "clips", camera.name, keep.segment_seconds, quota, zero)
    if camera.process_fps is not None:
        settings = replace(settings, most_frames_per_second=camera.process_fps)
    url = with_secrets(camera.source, f"camera {camera.name}")
    return LiveCamera(camera.name, url, origin_seconds, settings, camera.time_offset_seconds, clips)


def at_pace(source: FrameSource, camera: CameraConfig) -> FrameSource:
    """The source, or as many of its pictures as the camera's process_fps asks for."""
    return source if camera.process_fps is None else PacedSource(source, camera.process_fps)


def open_source(camera: CameraConfig) -> VideoFileSource | ImageFolderSource:
    """A recorded camera's pictures. Raises OmnitrackError naming the source and what is wrong with it."""
    if Path(camera.source).is_dir():
        folder_rate = camera.frames_per_second or IMAGE_FOLDER_RATE
        return ImageFolderSource(camera.name, camera.source, folder_rate, camera.time_offset_seconds)
    rate = camera.frames_per_second
    return VideoFileSource(camera.name, camera.source, camera.time_offset_seconds, frames_per_second=rate)


def aligned(cameras: Sequence[CameraConfig]) -> list[CameraConfig]:
    """Cameras with a start_time are shifted against the one that started first; the others start with it."""
    zero = min((camera.start_time for camera in cameras if camera.start_time), default=None)
    shifted = []
    for camera in cameras:
        offset = camera.time_offset_seconds
        if zero is not None and camera.start_time is not None:
            offset += (camera.start_time - zero).total_seconds()
        shifted.append(camera.model_copy(update={"time_offset_seconds": offset}))
    return shifted


def clock_zero(cameras: Sequence[CameraConfig], sources: Sequence[FrameSource]) -> datetime | None:
    """The wall time (UTC) of t_seconds = 0: the first configured start, else the earliest recording time that a
    file states, else None.
    """
    starts = [camera.start_time for camera in cameras if camera.start_time is not None]
    if not starts:
        files = [source for source in sources if isinstance(source, VideoFileSource)]
        starts = [source.recorded_at for source in files if source.recorded_at is not None]
    return min(starts).astimezone(UTC) if starts else None
