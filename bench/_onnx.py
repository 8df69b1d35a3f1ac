"""A network in float32, in onnxruntime with one thread: the peer that knows nothing of bits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

from fpgac.network.network import Network, Node
from fpgac.network.ops.arrangement import Flatten
from fpgac.network.ops.convolution import Convolution
from fpgac.network.ops.dense import Dense
from fpgac.network.ops.pooling import Pooling
from fpgac.network.ops.relu import Relu
from fpgac.network.ops.squash import Squash
from fpgac.network.ops.weighted import Weighted
from fpgac.spec.shapes import Shape, pads

__all__ = ["float_session"]


def float_session(network: Network) -> Any:
    """Run it with ``{"x": samples}``; samples are float32 of shape (samples, inputs)."""
    import onnx
    import onnxruntime

    model = helper.make_model(
        _graph(network), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _graph(network: Network) -> GraphProto:
    constants: list[TensorProto] = []
    nodes: list[NodeProto] = []

    def constant(name: str, array: Any) -> str:
        constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def node(kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    (entry,) = network.inputs
    value = "x"
    if len(entry.shape) > 1:
        pictures = constant("shape", np.array([-1, *entry.shape]))
        value = node("Reshape", [value, pictures], "pictures")
        value = node("Transpose", [value], "channels_first", perm=_first(entry.shape))
    values = {entry.name: value}
    for each in network.nodes:
        (read,) = network.read_by(each)
        values[each.name] = _node(each, read.shape, values[read.name], constant, node)
    inputs, outputs = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["samples", size])
        for name, size in (("x", entry.size), (network.outputs[0].node, network.output_size))
    )
    return helper.make_graph(nodes, network.name, [inputs], [outputs], constants)


def _node(made: Node, shape: Shape, value: str, constant: Any, node: Any) -> str:
    """The node that makes ``made`` of ``value``, of ``shape``, whose channels come first."""
    kind, inputs, attributes = _said(made, shape, value, constant, node)
    return str(node(kind, inputs, made.name, **attributes))


def _said(
    made: Node, shape: Shape, value: str, constant: Any, node: Any
) -> tuple[str, list[str], dict[str, Any]]:
    """ONNX's operator, what it reads, and its attributes."""
    said: tuple[str, list[str], dict[str, Any]]
    match made.operation:
        case Relu(limit=None):
            said = "Relu", [value], {}
        case Squash(function="sigmoid"):
            said = "HardSigmoid", [value], {"alpha": 0.5, "beta": 0.5}
        case Squash():
            ends = [constant(f"{made.name}_{x:g}", np.float32(x)) for x in (-1, 1)]
            said = "Clip", [value, *ends], {}
        case Pooling(pool=pool, is_mean=is_mean, strides=None, sides=None):
            kind = "AveragePool" if is_mean else "MaxPool"
            said = kind, [value], {"kernel_shape": pool, "strides": pool}
        case Flatten():
            flat = constant(f"{made.name}_shape", np.array([-1, int(np.prod(shape))]))
            last = node("Transpose", [value], f"{made.name}_last", perm=_last(shape))
            said = "Reshape", [last, flat], {}
        case Dense() as dense:
            said = "Gemm", [value, *_parameters(made.name, dense, constant)], {}
        case Convolution() as convolution:
            inputs = [value, *_parameters(made.name, convolution, constant)]
            said = "Conv", inputs, _sweep(convolution, shape)
        case _:
            raise TypeError(f"{made.name} is of a kind that the benchmark does not know")
    return said


def _parameters(name: str, operation: Weighted, constant: Any) -> list[str]:
    """Weights and biases as numbers."""
    weights = operation.weight_type.number(operation.weights).astype(np.float32)
    bias = operation.bias_type.number(operation.bias).astype(np.float32)
    if isinstance(operation, Convolution):
        weights = _kernel(weights)
    return [constant(f"{name}_weights", weights), constant(f"{name}_bias", bias)]


def _sweep(convolution: Convolution, shape: Shape) -> dict[str, Sequence[int]]:
    """Steps, and the zeros on the sides: all those before, then all those behind."""
    sides = [(0, 0)] * len(convolution.kernel)
    if convolution.padding == "same":
        sides = pads(shape, convolution.kernel, convolution.strides)
    around = [side[end] for end in (0, 1) for side in sides]
    return {"strides": convolution.strides, "pads": around}


def _kernel(weights: Any) -> Any:
    """From (*kernel, channels, filters) to (filters, channels, *kernel)."""
    return np.ascontiguousarray(np.moveaxis(weights, (-1, -2), (0, 1)))


def _first(shape: Shape) -> list[int]:
    axes = len(shape)
    return [0, axes, *range(1, axes)]


def _last(shape: Shape) -> list[int]:
    return [0, *range(2, len(shape) + 1), 1]
