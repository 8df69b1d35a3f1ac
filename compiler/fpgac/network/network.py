"""A trained network as plain data: layers, integer weights, formats, and where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.digest import digest_json
from fpgac.network.layers import (
    AveragePoolLayer,
    ConvLayer,
    DenseLayer,
    FlattenLayer,
    HardLayer,
    Layer,
    MaxPoolLayer,
    ReluLayer,
    WeightedLayer,
)
from fpgac.numbers import FixedPoint, IntArray
from fpgac.spec.shapes import Shape

__all__ = [
    "AveragePoolLayer",
    "ConvLayer",
    "DenseLayer",
    "FlattenLayer",
    "HardLayer",
    "Layer",
    "MaxPoolLayer",
    "Network",
    "Recording",
    "ReluLayer",
    "WeightedLayer",
]


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

    ``inputs`` is how many numbers a sample has, or its shape, channels last. ``provenance`` is
    plain data for people and reports; ``recording`` may be absent.
    """

    name: str
    inputs: int | Shape
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
            "input": {**self._plain_inputs(), "type": str(self.input_type)},
            "layers": [layer.plain() for layer in self.layers],
        }

    def _plain_inputs(self) -> dict[str, Any]:
        if isinstance(self.inputs, tuple):
            return {"shape": list(self.inputs)}
        return {"size": self.inputs}

    @property
    def input_shape(self) -> Shape:
        """One sample's shape."""
        return self.inputs if isinstance(self.inputs, tuple) else (self.inputs,)

    @property
    def input_size(self) -> int:
        """Numbers in one sample, whatever their shape."""
        return prod(self.input_shape)

    @property
    def weighted_layers(self) -> tuple[DenseLayer | ConvLayer, ...]:
        """The layers that have weights, in order."""
        return tuple(layer for layer in self.layers if isinstance(layer, WeightedLayer))

    @property
    def output_size(self) -> int:
        """Numbers in one result."""
        return int(self.weighted_layers[-1].bias.size)

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """What enters each layer, and what leaves the last one.

        Raises:
            MisfitError: a layer does not fit the one before it.
        """
        shapes = [self.input_shape]
        for layer in self.layers:
            shapes.append(layer.output_shape(shapes[-1]))
        return tuple(shapes)
