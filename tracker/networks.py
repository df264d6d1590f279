"""The networks of a run: found, prepared for the device, and loaded while the rest of the program gets ready."""

import os
import tempfile
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from platformdirs import user_cache_path

from reid.embedder import CropEmbedder
from reid.errors import ReidError
from reid.metadata import input_spec_of
from reid.preprocess import InputSpec
from reid.pretrained import SHIPPED_WEIGHTS
from tracker.config import Config
from tracker.detection.opening import open_detector
from tracker.detection.shaped import ShapedDetector, fitting, upright_lying_or_square
from tracker.errors import OmnitrackError
from tracker.inference.checksum import sha256_of
from tracker.inference.devices import resolve_devices
from tracker.inference.registry import ResolvedModel, load_registry
from tracker.inference.session import Session, open_session
from tracker.inference.spec import ModelFormat, ModelInput, ModelKind, ModelSpec
from tracker.inference.torch_session import TorchSession
from tracker.likeness import Describer
from tracker.ports import Detector, Embedder
from tracker.several_devices import SeveralDetectors, SeveralEmbedders, as_one

CPU = ("cpu",)

Notify = Callable[[str], None]
"""Takes one line that the user should see."""


class LoadingNetworks:
    """Detector and embedder of a configuration, loaded by threads from now on; leaving the context waits for them.

    notes: what the user should see once it is certain that there will be a run.
    """

    def __init__(self, config: Config) -> None:
        self.notes: list[str] = []
        self._threads = ThreadPoolExecutor(2, "load")
        self._detector = self._threads.submit(build_detector, config, self.notes.append)
        self._embedder = self._threads.submit(build_embedder, config, self.notes.append)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown()

    def expect(self, picture_sizes: set[tuple[int, int]]) -> Future[None]:
        """Open the networks for pictures of these sizes (height, width), if they depend on that."""
        return self._threads.submit(self._expect, picture_sizes)

    def ready(self) -> tuple[Detector, Embedder]:
        """Waits. Raises OmnitrackError for models that cannot be found or opened."""
        return self._detector.result(), self._embedder.result()

    def _expect(self, picture_sizes: set[tuple[int, int]]) -> None:
        detector = self._detector.result()
        if isinstance(detector, ShapedDetector):
            for size in sorted(picture_sizes):
                detector.expect(size)


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
        cuda=resolve_devices(config.device) != CPU,
    )


def devices_for(config: Config, spec: ModelSpec) -> tuple[str, ...]:
    """Where the network runs: exported ones, as the built-in detector is, on the CPU, whatever else there is."""
    built_in_weights = spec.kind is ModelKind.EMBEDDER and spec.format is ModelFormat.BUILT_IN
    return resolve_devices(config.device) if spec.runs_on_cuda or built_in_weights else CPU


def build_detector(config: Config, notify: Notify, *, photos: bool = False) -> Detector:
    """One for all cameras, as unsure as the one that wants to hear most. photos: for single pictures of any shape, each
    of which gets all cores, instead of many side by side.
    """
    model = find_model(config, ModelKind.DETECTOR, notify=notify)
    fit = upright_lying_or_square if photos else fitting if config.detector.shape == "picture" else None
    devices = devices_for(config, model.spec)
    iou, streams = config.detector.nms_iou, 1 if photos else None
    opened: list[Detector] = [
        open_detector(model, device, cache_folder(), config.least_confidence, iou, fit=fit, streams=streams)
        for device in (devices[:1] if photos else devices)
    ]
    return as_one(opened, SeveralDetectors)


def build_describer(config: Config, notify: Notify) -> Describer:
    """Finds and describes the person on a photo with the same networks as a run."""
    return Describer(build_detector(config, notify, photos=True), build_embedder(config, notify, streams=1))


def build_embedder(config: Config, notify: Notify, *, streams: int | None = None) -> Embedder:
    """streams: as many requests side by side on the CPU; None: one a core."""
    model = find_model(config, ModelKind.EMBEDDER, notify=notify)
    try:
        if model.spec.format in (ModelFormat.OPENVINO, ModelFormat.ONNX) and model.path is not None:
            opened = [engine_session(model.path, model.spec, streams)]
        else:
            weights = model.path or SHIPPED_WEIGHTS
            opened = [osnet_session(weights, model.spec, device, streams) for device in devices_for(config, model.spec)]
    except ReidError as error:
        raise OmnitrackError(str(error)) from error
    spec = opened[0][1]
    blank = np.zeros((1, spec.height, spec.width, 3), np.uint8)
    embedders: list[Embedder] = [
        CropEmbedder(session, spec, model.spec.name, session.infer(blank).shape[1]) for session, _ in opened
    ]
    return as_one(embedders, SeveralEmbedders)


def engine_session(path: Path, model: ModelSpec, streams: int | None) -> tuple[Session, InputSpec]:
    """A network file that runs as it is, to be given pictures, and the input that the registry states for it."""
    given = model.input
    spec = InputSpec(given.height, given.width, given.colour, given.scale, given.mean, given.std)
    compiled = cache_folder() / "compiled"
    session = open_session(path, streams=streams, cache_dir=compiled, precision=model.precision, pixels=given)
    return session, spec


def osnet_session(weights_path: Path, model: ModelSpec, device: str, streams: int | None) -> tuple[Session, InputSpec]:
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
    kind = f"{spec.height}x{spec.width}-f32-openvino{version('openvino')}"  # all that the result depends on
    name = f"{sha256_of(weights_path)[:16]}-{kind}.xml"
    exported = cache_folder() / "exported" / name
    if not exported.exists():
        export_once(weights_path, model.variant, exported)
    compiled = cache_folder() / "compiled"
    session = open_session(exported, streams=streams, cache_dir=compiled, precision=model.precision, pixels=pixels)
    return session, spec


def export_once(weights_path: Path, variant: str, exported: Path) -> None:
    """Convert OSNet weights to an OpenVINO file; a kill half-way leaves nothing that a later start would trust."""
    from reid.export import to_openvino

    exported.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=exported.parent) as scratch:
        made = Path(scratch) / exported.name
        to_openvino(weights_path, made, variant)
        for suffix in (".bin", ".xml"):  # the .xml is what exists() asks for, so it comes last
            made.with_suffix(suffix).replace(exported.with_suffix(suffix))
