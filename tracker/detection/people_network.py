"""A YOLO of ultralytics, rebuilt to seek people only, in pictures of one shape.

As exported, such a network takes squares, so that a quarter (4:3) or nearly a half (16:9) of it works on the grey
beside the picture; and it decodes the boxes of every class at every anchor, of which the surest of people are wanted.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tracker.inference.openvino_session import import_openvino

REVISION = 1
"""Goes up when what is built here changes, so that files of earlier ones are not used again."""

CANDIDATES = 1024
"""So many anchors, the surest, are decoded: a crowd of a hundred has about ten each above the lowest score."""

_COARSEST = 32
"""Pixels of the network's input to one of its coarsest cells; sides are multiples of it."""


class UnknownLayoutError(Exception):
    """The network is not built as ultralytics exports them, or not for squares of a fixed size."""


def people_network(path: Path, native: tuple[int, int], size: tuple[int, int]) -> Any:
    """The openvino.Model (1, 3, *size) -> (1, 5, n): centre x, centre y, width, height in its pixels, score; the surest
    first.

    path: an OpenVINO file that takes (1, 3, *native) and answers (1, 4 + classes, anchors), class 0 being people. size:
    (height, width), multiples of 32. Raises UnknownLayoutError.
    """
    try:
        model = import_openvino().Core().read_model(str(path))
        if list(model.input(0).shape) != [1, 3, *native]:
            raise UnknownLayoutError(f"{path}: takes {model.input(0).partial_shape}, not one picture of {native}")
        boxes, scores = _levels(model)
        _reshape(model, [*boxes, *scores], native, size)
        return _with_head(model, boxes, scores, size)
    except (RuntimeError, ValueError) as error:  # damaged, or a node is not what or where it was expected
        raise UnknownLayoutError(f"{path}: {error}") from error


def _levels(model: Any) -> tuple[list[Any], list[Any]]:
    """Outputs of the layers before the decoding, per level of the pyramid: (1, 4 * bins, h, w) distributions of the
    distances to the four sides, and (1, classes, h, w) logits of scores.
    """
    if len(model.outputs) != 1:
        raise UnknownLayoutError(f"{len(model.outputs)} outputs")
    final = _expect(_before(model.get_results()[0], 0), "Concat")
    scores = _parts(_expect(_before(final, 1), "Sigmoid").input(0).get_source_output())
    softmax = next((node for node in _upstream(_before(final, 0)) if node.get_type_name() == "Softmax"), None)
    if softmax is None:
        raise UnknownLayoutError("no distribution of distances")
    by_bin = _expect(_before(softmax, 0), "Transpose")
    boxes = _parts(_expect(_before(by_bin, 0), "Reshape").input(0).get_source_output())
    return boxes, scores


def _parts(joined: Any) -> list[Any]:
    """What was joined over the levels: each alone, or (older exports) joined with its sibling before, split after."""
    node = joined.get_node()
    split = node.get_type_name() == "VariadicSplit"
    every = _expect(_before(node, 0) if split else node, "Concat")
    flat = [_expect(_before(every, i), "Reshape").input(0).get_source_output() for i in range(every.get_input_size())]
    if not split:
        return flat
    return [_expect(one.get_node(), "Concat").input(joined.get_index()).get_source_output() for one in flat]


def _reshape(model: Any, ends: list[Any], native: tuple[int, int], size: tuple[int, int]) -> None:
    """Let all that leads to `ends` work on another input size; sizes of maps are written down only in attention."""
    openvino = import_openvino()
    ops = openvino.opset13
    trunk = openvino.Model([ops.result(end) for end in ends], model.get_parameters(), "trunk")
    height, width = size[0] // _COARSEST, size[1] // _COARSEST
    old_height, old_width = native[0] // _COARSEST, native[1] // _COARSEST
    for node in trunk.get_ops():
        if node.get_type_name() != "Reshape" or _before(node, 1).get_type_name() != "Constant":
            continue
        shape = list(node.output(0).shape)
        if _before(node, 0).get_type_name() == "Constant":
            continue
        if len(shape) == 4 and shape[2:] == [old_height, old_width]:
            shape[2:] = height, width
        elif shape[-1] == old_height * old_width:
            shape[-1] = height * width
        node.input(1).replace_source_output(ops.constant(np.array(shape, np.int64)).output(0))
    trunk.get_parameters()[0].set_partial_shape(openvino.PartialShape([1, 3, *size]))
    trunk.validate_nodes_and_infer_types()


def _with_head(model: Any, boxes: list[Any], scores: list[Any], size: tuple[int, int]) -> Any:
    """Decoding of the surest anchors: softmax over bins gives the distances to the sides, in cells (Generalized Focal
    Loss, arXiv:2006.04388, section 3.2).
    """
    openvino = import_openvino()
    ops = openvino.opset13
    bins = list(boxes[0].shape)[1] // 4
    cells = [list(box.shape)[2:] for box in boxes]
    anchors, strides = _anchors(cells, size)
    count = min(CANDIDATES, anchors.shape[2])

    def whole(*values: int) -> Any:
        return ops.constant(np.array(values, np.int64))

    def channels(given: Any, first: int, last: int) -> Any:
        return ops.slice(given, whole(first), whole(last), whole(1), whole(1))

    flat = [ops.reshape(channels(s, 0, 1), whole(1, h * w), False) for s, (h, w) in zip(scores, cells, strict=True)]
    surest = ops.topk(ops.concat(flat, 1), np.int64(count), 1, "max", "value", "i32")
    rows = ops.squeeze(surest.output(1), whole(0))
    flat = [ops.reshape(b, whole(1, 4 * bins, h * w), False) for b, (h, w) in zip(boxes, cells, strict=True)]
    chosen = ops.reshape(ops.gather(ops.concat(flat, 2), rows, np.int64(2)), whole(1, 4, bins, count), False)
    bin_values = ops.constant(np.arange(bins, dtype=np.float32).reshape(1, 1, bins, 1))
    distances = ops.reduce_sum(ops.multiply(ops.softmax(chosen, 2), bin_values), whole(2), False)
    sides = ops.multiply(distances, ops.gather(ops.constant(strides), rows, np.int64(2)))
    before, after = channels(sides, 0, 2), channels(sides, 2, 4)
    offset = ops.multiply(ops.subtract(after, before), ops.constant(np.float32(0.5)))
    centres = ops.add(ops.gather(ops.constant(anchors), rows, np.int64(2)), offset)
    score = ops.unsqueeze(ops.sigmoid(surest.output(0)), whole(1))
    people = ops.concat([centres, ops.add(before, after), score], 1)
    return openvino.Model([ops.result(people)], model.get_parameters(), "people")


def _anchors(cells: list[list[int]], size: tuple[int, int]) -> tuple[Any, Any]:
    """(1, 2, anchors) centres of all cells x, y and (1, 1, anchors) pixels to a cell, float32."""
    centres, strides = [], []
    for height, width in cells:
        stride = size[0] / height
        y, x = np.mgrid[:height, :width]
        centres.append((np.stack([x.ravel(), y.ravel()]) + 0.5) * stride)
        strides.append(np.full(height * width, stride))
    return np.concatenate(centres, 1)[None].astype(np.float32), np.concatenate(strides)[None, None].astype(np.float32)


def _before(node: Any, index: int) -> Any:
    return node.input(index).get_source_output().get_node()


def _expect(node: Any, kind: str) -> Any:
    if node.get_type_name() != kind:
        raise UnknownLayoutError(f"{node.get_friendly_name()} is no {kind}")
    return node


def _upstream(node: Any) -> Iterator[Any]:
    """The node and all that it depends on, breadth first."""
    waiting, met = [node], set()
    while waiting:
        here = waiting.pop(0)
        if here.get_friendly_name() in met:
            continue
        met.add(here.get_friendly_name())
        yield here
        waiting += [_before(here, i) for i in range(here.get_input_size())]
