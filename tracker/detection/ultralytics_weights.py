"""Weights of ultralytics (.pt): exported once for the CPU, run as they are on CUDA. The only user of ultralytics."""

import os
import shutil
import tempfile
import warnings
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracker.errors import OmnitrackError
from tracker.inference.checksum import sha256_of
from tracker.inference.openvino_session import import_openvino
from tracker.inference.spec import ModelSpec

if TYPE_CHECKING:
    import torch

_QUIET = {
    "ULTRALYTICS_SAFE_LOAD": "true",
    "YOLO_AUTOINSTALL": "false",
    "YOLO_OFFLINE": "true",
    "YOLO_VERBOSE": "false",
}
"""Read by ultralytics when it is imported."""
_BITS = 16
"""Of an exported network's weights."""


def quiet_ultralytics(settings: Path) -> None:
    """To be called before ultralytics is imported: it then prints, fetches and installs nothing, and keeps its settings
    in the folder.
    """
    os.environ.update(_QUIET | {"YOLO_CONFIG_DIR": str(settings)})


def exported(weights: Path, spec: ModelSpec, cache: Path) -> Path:
    """The weights as an OpenVINO network (.xml) in the cache, made on first use.

    The folder's name tells all that the result depends on: sha256 of the weights, input size, precision, version of
    ultralytics. Raises OmnitrackError for weights that cannot be loaded or exported.
    """
    height, width = spec.input.height, spec.input.width
    key = f"{sha256_of(weights)[:16]}-{height}x{width}-f{_BITS}-ultralytics-{version('ultralytics')}"
    folder = cache / "exported" / key
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            # the exporter writes beside the weights, whose folder may be read-only
            copy = Path(scratch) / "network.pt"
            shutil.copyfile(weights, copy)
            _put_in_place(_export(copy, weights, (height, width), cache), folder)
    return folder / "network.xml"


def _export(copy: Path, weights: Path, size: tuple[int, int], cache: Path) -> Path:
    """The folder that the exporter wrote beside the copy of the weights."""
    network = load_weights(copy, cache, weights)
    import_openvino()
    try:
        with warnings.catch_warnings():
            # the exporter traces the network, which torch deprecates and comments on at every shape
            warnings.simplefilter("ignore")
            return Path(network.export(format="openvino", imgsz=list(size), quantize=_BITS))
    except (RuntimeError, ValueError, TypeError, AssertionError) as error:
        raise OmnitrackError(f"{weights}: cannot be exported to OpenVINO ({error})") from error


def _put_in_place(made: Path, folder: Path) -> None:
    try:
        made.rename(folder)
    except OSError:
        # another process was quicker; both made the same
        if not folder.is_dir():
            raise


def torch_module(weights: Path, cache: Path) -> "torch.nn.Module":
    """The network with its batch norms folded: (n, 3, h, w) -> tuple that begins with the decoded output."""
    module: torch.nn.Module = load_weights(weights, cache).model.fuse().eval()
    return module


def load_weights(file: Path, cache: Path, named: Path | None = None) -> Any:
    """An ultralytics.YOLO from a file that holds weights: no code of the file runs, nothing is printed, fetched or
    installed. cache: folder for its settings. OmnitrackError, which names `named` (default: the file), if it is none.
    """
    weights = named or file
    if not zipfile.is_zipfile(file):
        raise OmnitrackError(f"{weights}: is not a weight file of torch, or is damaged; fetch it again")
    quiet_ultralytics(cache)
    from ultralytics.models.yolo.model import YOLO

    try:
        return YOLO(file, task="detect")
    except (TypeError, ValueError, RuntimeError, LookupError, AttributeError, ImportError) as error:
        raise OmnitrackError(f"{weights}: is not a detector of ultralytics ({error})") from error
