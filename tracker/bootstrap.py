"""The only place that builds concrete objects from a configuration."""

import math
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

from reid.embedder import CropEmbedder
from reid.errors import ReidError
from reid.metadata import input_spec_of
from reid.preprocess import InputSpec
from reid.pretrained import SHIPPED_WEIGHTS
from tracker.cameras import clips_folder, open_cameras
from tracker.config import Config
from tracker.core.single_camera import SingleCameraTracker
from tracker.crosscam.affinity import Walks
from tracker.crosscam.constraints import Constraint
from tracker.crosscam.known import KnownPerson
from tracker.crosscam.matcher import CrossCameraMatcher
from tracker.crosscam.reassociation import BeyondLooks
from tracker.crosscam.topology import Topology
from tracker.detection.opening import open_detector
from tracker.detection.shaped import ShapedDetector
from tracker.errors import OmnitrackError
from tracker.inference.devices import parallel_requests, resolve_device
from tracker.inference.download import sha256_of
from tracker.inference.neighbours import ScreenedNeighbours
from tracker.inference.registry import ResolvedModel, load_registry
from tracker.inference.session import Session, open_session
from tracker.inference.spec import ModelFormat, ModelInput, ModelKind, ModelSpec
from tracker.inference.torch_session import TorchSession
from tracker.likeness import Describer
from tracker.operation.status import RunStatus
from tracker.operation.timing import StageTimes, TimedDetector, TimedEmbedder
from tracker.outlets import build_event_sink, build_outboxes, watched
from tracker.pipeline import Pipeline
from tracker.ports import Detector, Embedder
from tracker.roster import Roster, areas_of, origin_of, selection_of
from tracker.run import Run
from tracker.sinks import Sinks, build_sinks, output_for
from tracker.site.topology import open_topology
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

Notify = Callable[[str], None]
"""Takes one line that the user should see."""


def build_run(config: Config, folder: Path, database: str, *, notify: Notify, record: bool = False) -> Run:
    """Everything for one run over the configuration's cameras.

    folder: where annotated videos, MOT files, the timeline and, with record, detections go. database: path or URL.
    Raises OmnitrackError, before anything is processed, for cameras that cannot be opened, models that cannot be
    found, and a folder or database that cannot be written.
    """
    with ExitStack() as opened, ThreadPoolExecutor(2) as loading:
        notes: list[str] = []  # told once it is certain that there will be a run
        detector_job = loading.submit(build_detector, config, notes.append)
        embedder_job = loading.submit(build_embedder, config, notes.append)
        batcher, stated_epoch = open_cameras(config, folder)
        ready = loading.submit(expect_pictures, detector_job, batcher)
        epoch = stated_epoch or datetime.now(UTC)
        opened.enter_context(closing(batcher))
        make_folder(folder)
        require_untouched(config, folder)
        store = opened.enter_context(open_store(database))
        detector, embedder = detector_job.result(), embedder_job.result()
        ready.result()
        for note in notes:
            notify(note)
        clips = clips_folder(config, folder) if isinstance(batcher, LiveBatcher) else None
        origins = {camera.name: origin_of(camera, epoch, clips) for camera in config.cameras}
        active = begin_run(store, origins, embedder_name=embedder.name, embedder_dimension=embedder.dimension)
        topology = opened.enter_context(open_topology(config.topology, [c.name for c in config.cameras], notify))
        matcher = opened.enter_context(build_matcher(config, store, topology, stated_epoch))
        hearing = opened.enter_context(Hearing(store, active))
        opened.enter_context(Keeper(store, config.retention.days, kept_days(config)))
        history = StoreSink(store, active, crops_per_sighting=config.output.crops_per_sighting)
        outboxes = build_outboxes(config.events)
        lookout = Lookout(store, active)
        events = build_event_sink(config, outboxes, matcher.identity_of, epoch, history.note, lookout)
        times = StageTimes()
        given = Sinks(history, events, lookout, times)
        sinks = build_sinks(config, folder, batcher, matcher, given, embedder.name if record else None)
        pipeline = Pipeline(
            detector=TimedDetector(detector, times),
            embedder=TimedEmbedder(embedder, times),
            trackers={
                c.name: SingleCameraTracker(c.name, config.tracker, selection_of(config)) for c in config.cameras
            },
            matcher=matcher,
            decisions=hearing.fresh,
            sinks=sinks,
            gate=None if config.detector.motion_gate is None else MotionGate(config.detector.motion_gate),
            areas={c.name: areas_of(c, config.detector.confidence) for c in config.cameras},
            movements={c.name: CameraMotionEstimator() for c in config.cameras if c.moving},
        )
        roster = None
        if isinstance(batcher, LiveBatcher):
            roster = Roster(config, folder, batcher, pipeline, events, store, active, epoch)
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
        )


def kept_days(config: Config) -> dict[str, float]:
    """For how many days cameras with a rule of their own are remembered."""
    return {c.name: c.retention_days for c in config.cameras if c.retention_days is not None}


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


@contextmanager
def open_beyond_looks(config: Config, cameras: Sequence[str], notify: Notify) -> Iterator[BeyondLooks | None]:
    """What a recorded history is judged by besides looks, None where nothing is configured. Nothing is learnt."""
    topology_config = config.topology.model_copy(update={"learn": False})
    with open_topology(topology_config, cameras, notify) as topology:
        if topology is None:
            yield None
        else:
            walks = Walks(topology, config.matcher.memory_seconds)
            yield lambda segments, held: {"transit": walks.log_odds(segments, held)}


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


def cache_folder() -> Path:
    """Where downloads, exported networks and compiled networks are kept between runs."""
    return user_cache_path("omnitrack")


def find_model(config: Config, kind: ModelKind, *, notify: Notify, download: bool = True) -> ResolvedModel:
    """The configured model: a file that is there, or the built-in fallback. Raises OmnitrackError."""
    wanted = config.detector.model if kind is ModelKind.DETECTOR else config.embedder.model
    from_environment = [Path(p) for p in os.environ.get("OMNITRACK_MODELS", "").split(os.pathsep) if p]
    return load_registry().resolve(
        kind,
        wanted,
        [*config.models.folders, *from_environment],
        cache_folder() / "models",
        download=download and config.models.download,
        notify=notify,
        cuda=resolve_device(config.device) != "cpu",
    )


def build_detector(config: Config, notify: Notify) -> Detector:
    """One for all cameras, as unsure as the one that wants to hear most."""
    confidence = min([config.detector.confidence, *(c.confidence for c in config.cameras if c.confidence is not None)])
    model = find_model(config, ModelKind.DETECTOR, notify=notify)
    settings, shaped = config.detector, config.detector.shape == "picture"
    device = resolve_device(config.device)
    return open_detector(model, device, cache_folder(), confidence, settings.nms_iou, shaped=shaped)


def expect_pictures(detector: Future[Detector], batcher: StepBatcher | LiveBatcher) -> None:
    """Open the networks for what the recordings show; live cameras tell with their first picture."""
    found = detector.result()
    if isinstance(found, ShapedDetector) and isinstance(batcher, StepBatcher):
        for size in sorted(batcher.picture_sizes):
            found.expect(size)


def build_describer(config: Config, notify: Notify) -> Describer:
    """Finds and describes the person on a photo with the same networks as a run."""
    return Describer(build_detector(config, notify), build_embedder(config, notify))


def build_embedder(config: Config, notify: Notify) -> Embedder:
    model = find_model(config, ModelKind.EMBEDDER, notify=notify)
    device = resolve_device(config.device)
    try:
        if model.spec.format in (ModelFormat.OPENVINO, ModelFormat.ONNX) and model.path is not None:
            session, spec = engine_session(model.path, model.spec)
        else:
            session, spec = osnet_session(model.path or SHIPPED_WEIGHTS, model.spec, device)
    except ReidError as error:
        raise OmnitrackError(str(error)) from error
    blank = np.zeros((1, spec.height, spec.width, 3), np.uint8)
    return CropEmbedder(session, spec, model.spec.name, session.infer(blank).shape[1])


def engine_session(path: Path, model: ModelSpec) -> tuple[Session, InputSpec]:
    """A network file that runs as it is, to be given pictures, and the input that the registry states for it."""
    given = model.input
    spec = InputSpec(given.height, given.width, given.colour, given.scale, given.mean, given.std)
    session = open_session(path, cache_dir=cache_folder() / "compiled", precision=model.precision, pixels=given)
    return session, spec


def osnet_session(weights_path: Path, model: ModelSpec, device: str) -> tuple[Session, InputSpec]:
    """OSNet weights, in torch on CUDA and exported once for the CPU, and the input that the weights state. The session
    takes pictures.
    """
    spec = input_spec_of(weights_path)
    pixels = ModelInput(
        height=spec.height, width=spec.width, colour=spec.order, scale=spec.scale, mean=spec.mean, std=spec.std
    )
    if device != "cpu":
        from reid import weights

        module = weights.load(weights_path, model.variant)
        return TorchSession(module, device, (None, 3, *pixels.size), pixels=pixels), spec
    name = f"{sha256_of(weights_path)[:16]}-openvino{version('openvino')}.xml"
    exported = cache_folder() / "exported" / name
    if not exported.exists():
        export_once(weights_path, model.variant, exported)
    return open_session(exported, cache_dir=cache_folder() / "compiled", precision=model.precision, pixels=pixels), spec


def export_once(weights_path: Path, variant: str, exported: Path) -> None:
    """Convert OSNet weights to an OpenVINO file; a kill half-way leaves nothing that a later start would trust."""
    from reid.export import to_openvino

    exported.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=exported.parent) as scratch:
        made = Path(scratch) / exported.name
        to_openvino(weights_path, made, variant)
        for suffix in (".bin", ".xml"):  # the .xml is what exists() asks for, so it comes last
            made.with_suffix(suffix).replace(exported.with_suffix(suffix))
