"""From a detector's model to a session that runs it on the chosen device."""

from pathlib import Path

from tracker.detection.ultralytics_weights import exported, torch_module
from tracker.inference.registry import ResolvedModel
from tracker.inference.session import Session, open_session
from tracker.inference.spec import ModelFormat
from tracker.inference.torch_session import TorchSession

SHIPPED_DETECTOR = Path(__file__).with_name("weights") / "person.xml"
"""Our own person detector, which needs no download; weights/README.md tells what it is worth."""


def open_detector_session(
    model: ResolvedModel, device: str, cache: Path, *, streams: int | None = None, threads: int | None = None
) -> Session:
    """Open a detector, to be given pictures, on a device as resolve_device yields it: cpu, cuda:0, ...

    Weights of ultralytics run through torch on CUDA and are exported to OpenVINO once for the CPU; exported networks
    (OpenVINO, ONNX, and the built-in one) run on the CPU in any case. cache: folder for what is made on the first
    start. OmnitrackError for files that cannot be loaded.
    """
    spec, path = model.spec, model.path or SHIPPED_DETECTOR
    if spec.format is ModelFormat.ULTRALYTICS_PT:
        if device != "cpu":
            return TorchSession(torch_module(path, cache), device, (None, 3, *spec.input.size), pixels=spec.input)
        path = exported(path, spec, cache)
    return open_session(
        path,
        streams=streams,
        threads=threads,
        cache_dir=cache / "compiled",
        precision=spec.precision,
        pixels=spec.input,
    )
