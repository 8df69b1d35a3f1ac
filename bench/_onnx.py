"""A network in float32, in onnxruntime with one thread: the peer that knows nothing of bits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

from fpgac.network.network import (
    AveragePoolLayer,
    ConvLayer,
    DenseLayer,
    FlattenLayer,
    HardLayer,
    Layer,
    MaxPoolLayer,
    Network,
    ReluLayer,
)
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

    value = "x"
    if len(network.input_shape) > 1:
        pictures = constant("shape", np.array([-1, *network.input_shape]))
        value = node("Reshape", [value, pictures], "pictures")
        value = node("Transpose", [value], "channels_first", perm=_first(network.input_shape))
    for layer, shape in zip(network.layers, network.shapes, strict=False):
        value = _node(layer, shape, value, constant, node)
    inputs, outputs = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["samples", size])
        for name, size in (("x", network.input_size), (value, network.output_size))
    )
    return helper.make_graph(nodes, network.name, [inputs], [outputs], constants)


def _node(layer: Layer, shape: Shape, value: str, constant: Any, node: Any) -> str:
    """The node that makes ``layer.name`` of ``value``, whose channels come first."""
    match layer:
        case ReluLayer():
            return str(node("Relu", [value], layer.name))
        case HardLayer():
            return _hard(layer, value, constant, node)
        case MaxPoolLayer(pool=pool) | AveragePoolLayer(pool=pool):
            kind = "MaxPool" if isinstance(layer, MaxPoolLayer) else "AveragePool"
            return str(node(kind, [value], layer.name, kernel_shape=pool, strides=pool))
        case FlattenLayer():
            flat = constant(f"{layer.name}_shape", np.array([-1, int(np.prod(shape))]))
            last = node("Transpose", [value], f"{layer.name}_last", perm=_last(shape))
            return str(node("Reshape", [last, flat], layer.name))
    weights = layer.weight_type.number(layer.weights).astype(np.float32)
    bias = constant(f"{layer.name}_bias", layer.bias_type.number(layer.bias).astype(np.float32))
    if isinstance(layer, DenseLayer):
        return str(
            node("Gemm", [value, constant(f"{layer.name}_weights", weights), bias], layer.name)
        )
    return _convolution(
        layer, shape, [value, constant(f"{layer.name}_weights", _kernel(weights)), bias], node
    )


def _hard(layer: HardLayer, value: str, constant: Any, node: Any) -> str:
    if layer.kind == "sigmoid":
        return str(node("HardSigmoid", [value], layer.name, alpha=0.5, beta=0.5))
    ends = [constant(f"{layer.name}_{x:g}", np.float32(x)) for x in (-1, 1)]
    return str(node("Clip", [value, *ends], layer.name))


def _convolution(layer: ConvLayer, shape: Shape, inputs: Sequence[str], node: Any) -> str:
    sides = [(0, 0)] * len(layer.kernel)
    if layer.padding == "same":
        sides = pads(shape, layer.kernel, layer.strides)
    around = [side[end] for end in (0, 1) for side in sides]
    return str(node("Conv", inputs, layer.name, strides=layer.strides, pads=around))


def _kernel(weights: Any) -> Any:
    """From (*kernel, channels, filters) to (filters, channels, *kernel)."""
    return np.ascontiguousarray(np.moveaxis(weights, (-1, -2), (0, 1)))


def _first(shape: Shape) -> list[int]:
    axes = len(shape)
    return [0, axes, *range(1, axes)]


def _last(shape: Shape) -> list[int]:
    return [0, *range(2, len(shape) + 1), 1]
