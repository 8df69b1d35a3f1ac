"""What a network computes, in integers: the definition that every engine is held against.

The sums of a dense layer or a convolution are exact: they carry every fraction bit of their
products and of the bias. A ReLU puts them on its own grid by the one rule of
:mod:`fpgac.numbers`. Where numbers are float64, that is exact as long as a sum has no more than 53
bits; :func:`check_range` proves that it has not, for every input that the type can hold. The same
bound makes Keras's float64 exact, in whatever order it adds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

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
    WeightedLayer,
)
from fpgac.numbers import WIDEST, FixedPoint, IntArray
from fpgac.spec.shapes import pads

__all__ = ["Grid", "Step", "check_range", "outputs", "steps"]


@dataclass(frozen=True)
class Grid:
    """Numbers that are whole multiples of ``2**-fraction``, none more than ``reach`` of them."""

    fraction: int
    reach: float

    @property
    def bits(self) -> int:
        """How many bits hold any of them, a sign among them."""
        return int(self.reach).bit_length() + 1

    def __str__(self) -> str:
        return f"{self.bits} bits, {self.fraction} of them behind the point"

    @classmethod
    def of(cls, type_: FixedPoint) -> Grid:
        return cls(type_.fraction, float(max(-type_.lowest, type_.highest)))


@dataclass(frozen=True, eq=False)
class Step:
    """A layer, the numbers that it is given, and those that it gives: any partial sum's too."""

    layer: Layer
    given: Grid
    gives: Grid


def steps(input_type: FixedPoint, layers: Sequence[Layer]) -> Iterator[Step]:
    """Each layer with the grids of its numbers."""
    given = Grid.of(input_type)
    for layer in layers:
        gives = _gives(layer, given)
        yield Step(layer, given, gives)
        given = gives


def _gives(layer: Layer, given: Grid) -> Grid:
    match layer:
        case ReluLayer() | HardLayer():
            return Grid.of(layer.type)
        case WeightedLayer():
            fraction = given.fraction + layer.weight_type.fraction
            product = given.reach * np.abs(layer.matrix).sum(axis=0, dtype=np.float64)
            finest = max(fraction, layer.bias_type.fraction)
            bias = np.abs(layer.bias.astype(np.float64)) * _step(layer.bias_type.fraction, finest)
            return Grid(finest, float((product * _step(fraction, finest) + bias).max()))
        case AveragePoolLayer():
            return Grid(given.fraction + layer.bits, given.reach * 2**layer.bits)
        case MaxPoolLayer() | FlattenLayer():
            return given


def _step(fraction: int, finest: int) -> float:
    return 2.0 ** (finest - fraction)


def outputs(network: Network, words: IntArray) -> npt.NDArray[np.float64]:
    """The network's exact answers to raw input words of shape (samples, inputs).

    Returns:
        The last layer's sums, shape (samples, outputs), before any rounding to an output type.

    Raises:
        NetworkError: a sum could need more than 53 bits.
    """
    check_range(network.input_type, network.layers)
    values: IntArray = words.astype(np.int64).reshape(-1, *network.input_shape)
    fraction = network.input_type.fraction
    for step in steps(network.input_type, network.layers):
        values, fraction = _computed(step, values), step.gives.fraction
    return values * 2.0**-fraction


def _computed(step: Step, values: IntArray) -> IntArray:
    match step.layer:
        case DenseLayer():
            return _sums(step, step.layer, values)
        case ConvLayer():
            return _sums(step, step.layer, _patches(step.layer, values))
        case ReluLayer():
            return step.layer.type.raw(values * 2.0**-step.given.fraction).astype(np.int64)
        case HardLayer():
            return _hard(step.layer, values * 2.0**-step.given.fraction)
        case MaxPoolLayer() | AveragePoolLayer():
            return _pooled(step.layer, values)
        case FlattenLayer():
            return values.reshape(len(values), math.prod(values.shape[1:]))


def _sums(step: Step, layer: WeightedLayer, values: IntArray) -> IntArray:
    finest = step.gives.fraction
    shift = finest - step.given.fraction - layer.weight_type.fraction
    products: IntArray = values @ layer.matrix << shift
    return products + (layer.bias << (finest - layer.bias_type.fraction))


def _pooled(layer: MaxPoolLayer | AveragePoolLayer, values: IntArray) -> IntArray:
    """The greatest of each pool, or the sum: a mean in steps as many times as fine."""
    operation = np.max if isinstance(layer, MaxPoolLayer) else np.sum
    pooled: IntArray = operation(_windows(values, layer.pool, layer.pool), axis=-1)
    return pooled


def _hard(layer: HardLayer, numbers: npt.NDArray[np.float64]) -> IntArray:
    exact = np.clip(numbers, -1, 1)
    return layer.type.raw(exact if layer.kind == "tanh" else exact / 2 + 0.5).astype(np.int64)


def _patches(layer: ConvLayer, values: IntArray) -> IntArray:
    """What lies under the kernel at each place, one list of numbers each."""
    if layer.padding == "same":
        sides = pads(values.shape[1:], layer.kernel, layer.strides)
        values = np.pad(values, [(0, 0), *sides, (0, 0)])
    windows = np.moveaxis(_windows(values, layer.kernel, layer.strides), -2, -1)
    return windows.reshape(*windows.shape[:-2], len(layer.matrix))


def _windows(values: IntArray, size: Sequence[int], strides: Sequence[int]) -> IntArray:
    """Shape (samples, *places, channels, numbers in a window)."""
    axes: Any = tuple(range(1, len(size) + 1))  # numpy's annotations know of one axis only
    every: IntArray = np.lib.stride_tricks.sliding_window_view(values, size, axes)
    windows = every[:, *(slice(None, None, step) for step in strides)]
    return windows.reshape(*windows.shape[: len(size) + 2], math.prod(size))


def check_range(input_type: FixedPoint, layers: Sequence[Layer]) -> None:
    """Prove that no sum needs more than 53 bits, whatever the input, nor half of one.

    Raises:
        NetworkError: one might; it names the layer.
    """
    for step in steps(input_type, layers):
        layer = step.layer
        if _is_wide(step):
            raise NetworkError(
                Problem(
                    f"the sums of layer {layer.name!r} are too wide to be exact",
                    where=Where(key=f"layers.{layer.name}"),
                    expected=f"sums of at most {WIDEST} bits, which a float64 holds",
                    got=f"from {step.given}, to {step.gives}",
                    hint="choose fewer bits for inputs, weights or biases",
                )
            )


def _is_wide(step: Step) -> bool:
    match step.layer:
        case WeightedLayer() | AveragePoolLayer():
            return step.gives.reach >= 2.0**WIDEST
        case HardLayer():
            # Between -1 and 1, where it is not cut off, a number is halved and a half is added.
            return step.given.fraction > WIDEST - 2
    return False
