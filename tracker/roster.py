"""Live cameras that come and go while a run goes on."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from threading import Lock

from tracker.cameras import clips_folder, live_camera
from tracker.config import CameraConfig, Config
from tracker.core.selection import SelectionConfig
from tracker.core.single_camera import SingleCameraTracker
from tracker.core.zones import ZoneConfig, ZoneWatch
from tracker.errors import OmnitrackError
from tracker.events.sink import EventSink
from tracker.pipeline import Pipeline
from tracker.store.keeping import Keeper
from tracker.store.runs import ActiveRun, CameraOrigin, change_cameras
from tracker.store.session import Store
from tracker.video.areas import CameraAreas
from tracker.video.live_batching import LiveBatcher
from tracker.video.motion_compensation import CameraMotionEstimator
from tracker.video.urls import is_live, masked


def areas_of(camera: CameraConfig, confidence: float) -> CameraAreas:
    """What counts of a camera's picture. confidence: where the camera has none of its own."""
    return CameraAreas(camera.region, camera.masks, confidence if camera.confidence is None else camera.confidence)


def selection_of(config: Config) -> SelectionConfig | None:
    """Who is described; None: everybody."""
    return config.embedder.selection if config.embedder.policy == "selective" else None


def zone_watch(camera: CameraConfig, config: Config) -> ZoneWatch:
    """Follows feet over the camera's zones and lines."""
    settings = ZoneConfig(config.events.settle_seconds, config.events.line_margin)
    return ZoneWatch(camera.zones, camera.lines, settings)


def origin_of(camera: CameraConfig, epoch: datetime, clips: Path | None) -> CameraOrigin:
    """What the history keeps of a camera. epoch: wall time of its second 0. clips: their folder, if there are any."""
    return CameraOrigin(masked(camera.source), epoch, clips, (*camera.zones, *camera.lines))


def kept_days(cameras: Iterable[CameraConfig]) -> dict[str, float]:
    """For how many days cameras with a rule of their own are remembered."""
    return {camera.name: camera.retention_days for camera in cameras if camera.retention_days is not None}


class Roster:
    """Brings a run's cameras in line with a changed configuration; every other camera loses nothing.

    The annotated videos of a run are of the cameras that it began with.
    """

    def __init__(
        self,
        config: Config,
        folder: Path,
        batcher: LiveBatcher,
        pipeline: Pipeline,
        events: EventSink,
        keeper: Keeper,
        store: Store,
        run: ActiveRun,
        epoch: datetime,
    ) -> None:
        self._config = config
        self._least_confidence = config.least_confidence
        self._folder = folder
        self._batcher = batcher
        self._pipeline = pipeline
        self._events = events
        self._keeper = keeper
        self._store = store
        self._run = run
        self._epoch = epoch
        self._lock = Lock()

    def apply(self, config: Config) -> list[str]:
        """Remove, add and begin anew what differs in `cameras`; -> what was done, a line each. May be called from any
        thread. Raises OmnitrackError, having changed nothing, for a list that cannot be used.
        """
        with self._lock:
            before = {camera.name: camera for camera in self._config.cameras}
            after = {camera.name: camera for camera in config.cameras}
            gone = [name for name in before if name not in after]
            changed = [name for name, camera in after.items() if name in before and camera != before[name]]
            new = [name for name in after if name not in before]
            for name in (*changed, *new):
                if not is_live(after[name].source):
                    raise OmnitrackError(f"camera {name}: {after[name].source} is a file; a live run takes no files")
                if (wanted := after[name].confidence) is not None and wanted < self._least_confidence:
                    raise OmnitrackError(
                        f"camera {name}: confidence {wanted:g} is below {self._least_confidence:g}, the lowest that "
                        "this run's detector was opened for; choose a higher one, or start the run again"
                    )
            origin = self._batcher.origin_seconds
            fresh = [
                live_camera(after[name], self._config, self._folder, origin, self._epoch) for name in (*changed, *new)
            ]
            clips = clips_folder(self._config, self._folder)
            origins = {camera.camera_id: origin_of(after[camera.camera_id], self._epoch, clips) for camera in fresh}
            change_cameras(self._store, self._run, origins, self._batcher.seconds)
            for camera in fresh:
                self._make_ready(after[camera.camera_id], is_live_now=camera.camera_id in before)
            for name in (*gone, *changed):
                self._batcher.remove(name)
            for camera in fresh:
                self._batcher.add(camera)
            self._config = self._config.model_copy(update={"cameras": config.cameras})
            self._keeper.change(kept_days(config.cameras))
            actions = {"removed": gone, "begun anew": changed, "added": new}
            return [f"camera {name}: {action}" for action, names in actions.items() for name in names]

    def _make_ready(self, camera: CameraConfig, is_live_now: bool) -> None:
        """Whatever a frame of the camera will meet, before there is one."""
        name, config, pipeline = camera.name, self._config, self._pipeline
        if name not in pipeline.trackers:
            pipeline.trackers[name] = SingleCameraTracker(name, config.tracker, selection_of(config))
        pipeline.areas[name] = areas_of(camera, config.detector.confidence)
        pipeline.movements.pop(name, None)
        if camera.moving:
            pipeline.movements[name] = CameraMotionEstimator()
            pipeline.followers.leave_ground(name)
        self._events.watch(name, zone_watch(camera, config), from_next_loss=is_live_now)
