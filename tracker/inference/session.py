"""One interface over the engines that run a network: OpenVINO on the CPU, torch on CUDA, ONNX Runtime beside them."""

from pathlib import Path
from typing import Protocol

from tracker.core.types import FloatArray
from tracker.errors import OmnitrackError
from tracker.inference.pixels import Pictures
from tracker.inference.spec import ModelInput, Precision

Batch = FloatArray | Pictures
"""What a session takes: pictures if it was opened with `pixels`, else what the network itself takes."""


class Session(Protocol):
    """A loaded network with one input and one output, both with the batch in front."""

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """(n, ...) as the network declares it; None where the size is free."""

    def infer(self, batch: Batch) -> FloatArray:
        """Pictures (n, h, w, 3) uint8, or the network's own (n, ...) float32 -> (n, ...) float32, any n, results in
        the order of the batch. May be called from several threads at once.
        """


def open_session(
    path: Path,
    *,
    streams: int | None = None,
    threads: int | None = None,
    cache_dir: Path | None = None,
    precision: Precision = "auto",
    pixels: ModelInput | None = None,
) -> Session:
    """Load an OpenVINO IR (.xml, or the folder that holds one) or an ONNX file (.onnx) for the CPU.

    streams requests run side by side on threads cores (default: as many as the process may use); cache_dir keeps
    compiled networks. pixels: the session takes pictures and prepares them so. OpenVINO runs it; an ONNX file that
    OpenVINO cannot read goes to ONNX Runtime. OmnitrackError names a file that is missing, damaged or of another kind.
    Weights that need their architecture built first (.pt, .pth) go to TorchSession or through an export.
    """
    from tracker.inference.onnxruntime_session import ONNXRuntimeSession
    from tracker.inference.openvino_session import OpenVINOSession

    file = network_file(path)
    if file.suffix not in {".xml", ".onnx"}:
        raise OmnitrackError(f"{path}: cannot be run as it is; give an OpenVINO .xml, its folder, or an .onnx file")
    try:
        return OpenVINOSession(
            file, streams=streams, threads=threads, cache_dir=cache_dir, precision=precision, pixels=pixels
        )
    except UnreadableError:
        if file.suffix != ".onnx":
            raise
        return ONNXRuntimeSession(file, threads=threads, pixels=pixels)


def network_file(path: Path) -> Path:
    """The file to load: path itself, or the one .xml in a folder. OmnitrackError if there is none."""
    if path.is_dir():
        networks = sorted(path.glob("*.xml"))
        if len(networks) != 1:
            raise OmnitrackError(f"{path}: an OpenVINO folder holds one .xml file, this one holds {len(networks)}")
        return networks[0]
    if not path.is_file():
        raise OmnitrackError(f"{path}: no such model file")
    return path


def require_one_to_one(path: Path, inputs: int, outputs: int) -> None:
    """Refuse a network that Session.infer could not express."""
    if (inputs, outputs) != (1, 1):
        raise OmnitrackError(f"{path}: {inputs} inputs and {outputs} outputs; a network with one of each is needed")


class UnreadableError(OmnitrackError):
    """An engine refuses a model file. The last line of the engine's complaint says most."""

    def __init__(self, path: Path, error: Exception) -> None:
        reason = str(error).strip().splitlines()[-1:] or [type(error).__name__]
        super().__init__(f"{path}: cannot be loaded ({reason[0]}); the file is damaged or of another kind")
