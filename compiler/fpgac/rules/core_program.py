"""From a core to its exact program, layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from fpgac.core.core import Core, Port
from fpgac.core.graph import Graph
from fpgac.core.graph import Tensor as GraphTensor
from fpgac.program.builder import Builder
from fpgac.program.program import Combination, Program, Terminal, Value
from fpgac.program.ranges import NotExact
from fpgac.rules import (
    activations,
    arrangements,
    contractions,
    quantizers,
    recurrent,
    softmax,
    sums,
    sweeps,
)
from fpgac.rules.layer import Layer
from fpgac.tensors import Tensor

__all__ = ["exact_program"]

Rule = Callable[[Layer], Value]

# What each function of hls4ml's C++ computes.
RULES: Mapping[str, Rule] = {
    "dense": sums.dense,
    "linear": activations.linear,
    "clone_stream": activations.linear,
    "repack_stream": arrangements.repack,
    "relu": activations.relu,
    "relu1": partial(activations.relu_to, highest=1),
    "relu6": partial(activations.relu_to, highest=6),
    "leaky_relu": activations.leaky_relu,
    "prelu": activations.prelu,
    "thresholded_relu": activations.thresholded_relu,
    "hard_sigmoid": activations.hard_sigmoid,
    "hard_tanh": activations.hard_tanh,
    "sigmoid": activations.centred_table,
    "tanh": activations.centred_table,
    "softplus": activations.centred_table,
    "softsign": activations.centred_table,
    "elu": activations.elu,
    "selu": activations.selu,
    "binary_tanh": activations.binary_tanh,
    "ternary_tanh": activations.ternary_tanh,
    "normalize": activations.normalise,
    "normalize_binary_tanh": activations.normalised_bits,
    "normalize_ternary_tanh": activations.normalised_signs,
    "layernormalize": activations.normalise_rows,
    "einsum": contractions.einsum,
    "einsum_dense": contractions.einsum_dense,
    "embedding": contractions.embedding,
    "lstm_stack": recurrent.recurrent,
    "gru_stack": recurrent.recurrent,
    "bidirectional_stack": recurrent.bidirectional,
    "unary_lut": quantizers.unary_table,
    "softmax": softmax.softmax,
    "softmax_multidim": softmax.softmax,
    "conv_1d_cl": sweeps.convolution,
    "conv_2d_cl": sweeps.convolution,
    "pointwise_conv_1d_cl": sweeps.convolution,
    "pointwise_conv_2d_cl": sweeps.convolution,
    "depthwise_conv_1d_cl": sweeps.depthwise_convolution,
    "depthwise_conv_2d_cl": sweeps.depthwise_convolution,
    "pooling1d_cl": sweeps.pooling,
    "pooling2d_cl": sweeps.pooling,
    "global_pooling1d_cl": sweeps.global_pooling,
    "global_pooling2d_cl": sweeps.global_pooling,
    "add": partial(arrangements.combined, how=Combination.ADD),
    "subtract": partial(arrangements.combined, how=Combination.SUBTRACT),
    "multiply": partial(arrangements.combined, how=Combination.MULTIPLY),
    "maximum": partial(arrangements.combined, how=Combination.MAXIMUM),
    "minimum": partial(arrangements.combined, how=Combination.MINIMUM),
    "average": arrangements.average,
    "dot1d": arrangements.dot_product,
    "concatenate1d": arrangements.concatenate,
    "concatenate2d": arrangements.concatenate,
    "concatenate3d": arrangements.concatenate,
    "transpose": arrangements.transpose,
    "zeropad1d_cl": arrangements.pad,
    "zeropad2d_cl": arrangements.pad,
    "cropping1d_cl": arrangements.crop,
    "cropping2d_cl": arrangements.crop,
    "resize_nearest": arrangements.resize,
    "broadcast_stream": arrangements.broadcast,
}

# Those that take the items of their streams apart.
REPACKING = frozenset({"dense", "repack_stream"})


def exact_program(core: Core) -> Program:
    """The program that gives, for every input, the very words that the core gives.

    Raises:
        NotExact: a layer, a type or a width has no exact form here; ``reason`` says which.
    """
    graph = core.graph
    if graph is None:
        raise NotExact("the core's C++ was written by hand", "program.unknown-layer")
    build = Builder(*map(_tensor, core.inputs))
    known = _values(graph, build, streams=core.io_type == "io_stream")
    outputs = zip(map(_tensor, core.outputs), graph.outputs, strict=True)
    return build.program(
        core.top,
        [Terminal(tensor, known[name]) for tensor, name in outputs],
        [(node.name, known[node.outputs[0].name]) for node in graph.nodes if node.inputs],
    )


def _tensor(port: Port) -> Tensor:
    """What a program knows of a port."""
    return Tensor(port.name, port.shape, port.type)


def _values(graph: Graph, build: Builder, *, streams: bool) -> dict[str, Value]:
    """The value of every tensor, by its name."""
    entries = (terminal.value for terminal in build.inputs)
    known: dict[str, Value] = dict(zip(graph.inputs, entries, strict=True))
    tensors: dict[str, GraphTensor] = {}
    for node in graph.nodes:
        tensors.update({tensor.name: tensor for tensor in node.outputs})
        if node.inputs:
            layer = Layer(
                build,
                node,
                tuple(known[name] for name in node.inputs),
                tuple(tensors[name] for name in node.inputs),
                streams,
            )
            try:
                result = _result(layer)
            except NotExact as refused:
                reason = f"layer {node.name!r}: {refused.reason}"
                raise NotExact(reason, refused.code) from None
            known.update(dict.fromkeys((tensor.name for tensor in node.outputs), result))
    return known


def _result(layer: Layer) -> Value:
    node = layer.node
    layer.build.layer = node.name
    if node.formats:
        return quantizers.quantise(layer, node.formats)
    if not node.function:
        return _renamed(layer)
    if node.function not in RULES:
        raise layer.refusal(f"is of a kind that has no exact form yet, {node.kind}")
    if layer.streams and node.function not in REPACKING:
        _check_lanes(layer)
    return RULES[node.function](layer)


def _check_lanes(layer: Layer) -> None:
    """A flattened stream keeps its items, which most of hls4ml's C++ does not expect."""
    for tensor in layer.tensors:
        if tensor.lanes != tensor.shape[-1]:
            raise layer.faulty(
                f"reads a stream of {tensor.lanes} lanes as if it had {tensor.shape[-1]}"
            )


def _renamed(layer: Layer) -> Value:
    """A layer without a function of its own gives its input another shape."""
    if layer.node.kind != "Reshape":
        raise layer.refusal(f"is of a kind that has no exact form yet, {layer.node.kind}")
    return layer.x
