"""The network as a QKeras model. Only the worker process calls this: it imports TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.network.keras.layers import Making, keras_layer
from fpgac.network.keras.modules import Keras
from fpgac.network.network import Network
from fpgac.network.operation import Operation
from fpgac.numbers import IntArray

__all__ = ["build", "exact_outputs", "samples"]

_BATCH = 4096


def build(
    k: Keras,
    network: Network,
    wrap: Callable[[Any], Any] = lambda layer: layer,
    normalised: Collection[str] = (),
    *,
    is_exact: bool = False,
    is_float: bool = False,
) -> Any:
    """A Keras model of ``network``'s nodes; its weights are left as Keras starts them.

    It takes a tensor for each input, of shape (samples, \\*shape), and gives rows: all numbers of
    all outputs, shape (samples, numbers). ``wrap`` may put each layer with weights into another.
    The layers that ``normalised`` names are to be trained with batch normalisation; with
    ``is_exact`` every number is exact in float64, and with ``is_float`` nothing is quantised.
    """
    layers = k.keras.layers
    names = ("input",) if len(network.inputs) == 1 else [f"input_{x.name}" for x in network.inputs]
    entries = [
        layers.Input(tensor.shape, name=name)
        for tensor, name in zip(network.inputs, names, strict=True)
    ]
    known = {tensor.name: entry for tensor, entry in zip(network.inputs, entries, strict=True)}
    for node in network.nodes:
        reads = [known[name] for name in node.inputs]
        normal = node.name in normalised
        making = Making(k, node, network.read_by(node), is_exact, normal, wrap, is_float)
        known[node.name] = keras_layer(node.operation, making)(reads if reads[1:] else reads[0])
    return k.keras.Model(entries, _row(k, network, known))


def _row(k: Keras, network: Network, known: Mapping[str, Any]) -> Any:
    """All outputs end to end."""
    ends = [known[output.node] for output in network.outputs]
    flat = [end if len(end.shape) == 2 else k.keras.layers.Flatten()(end) for end in ends]
    return flat[0] if len(flat) == 1 else k.keras.layers.Concatenate()(flat)


def samples(network: Network, rows: npt.NDArray[Any]) -> Any:
    """Rows of numbers as Keras takes them: a tensor, or a list of them."""
    tensors = list(network.input_layout.named(rows).values())
    return tensors if len(tensors) > 1 else tensors[0]


def exact_outputs(k: Keras, network: Network, words: IntArray) -> npt.NDArray[np.float64]:
    """What the quantised Keras model answers to rows of raw words, shape (samples, outputs).

    The model computes in float64, whose sums are exact where float32's need not be: 27 inputs of
    16 bits times weights of 8 bits can make sums of 28 bits. Leaves Keras's float type at float64.
    """
    k.keras.backend.set_floatx("float64")
    model = build(k, network, is_exact=True)
    for node in network.nodes:
        if node.operation.parameters:
            model.get_layer(node.name).set_weights(_numbers(node.operation))
    x = network.input_layout.number(words)
    if not len(x):
        return np.empty((0, network.output_size))
    answers = model.predict(samples(network, x), batch_size=_BATCH, verbose=0)
    # Adding zero turns -0.0, which no integer has, into 0.0.
    return np.asarray(answers, np.float64) + 0.0


def _numbers(operation: Operation) -> list[npt.NDArray[np.float64]]:
    return [parameter.type.number(parameter.words) for parameter in operation.parameters.values()]
