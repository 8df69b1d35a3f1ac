"""A trained network as plain data: layers, integer weights, formats, and where it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.digest import digest_json
from fpgac.numbers import FixedPoint, IntArray

__all__ = ["DenseLayer", "Layer", "Network", "Recording", "ReluLayer", "chain"]


@dataclass(frozen=True, eq=False)
class DenseLayer:
    """``y = x · weights + bias`` with raw words as weights.

    ``weights`` has shape (inputs, outputs) and ``bias`` shape (outputs,), both int64 raw words.
    """

    name: str
    weights: IntArray
    weight_type: FixedPoint
    bias: IntArray
    bias_type: FixedPoint

    @property
    def sparsity(self) -> float:
        """The part of the weights that is zero, biases not counted."""
        return float(np.mean(self.weights == 0))


@dataclass(frozen=True)
class ReluLayer:
    """``max(x, 0)`` put on the grid of ``type``."""

    name: str
    type: FixedPoint


Layer = DenseLayer | ReluLayer


@dataclass(frozen=True, eq=False)
class Recording:
    """What the quantised Keras model answered when the network was trained.

    ``inputs`` are raw words of the input's type, shape (samples, inputs); ``outputs`` are the
    model's exact float64 answers, shape (samples, outputs).
    """

    inputs: IntArray
    outputs: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Network:
    """A chain of layers, with what Keras answered and where it all came from.

    ``provenance`` is plain data for people and reports; ``recording`` may be absent.
    """

    name: str
    input_size: int
    input_type: FixedPoint
    layers: tuple[Layer, ...]
    recording: Recording | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """Covers everything but ``provenance`` and ``recording``."""
        return digest_json(self.plain())

    def plain(self) -> dict[str, Any]:
        """What the digest covers, as lists, strings and integers."""
        return {
            "name": self.name,
            "input": {"size": self.input_size, "type": str(self.input_type)},
            "layers": [_plain(layer) for layer in self.layers],
        }

    @property
    def dense_layers(self) -> tuple[DenseLayer, ...]:
        """The layers that have weights, in order."""
        return tuple(layer for layer in self.layers if isinstance(layer, DenseLayer))

    @property
    def output_size(self) -> int:
        """Numbers in one result."""
        return int(self.dense_layers[-1].bias.size)


def _plain(layer: Layer) -> dict[str, Any]:
    if isinstance(layer, ReluLayer):
        return {"kind": "relu", "name": layer.name, "type": str(layer.type)}
    return {
        "kind": "dense",
        "name": layer.name,
        "weight_type": str(layer.weight_type),
        "bias_type": str(layer.bias_type),
        "weights": layer.weights.tolist(),
        "bias": layer.bias.tolist(),
    }


def chain(input_size: int, layers: Sequence[Layer]) -> list[int]:
    """How many numbers enter each layer."""
    sizes: list[int] = []
    size = input_size
    for layer in layers:
        sizes.append(size)
        size = int(layer.bias.size) if isinstance(layer, DenseLayer) else size
    return sizes
