"""From a detector's model to a session that runs it on the chosen device."""

import logging
import tempfile
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path

from tracker.detection.people_network import REVISION, UnknownLayoutError, people_network
from tracker.detection.shaped import ShapedDetector, Size
from tracker.detection.ultralytics_weights import exported, torch_module
from tracker.detection.yolo import YOLODetector
from tracker.inference.checksum import sha256_of
from tracker.inference.openvino_session import import_openvino
from tracker.inference.registry import ResolvedModel
from tracker.inference.session import Session, open_session
from tracker.inference.spec import ModelFormat
from tracker.inference.torch_session import TorchSession
from tracker.ports import Detector

_LOG = logging.getLogger(__name__)

SHIPPED_DETECTOR = Path(__file__).with_name("weights") / "person.xml"
"""Our own person detector, which needs no download; weights/README.md tells what it is worth."""


def open_detector_session(
    model: ResolvedModel, cache: Path, *, streams: int | None = None, threads: int | None = None
) -> Session:
    """Open a detector on the CPU, to be given pictures. Weights of ultralytics are exported to OpenVINO once.

    cache: folder for what is made on the first start. OmnitrackError for files that cannot be loaded.
    """
    spec, path = model.spec, model.path or SHIPPED_DETECTOR
    if spec.format is ModelFormat.ULTRALYTICS_PT:
        path = exported(path, spec, cache)
    return open_session(
        path,
        streams=streams,
        threads=threads,
        cache_dir=cache / "compiled",
        precision=spec.precision,
        pixels=spec.input,
    )


def open_detector(
    model: ResolvedModel,
    device: str,
    cache: Path,
    confidence: float,
    nms_iou: float,
    *,
    fit: Callable[[Size, Size], Size] | None = None,
    streams: int | None = None,
) -> Detector:
    """A detector on a device as resolve_devices names it: cpu, cuda:0, ...

    On CUDA, weights of ultralytics do everything there (torch_yolo.py); exported networks run on the CPU in any case.
    On the CPU, people only are sought where the network allows it: OpenVINO files of ultralytics. With fit, such a
    detector has a network for each shape of picture, of the size that fit(largest, picture) tells (shaped.py); without,
    and others, take squares. Other arguments as for open_detector_session and YOLODetector.
    """
    spec, path = model.spec, model.path or SHIPPED_DETECTOR
    if spec.format is ModelFormat.ULTRALYTICS_PT:
        if device != "cpu":
            from tracker.detection.torch_yolo import TorchYOLODetector  # brings torch, which the CPU does not need

            session = TorchSession(torch_module(path, cache), device, (None, 3, *spec.input.size), pixels=spec.input)
            return TorchYOLODetector(session, spec, confidence, nms_iou)
        path = exported(path, spec, cache)
    native = spec.input.size
    weights = path.with_suffix(".bin")
    if path.suffix != ".xml" or not weights.is_file() or native[0] != native[1]:
        return YOLODetector(open_detector_session(model, cache, streams=streams), spec, confidence, nms_iou)
    key = f"{sha256_of(path)[:16]}-{sha256_of(weights)[:16]}"

    def opened(size: Size) -> Detector:
        try:
            fitted = fitted_network(path, key, native, size, cache)
        except UnknownLayoutError as reason:
            _LOG.debug("%s is used as it is: %s", spec.name, reason)
            session = open_detector_session(model, cache, streams=streams)
        else:
            session = open_session(
                fitted, streams=streams, cache_dir=cache / "compiled", precision=spec.precision, pixels=spec.input
            )
        return YOLODetector(session, spec, confidence, nms_iou)

    return opened(native) if fit is None else ShapedDetector(partial(fit, native), opened)


def fitted_network(path: Path, key: str, native: Size, size: Size, cache: Path) -> Path:
    """The network for pictures of that size, as a file in the cache, made on first use. key: tells the contents of
    path. Raises UnknownLayoutError.
    """
    made = cache / "exported" / f"{key}-{size[0]}x{size[1]}-people{REVISION}-openvino{version('openvino')}.xml"
    if not made.exists():
        network = people_network(path, native, size)
        made.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=made.parent) as scratch:
            file = Path(scratch) / made.name
            import_openvino().save_model(network, str(file), compress_to_fp16=False)
            for suffix in (".bin", ".xml"):  # the .xml is what exists() asks for, so it comes last
                file.with_suffix(suffix).replace(made.with_suffix(suffix))
    return made
