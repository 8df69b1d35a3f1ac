"""The kinds of layer that a network can have, as plain data.

Each knows its ``kind``, as spec and file call it, the shape that it makes of another, and itself as
lists, strings and integers (``plain``), which is what the network's file and digest hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import numpy as np

from fpgac.numbers import FixedPoint, IntArray
from fpgac.spec.shapes import (
    MisfitError,
    Padding,
    Shape,
    averaged,
    convolved,
    flattened,
    pooled,
    shape_text,
    summed,
)

__all__ = [
    "AveragePoolLayer",
    "ConvLayer",
    "DenseLayer",
    "FlattenLayer",
    "HardLayer",
    "Layer",
    "MaxPoolLayer",
    "ReluLayer",
    "WeightedLayer",
]


@dataclass(frozen=True, eq=False)
class WeightedLayer:
    """What layers with weights have in common.

    ``weights`` has the outputs (units, or filters) as its last axis, and ``bias`` has shape
    (outputs,), both int64 raw words of their types.
    """

    name: str
    weights: IntArray
    weight_type: FixedPoint
    bias: IntArray
    bias_type: FixedPoint

    @property
    def matrix(self) -> IntArray:
        """The weights as a matrix of shape (products in a sum, outputs)."""
        return self.weights.reshape(-1, self.weights.shape[-1])

    @property
    def sparsity(self) -> float:
        """The part of the weights that is zero, biases not counted."""
        return float(np.mean(self.weights == 0))

    def _plain_words(self) -> dict[str, Any]:
        return {
            "weight_type": str(self.weight_type),
            "bias_type": str(self.bias_type),
            "weights": self.weights.tolist(),
            "bias": self.bias.tolist(),
        }


@dataclass(frozen=True, eq=False)
class DenseLayer(WeightedLayer):
    """``y = x · weights + bias``; ``weights`` has shape (inputs, outputs)."""

    kind = "dense"

    def output_shape(self, shape: Shape) -> Shape:
        """Raises MisfitError: these are not the layer's inputs."""
        outputs = summed(shape, self.bias.size)
        if self.weights.shape != (*shape, *outputs):
            raise MisfitError("weights", _unlike(self, (*shape, *outputs)), outputs)
        return outputs

    def plain(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name, **self._plain_words()}


@dataclass(frozen=True, eq=False)
class ConvLayer(WeightedLayer):
    """A convolution, as Keras has it: a dense layer over each place of the kernel.

    ``weights`` has shape (*kernel, channels, filters) with one or two axes of kernel, for which
    ``strides`` has an entry each.
    """

    strides: tuple[int, ...]
    padding: Padding

    @property
    def kind(self) -> str:
        return f"conv{len(self.strides)}d"

    @property
    def kernel(self) -> tuple[int, ...]:
        return self.weights.shape[: len(self.strides)]

    def output_shape(self, shape: Shape) -> Shape:
        """Raises MisfitError: the kernel does not fit these inputs."""
        outputs = convolved(shape, self.kernel, self.strides, self.padding, self.bias.size)
        expected = (*self.kernel, shape[-1], self.bias.size)
        if self.weights.shape != expected:
            raise MisfitError("weights", _unlike(self, expected), outputs)
        return outputs

    def plain(self) -> dict[str, Any]:
        how = {"strides": list(self.strides), "padding": self.padding}
        return {"kind": self.kind, "name": self.name, **how, **self._plain_words()}


def _unlike(layer: WeightedLayer, expected: Shape) -> str:
    return (
        f"the weights of {layer.name!r} do not fit its inputs and biases: of shape "
        f"{shape_text(layer.weights.shape)}, not {shape_text(expected)}"
    )


@dataclass(frozen=True)
class ReluLayer:
    """``max(x, 0)`` put on the grid of ``type``."""

    name: str
    type: FixedPoint
    kind = "relu"

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def plain(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name, "type": str(self.type)}


@dataclass(frozen=True)
class HardLayer:
    """QKeras's piecewise linear sigmoid or tanh, put on the grid of ``type``.

    The sigmoid is ``clip(x / 2 + 1 / 2, 0, 1)``, and the tanh is ``clip(x, -1, 1)``.
    """

    name: str
    kind: Literal["sigmoid", "tanh"]
    type: FixedPoint

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def plain(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name, "type": str(self.type)}


@dataclass(frozen=True)
class MaxPoolLayer:
    """The greatest of each pool; the pools, of size ``pool``, lie side by side."""

    name: str
    pool: tuple[int, ...]

    @property
    def kind(self) -> str:
        return f"max_pooling{len(self.pool)}d"

    def output_shape(self, shape: Shape) -> Shape:
        """Raises MisfitError: the pools do not divide it."""
        return pooled(shape, self.pool)

    def plain(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name, "pool": list(self.pool)}


@dataclass(frozen=True)
class AveragePoolLayer:
    """The mean of each pool, in full: with as many more fraction bits as it needs."""

    name: str
    pool: tuple[int, ...]

    @property
    def kind(self) -> str:
        return f"average_pooling{len(self.pool)}d"

    @property
    def bits(self) -> int:
        """How many more fraction bits a mean has than the numbers in the pool."""
        return prod(self.pool).bit_length() - 1

    def output_shape(self, shape: Shape) -> Shape:
        """Raises MisfitError: the pools do not divide it, or their mean is not exact."""
        return averaged(shape, self.pool)

    def plain(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name, "pool": list(self.pool)}


@dataclass(frozen=True)
class FlattenLayer:
    """All numbers in one list, the channels' index running fastest."""

    name: str
    kind = "flatten"

    def output_shape(self, shape: Shape) -> Shape:
        """Raises MisfitError: it is flat already."""
        return flattened(shape)

    def plain(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name}


Layer = (
    DenseLayer | ConvLayer | ReluLayer | HardLayer | MaxPoolLayer | AveragePoolLayer | FlattenLayer
)
