"""ONNX files that give chosen numbers whatever the picture."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def put_constant(tmp_path):
    """Write a network of one input that gives these arrays."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def put(*arrays, size=(64, 64), name="model.onnx"):
        inputs = [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, *size])]
        nodes, outputs, values = [], [], []
        for number, array in enumerate(arrays):
            kind = TensorProto.INT64 if array.dtype.kind == "i" else TensorProto.FLOAT
            held = array if kind == TensorProto.INT64 else array.astype(np.float32)
            values.append(numpy_helper.from_array(held, f"value{number}"))
            nodes.append(helper.make_node("Identity", [f"value{number}"], [f"out{number}"]))
            outputs.append(helper.make_tensor_value_info(f"out{number}", kind, list(array.shape)))
        graph = helper.make_graph(nodes, "constant", inputs, outputs, values)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        path = tmp_path / name
        onnx.save(model, path)
        return path

    return put
