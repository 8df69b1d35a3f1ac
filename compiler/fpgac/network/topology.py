"""The layers that a spec asks for, and whether a trained network has them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np

from fpgac.digest import digest_json
from fpgac.errors import NetworkError, Problem, Where
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
from fpgac.spec.formats import Quantiser, hard_type
from fpgac.spec.models import QuantisationSection, Spec
from fpgac.spec.shapes import Shape, shape_text
from fpgac.spec.topology import (
    AveragePooling1DSection,
    AveragePooling2DSection,
    ConvSection,
    FlattenSection,
    LayerSection,
    PoolingSection,
    WeightedSection,
    activation_name,
)

__all__ = ["check", "training_digest", "untrained"]


def untrained(spec: Spec) -> Network:
    """The network that ``spec`` asks for, with all weights zero.

    A layer has its name in the spec; its activation has that and its own: ``dense_1_relu``.
    """
    layers: list[Layer] = []
    shape = spec.topology.input_shape
    for name, section in zip(spec.topology.names, spec.topology.layers, strict=True):
        layers += _layers(name, shape, section, spec.quantisation)
        shape = section.output_shape(shape)
    return Network(spec.name, spec.topology.inputs, spec.interface.input, tuple(layers))


def _layers(
    name: str, shape: Shape, section: LayerSection, usual: QuantisationSection
) -> Iterator[Layer]:
    match section:
        case WeightedSection():
            yield _weighted(name, shape, section, usual)
            if section.activation != "linear":
                yield _activation(
                    name, section.activation, section.activations or usual.activations
                )
        case AveragePooling1DSection() | AveragePooling2DSection():
            yield AveragePoolLayer(name, section.pool)
        case PoolingSection():
            yield MaxPoolLayer(name, section.pool)
        case FlattenSection():
            yield FlattenLayer(name)


def _activation(
    layer: str, function: Literal["relu", "sigmoid", "tanh"], quantiser: Quantiser
) -> Layer:
    name = activation_name(layer, function)
    if function == "relu":
        return ReluLayer(name, quantiser.format)
    return HardLayer(name, function, hard_type(function, quantiser.bits))


def _weighted(
    name: str, shape: Shape, section: WeightedSection, usual: QuantisationSection
) -> Layer:
    *_, outputs = section.output_shape(shape)
    weights = (section.weights or usual.weights).format
    bias, biases = np.zeros(outputs, np.int64), (section.biases or usual.biases).format
    if isinstance(section, ConvSection):
        words = np.zeros((*section.kernel, shape[-1], outputs), np.int64)
        return ConvLayer(name, words, weights, bias, biases, section.steps, section.padding)
    return DenseLayer(name, np.zeros((*shape, outputs), np.int64), weights, bias, biases)


def check(network: Network, spec: Spec, file: Path | None = None) -> None:
    """Make sure that ``network`` has the layers, formats and inputs that ``spec`` asks for.

    Raises:
        NetworkError: it has others; the first difference, with what was expected and got.
    """
    wanted = untrained(spec)
    given = [_input_text(network), *map(_layer_text, network.layers)]
    asked = [_input_text(wanted), *map(_layer_text, wanted.layers)]
    last = "the end of the network"
    for place, (expected, got) in enumerate(zip([*asked, last], [*given, last], strict=False)):
        if expected != got:
            raise NetworkError(
                Problem(
                    "the trained network is not the one that the spec asks for",
                    Where(file, key=f"layers[{place - 1}]" if place else "input"),
                    expected,
                    got,
                    "train the spec's own: 'fpgac train SPEC'; or take the spec's change back",
                )
            )


def _input_text(network: Network) -> str:
    return f"{shape_text(network.input_shape)} inputs of {network.input_type}"


def _layer_text(layer: Layer) -> str:
    named = f"{layer.kind} {layer.name!r}"
    match layer:
        case ReluLayer() | HardLayer():
            return f"{named} to {layer.type}"
        case MaxPoolLayer() | AveragePoolLayer():
            return f"{named} of {shape_text(layer.pool)}"
        case FlattenLayer():
            return named
        case ConvLayer():
            steps = f"in steps of {shape_text(layer.strides)}, {layer.padding}"
            named = f"{named} {steps},"
    return (
        f"{named} of {' x '.join(map(str, layer.weights.shape))}, weights {layer.weight_type}, "
        f"biases {layer.bias_type}"
    )


def training_digest(spec: Spec) -> str:
    """Digest of all in ``spec`` that training depends on; a network's provenance keeps it.

    HLS options, proof, targets and the output's type leave a trained network as good as it was.
    """
    said = spec.model_dump(mode="json", include={"topology", "quantisation", "data", "training"})
    for layer in said["topology"]["layers"]:
        layer.pop("reuse_factor", None)
        if not layer.get("batch_normalisation"):
            layer.pop("batch_normalisation", None)  # networks from before there was any
    return digest_json({**said, "input": str(spec.interface.input)})
