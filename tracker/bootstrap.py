"""The only place that builds concrete objects from a configuration; its networks come from networks.py."""

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tracker.cameras import clips_folder, open_cameras
from tracker.config import Config
from tracker.core.single_camera import SingleCameraTracker
from tracker.crosscam.affinity import Walks
from tracker.crosscam.constraints import Constraint
from tracker.crosscam.ground.linking import SiteMatcher
from tracker.crosscam.known import KnownPerson
from tracker.crosscam.matcher import CrossCameraMatcher
from tracker.crosscam.reassociation import BeyondLooks
from tracker.crosscam.topology import Topology
from tracker.errors import OmnitrackError
from tracker.inference.devices import parallel_requests
from tracker.inference.neighbours import ScreenedNeighbours
from tracker.networks import LoadingNetworks, Notify
from tracker.operation.status import RunStatus
from tracker.operation.timing import StageTimes, TimedDetector, TimedEmbedder
from tracker.outlets import build_event_sink, build_outboxes, watched
from tracker.pipeline import Pipeline
from tracker.ports import Matcher
from tracker.roster import Roster, areas_of, kept_days, origin_of, selection_of
from tracker.run import Run
from tracker.sinks import Sinks, build_sinks, output_for
from tracker.site.ground import open_ground
from tracker.site.topology import learning_sinks, load_topology
from tracker.store.keeping import Keeper
from tracker.store.lookout import Lookout
from tracker.store.memory import Hearing, known_people, standing_decisions
from tracker.store.numbers import IdentityNumbers
from tracker.store.runs import begin_run
from tracker.store.session import Store, open_store
from tracker.store.sink import StoreSink
from tracker.video.annotate import file_name
from tracker.video.batching import StepBatcher
from tracker.video.live_batching import LiveBatcher
from tracker.video.motion_compensation import CameraMotionEstimator
from tracker.video.motion_gate import MotionGate
from tracker.video.urls import is_live


def build_run(
    config: Config,
    folder: Path,
    database: str,
    *,
    notify: Notify,
    warn: Notify | None = None,
    record: bool = False,
    networks: LoadingNetworks | None = None,
) -> Run:
    """Everything for one run over the configuration's cameras.

    folder: where annotated videos, MOT files, the timeline and, with record, detections go. database: path or URL.
    notify: takes lines for people. warn: takes those that say that people's ways changed; None: notify takes them, too.
    networks: those of the configuration, if they are being loaded already.
    Raises OmnitrackError, before anything is processed, for cameras that cannot be opened, models that cannot be
    found, and a folder or database that cannot be written.
    """
    with ExitStack() as opened, networks or LoadingNetworks(config) as loading:
        batcher, stated_epoch = open_cameras(config, folder)
        sizes = picture_sizes(batcher)
        fitted = loading.expect({(height, width) for width, height in sizes.values()})
        epoch = stated_epoch or datetime.now(UTC)
        opened.enter_context(closing(batcher))
        still = [c.name for c in config.cameras if not c.moving]
        live = isinstance(batcher, LiveBatcher)
        ground = open_ground(config.ground, still, sizes, config.tracker, loading.notes.append, more_may_come=live)
        make_folder(folder)
        require_untouched(config, folder)
        store = opened.enter_context(open_store(database))
        detector, embedder = loading.ready()
        fitted.result()
        for note in loading.notes:
            notify(note)
        clips = clips_folder(config, folder) if isinstance(batcher, LiveBatcher) else None
        origins = {camera.name: origin_of(camera, epoch, clips) for camera in config.cameras}
        topology = load_topology(config.topology, [c.name for c in config.cameras], warn or notify)
        learning = learning_sinks(config.topology, topology)
        active = begin_run(store, origins, embedder_name=embedder.name, embedder_dimension=embedder.dimension)
        linking = opened.enter_context(build_matcher(config, store, topology, stated_epoch))
        matcher: Matcher = linking
        if ground.site is not None:
            matcher = SiteMatcher(linking, ground.site, config.matcher.answer_seconds)
        hearing = opened.enter_context(Hearing(store, active))
        keeper = opened.enter_context(Keeper(store, config.retention.days, kept_days(config.cameras)))
        history = StoreSink(store, active, crops_per_sighting=config.output.crops_per_sighting)
        outboxes = build_outboxes(config.events)
        lookout = Lookout(store, active)
        events = build_event_sink(config, outboxes, matcher.identity_of, epoch, history.note, lookout)
        times = StageTimes()
        given = Sinks(history, events, lookout, times)
        sinks = build_sinks(config, folder, batcher, matcher, given, embedder.name if record else None)
        sinks += learning
        pipeline = Pipeline(
            detector=TimedDetector(detector, times),
            embedder=TimedEmbedder(embedder, times),
            trackers={
                c.name: SingleCameraTracker(c.name, config.tracker, selection_of(config)) for c in config.cameras
            },
            matcher=matcher,
            ground=ground.site,
            calibrated=ground.cameras,
            measured=times.measured,
            decisions=hearing.fresh,
            sinks=sinks,
            gate=None if config.detector.motion_gate is None else MotionGate(config.detector.motion_gate),
            areas={c.name: areas_of(c, config.detector.confidence) for c in config.cameras},
            movements={c.name: CameraMotionEstimator() for c in config.cameras if c.moving},
        )
        for camera in config.cameras:
            if camera.moving:
                pipeline.followers.leave_ground(camera.name)
        roster = None
        if isinstance(batcher, LiveBatcher):
            roster = Roster(config, folder, batcher, pipeline, events, keeper, store, active, epoch)
            status = RunStatus(batcher, history.counters, outboxes, times)
            pipeline.sinks = [*sinks, status]
            opened.enter_context(watched(status, config.operation))
        return Run(
            cameras=tuple(camera.name for camera in config.cameras),
            batcher=batcher,
            pipeline=pipeline,
            store=store,
            run_id=active.id,
            output=output_for(config),
            motion=config.tracker.motion,
            folder=folder,
            database=store.name,
            resources=opened.pop_all(),
            ahead=steps_ahead(len(config.cameras), live=roster is not None),
            roster=roster,
            times=times,
        )


@contextmanager
def build_matcher(
    config: Config, store: Store, topology: Topology | None = None, epoch: datetime | None = None
) -> Iterator[CrossCameraMatcher]:
    """The matcher of a run that is stored. epoch: wall time (UTC) of its beginning; where that is known, it begins with
    the people seen shortly before.
    """
    known: list[KnownPerson] = []
    decisions: list[Constraint] = []
    if epoch is not None:
        with store.read() as connection:
            known = known_people(connection, epoch, config.matcher.memory_seconds)
            decisions = standing_decisions(connection, {person.identity_id for person in known})
    numbers = IdentityNumbers(store)
    walks = None if topology is None else Walks(topology, config.matcher.memory_seconds)
    try:
        yield CrossCameraMatcher(
            config.matcher,
            issue_id=numbers,
            known=known,
            constraints=decisions,
            walks=walks,
            neighbours=ScreenedNeighbours(),
        )
    finally:
        numbers.give_back()


def beyond_looks_of(config: Config, cameras: Sequence[str], notify: Notify) -> BeyondLooks | None:
    """What a recorded history is judged by besides looks, None where nothing is configured. Nothing is learnt."""
    topology = load_topology(config.topology.model_copy(update={"learn": False}), cameras, notify)
    return None if topology is None else Walks(topology, config.matcher.memory_seconds).parts


def steps_ahead(cameras: int, live: bool) -> int:
    """How many steps the detector works ahead, so that every core has a picture to work on. Of recordings one more is
    ready; of live cameras none, for what waits is late.
    """
    return math.ceil(parallel_requests() / cameras) + (not live)


def make_folder(folder: Path) -> None:
    """Create the output folder. Raises OmnitrackError when it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OmnitrackError(
            f"output folder {folder}: cannot be made ({error.strerror}); choose another --out"
        ) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OmnitrackError(f"output folder {folder}: cannot be written; choose another --out")


def require_untouched(config: Config, folder: Path) -> None:
    """Raises OmnitrackError when an annotated video would take the place of the video that it shows."""
    for camera in config.cameras:
        written = folder / f"{file_name(camera.name)}.mp4"
        if written.exists() and not is_live(camera.source) and written.samefile(camera.source):
            raise OmnitrackError(
                f"output folder {folder}: {written} is an input and would be overwritten; choose another --out"
            )


def picture_sizes(batcher: StepBatcher | LiveBatcher) -> dict[str, tuple[int, int]]:
    """(width, height) by camera, as far as they are known before the first picture."""
    if isinstance(batcher, LiveBatcher):
        return {}
    return {camera: (width, height) for camera, (height, width) in batcher.picture_sizes.items()}
