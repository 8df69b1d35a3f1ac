"""ONNX and QONNX files as PyTorch's and Brevitas's exporters write them: channels first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

RANDOM = np.random.default_rng(7)


class Writing:
    """A graph in the making."""

    def __init__(self, shape: Sequence[int | str], name: str = "input") -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)]

    def enter(self, name: str, shape: Sequence[int | str]) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return name

    def constant(self, array: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def floats(self, *shape: int, scale: float = 0.5) -> str:
        return self.constant((RANDOM.normal(size=shape) * scale).astype(np.float32))

    def add(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        name = f"{kind.lower()}_{len(self.nodes)}"
        node = helper.make_node(kind, inputs, [name], name=f"/{name}", domain=domain, **attributes)
        self.nodes.append(node)
        return name

    def quant(self, name: str, bits: int, scale: float, **attributes: Any) -> str:
        """A quantiser of QONNX's."""
        given = [self.constant(np.float32(value)) for value in (scale, 0.0, bits)]
        usual = {"signed": 1, "narrow": 0, "rounding_mode": "ROUND"}
        domain = "qonnx.custom_op.general"
        return self.add("Quant", name, *given, domain=domain, **{**usual, **attributes})

    def write(self, path: Path, *outputs: str) -> Path:
        """The file, checked by ONNX where all operators are its own."""
        ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
        graph = helper.make_graph(self.nodes, "torch_jit", self.inputs, ends, self.constants)
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("qonnx.custom_op.general", 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
        onnx.save(model, path)
        return path


def dense(path: Path) -> Path:
    """Two Gemms with a ReLU and a sigmoid."""
    w = Writing(["batch", 6])
    x = w.add("Gemm", "input", w.floats(8, 6), w.floats(8), transB=1)
    x = w.add("Relu", x)
    x = w.add("Gemm", x, w.floats(2, 8), w.floats(2), transB=1)
    return w.write(path, w.add("Sigmoid", x))


def convolutional(path: Path) -> Path:
    """Convolutions with the channels first, a normalisation, poolings, a flattening."""
    w = Writing([1, 2, 9, 8])
    x = w.add("Conv", "input", w.floats(4, 2, 3, 3), w.floats(4), pads=[1, 1, 1, 1])
    rows = [w.constant(np.abs(RANDOM.normal(size=4)).astype(np.float32) + 0.5) for _ in range(2)]
    x = w.add("BatchNormalization", x, rows[0], w.floats(4), w.floats(4), rows[1])
    x = w.add("Relu", x)
    x = w.add("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    x = w.add("Conv", x, w.floats(4, 1, 2, 2), group=4, kernel_shape=[2, 2])
    x = w.add("LeakyRelu", x, alpha=0.125)
    x = w.add("AveragePool", x, kernel_shape=[2, 1], strides=[2, 1])
    x = w.add("Flatten", x)
    return w.write(path, w.add("Gemm", x, w.floats(3, 24), w.floats(3), transB=1))


def branched(path: Path) -> Path:
    """Two inputs and two outputs, with all that joins."""
    w = Writing([1, 3, 4], "series")
    other = w.enter("flat", [1, 5])
    x = w.add("Conv", "series", w.floats(4, 3, 2))
    x = w.add("Relu", x)
    x = w.add("Transpose", x, perm=[0, 2, 1])
    x = w.add("Reshape", x, w.constant(np.array([1, -1])))
    y = w.add("MatMul", other, w.floats(5, 12))
    y = w.add("Add", y, w.floats(12))
    y = w.add("Tanh", y)
    z = w.add("Sub", x, y)
    z = w.add("Mul", z, w.constant(np.float32(0.75)))
    both = w.add("Concat", z, x, axis=1)
    first = w.add("Gemm", both, w.floats(24, 2), w.floats(2))
    return w.write(path, first, w.add("Max", x, y))


def quantised_dense(path: Path) -> Path:
    """As Brevitas exports it: every number has its format."""
    w = Writing([1, 6])
    x = w.quant("input", 8, 2**-4)
    for inputs, outputs in ((6, 8), (8, 3)):
        weights = w.quant(w.floats(outputs, inputs), 6, 2**-4, narrow=1)
        bias = w.quant(w.floats(outputs), 8, 2**-6)
        x = w.add("Gemm", x, weights, bias, transB=1)
        if outputs == 8:
            x = w.add("Relu", x)
            x = w.quant(x, 6, 2**-3, signed=0)
    return w.write(path, x)


def quantised_convolutional(path: Path) -> Path:
    """A quantised convolution with the channels first, strides, and a flattening."""
    w = Writing([1, 2, 8, 8])
    x = w.quant("input", 8, 2**-4)
    weights = w.quant(w.floats(3, 2, 3, 3), 5, 2**-3)
    x = w.add("Conv", x, weights, pads=[1, 1, 1, 1], strides=[2, 2])
    x = w.quant(x, 7, 2**-3, rounding_mode="FLOOR")
    x = w.add("Relu", x)
    x = w.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = w.add("Reshape", x, w.constant(np.array([1, -1])))
    weights = w.quant(w.floats(4, 12), 5, 2**-3)
    return w.write(path, w.add("Gemm", x, weights, transB=1))


FILES = {
    "dense": dense,
    "convolutional": convolutional,
    "branched": branched,
    "quantised_dense": quantised_dense,
    "quantised_convolutional": quantised_convolutional,
}
