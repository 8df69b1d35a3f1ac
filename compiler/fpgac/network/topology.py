"""The layers that a spec asks for, and whether a trained network has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fpgac.digest import digest_json
from fpgac.errors import NetworkError, Problem, Where
from fpgac.network.network import DenseLayer, Layer, Network, ReluLayer
from fpgac.spec.models import DenseSection, QuantisationSection, Spec, relu_name

__all__ = ["check", "training_digest", "untrained"]


def untrained(spec: Spec) -> Network:
    """The network that ``spec`` asks for, with all weights zero.

    A dense layer has its name in the spec; the ReLU after it has ``_relu`` added.
    """
    layers: list[Layer] = []
    inputs = spec.topology.inputs
    for name, section in zip(spec.topology.names, spec.topology.layers, strict=True):
        layers += _layers(name, inputs, section, spec.quantisation)
        inputs = section.units
    return Network(spec.name, spec.topology.inputs, spec.interface.input, tuple(layers))


def _layers(
    name: str, inputs: int, section: DenseSection, usual: QuantisationSection
) -> list[Layer]:
    weights, biases = section.weights or usual.weights, section.biases or usual.biases
    dense = DenseLayer(
        name,
        np.zeros((inputs, section.units), np.int64),
        weights.format,
        np.zeros(section.units, np.int64),
        biases.format,
    )
    if section.activation == "linear":
        return [dense]
    activations = section.activations or usual.activations
    return [dense, ReluLayer(relu_name(name), activations.format)]


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
    return f"{network.input_size} inputs of {network.input_type}"


def _layer_text(layer: Layer) -> str:
    if isinstance(layer, ReluLayer):
        return f"relu {layer.name!r} to {layer.type}"
    inputs, units = layer.weights.shape
    return (
        f"dense {layer.name!r} of {inputs} x {units}, weights {layer.weight_type}, "
        f"biases {layer.bias_type}"
    )


def training_digest(spec: Spec) -> str:
    """Digest of all in ``spec`` that training depends on; a network's provenance keeps it.

    HLS options, proof, targets and the output's type leave a trained network as good as it was.
    """
    said = spec.model_dump(mode="json", include={"topology", "quantisation", "data", "training"})
    for layer in said["topology"]["layers"]:
        del layer["reuse_factor"]
    return digest_json({**said, "input": str(spec.interface.input)})
