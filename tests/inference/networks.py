"""Tiny networks written to files: what goes in comes out doubled, summed over all but the batch and the first axis."""

from pathlib import Path

import numpy as np

from tracker.inference.openvino_session import import_openvino


def write_openvino(path: Path, batch: int | None, inputs: int = 1) -> Path:
    """An IR that maps (batch, 3, 4, 4) to (batch, 3): the sum of each channel of the first input, doubled."""
    openvino = import_openvino()
    ops = openvino.opset13
    parameters = [ops.parameter([batch or -1, 3, 4, 4], np.float32, name=f"input{i}") for i in range(inputs)]
    total = ops.reduce_sum(parameters[0], np.array([2, 3], np.int64))
    for other in parameters[1:]:
        total = ops.add(total, ops.reduce_sum(other, np.array([2, 3], np.int64)))
    doubled = ops.multiply(total, np.float32(2))
    openvino.save_model(openvino.Model([doubled], parameters, "tiny"), str(path), compress_to_fp16=False)
    return path


def write_onnx(path: Path, batch: int | None, operator: str | None = None) -> Path:
    """The same network as an ONNX file, or one of a single operator that maps (batch, 3, 4, 4) to (batch, 3)."""
    import onnx
    from onnx import TensorProto, helper

    doubled_sum = [
        helper.make_node("ReduceSum", ["x", "axes"], ["total"], keepdims=0),
        helper.make_node("Mul", ["total", "two"], ["y"]),
    ]
    graph = helper.make_graph(
        doubled_sum if operator is None else [helper.make_node(operator, ["x"], ["y"])],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch or "n", 3, 4, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch or "n", 3])],
        [
            helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3]),
            helper.make_tensor("two", TensorProto.FLOAT, [], [2.0]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(path))
    return path
