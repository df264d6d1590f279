"""Networks to imitate: what they say about a crop, and, where asked, the maps that lead to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from reid.config import TeacherConfig
from reid.embedder import normalise_rows
from reid.errors import ReidError
from reid.extractor import FeatureExtractor
from reid.preprocess import INPUTS, FloatArray, Image, InputSpec, to_batch


@dataclass(frozen=True, slots=True)
class Description:
    """Of n crops: unit features (n, t), and by place in the student's trunk maps (n, c, h, w)."""

    features: FloatArray
    maps: Mapping[str, FloatArray] = field(default_factory=dict)


class PlainTeacher:
    """Any network that FeatureExtractor opens."""

    def __init__(self, config: TeacherConfig) -> None:
        self._extractor = FeatureExtractor.open(config.path, INPUTS[config.input], precision="bf16")

    def describe(self, crops: Sequence[Image]) -> Description:
        return Description(self._extractor(crops))


class HintingTeacher:
    """An IR or ONNX file that also shows its maps, at the nodes that `config.hints` names.

    A teacher that sees crops larger than the student does has its maps averaged down by the same factor.
    Raises ReidError for a file that cannot be read, a node that it has not, and an input that is no multiple of `spec`.
    """

    def __init__(self, config: TeacherConfig, spec: InputSpec) -> None:
        self._spec = INPUTS[config.input]
        self._points = tuple(config.hints)
        self._shrink = _factor(config.path, self._spec, spec)
        self._compiled = _compiled(config.path, tuple(config.hints.values()))

    def describe(self, crops: Sequence[Image]) -> Description:
        features: list[FloatArray] = []
        maps: dict[str, list[FloatArray]] = {point: [] for point in self._points}
        for crop in crops:  # some of these networks have the batch of one written into their middle
            outputs = self._compiled(to_batch([crop], self._spec))
            features.append(outputs[0].reshape(1, -1).copy())
            for number, point in enumerate(self._points, start=1):
                maps[point].append(_averaged(outputs[number], self._shrink))
        return Description(
            normalise_rows(np.concatenate(features)), {point: np.concatenate(rows) for point, rows in maps.items()}
        )


Teacher = PlainTeacher | HintingTeacher


def open_teacher(config: TeacherConfig, spec: InputSpec) -> Teacher:
    """spec: the student's input. Raises ReidError."""
    return HintingTeacher(config, spec) if config.hints else PlainTeacher(config)


def _factor(path: Path, theirs: InputSpec, ours: InputSpec) -> int:
    factor = theirs.height // ours.height
    if factor < 1 or (ours.height * factor, ours.width * factor) != (theirs.height, theirs.width):
        raise ReidError(
            f"{path}: looks at {theirs.height}x{theirs.width} pixels, which is no multiple of the input "
            f"{ours.height}x{ours.width}; its maps can give no hints"
        )
    return factor


def _compiled(path: Path, nodes: Sequence[str]):  # type: ignore[no-untyped-def]  # OpenVINO's class
    """The network with these nodes as further outputs, after its own."""
    import openvino

    core = openvino.Core()
    try:
        model = core.read_model(path)
    except RuntimeError as error:
        raise ReidError(f"{path}: OpenVINO cannot load it ({str(error).splitlines()[0]})") from error
    known = {node.get_friendly_name(): node for node in model.get_ops()}
    missing = [node for node in nodes if node not in known]
    if missing:
        raise ReidError(f"{path}: has no node {', '.join(missing)} to take hints from")
    model.add_outputs([known[node].output(0) for node in nodes])
    options = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "bf16"}
    return core.compile_model(model, "CPU", options)


def _averaged(maps: FloatArray, factor: int) -> FloatArray:
    """(1, c, h, w) -> (1, c, h / factor, w / factor), each value the mean of its square."""
    _, channels, height, width = maps.shape
    squares = maps.reshape(1, channels, height // factor, factor, width // factor, factor)
    averaged: FloatArray = squares.mean(axis=(3, 5))
    return averaged
