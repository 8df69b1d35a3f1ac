"""What a network computes, in integers: the definition that every engine is held against.

A dense layer's sums are exact: they carry every fraction bit of their products and of the bias. A
ReLU puts them on its own grid by the one rule of :mod:`fpgac.numbers`. Between the two, numbers
are float64, which is exact as long as a sum has no more than 53 bits; :func:`check_range` proves
that it has not, for every input that the type can hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fpgac.errors import NetworkError, Problem, Where
from fpgac.network.network import DenseLayer, Layer, Network
from fpgac.numbers import WIDEST, FixedPoint, IntArray

__all__ = ["Step", "check_range", "outputs", "steps"]


@dataclass(frozen=True, eq=False)
class Step:
    """A layer and the grid that it works on: ``fraction`` bits right of the point.

    For a dense layer, these are its sums' bits; for a ReLU, those of the sums that it is given.
    """

    layer: Layer
    operand: FixedPoint
    fraction: int


def steps(input_type: FixedPoint, layers: Sequence[Layer]) -> Iterator[Step]:
    """Each layer with the type of its words in, and the fraction bits of the sums."""
    operand, fraction = input_type, input_type.fraction
    for layer in layers:
        if isinstance(layer, DenseLayer):
            product = operand.fraction + layer.weight_type.fraction
            fraction = max(product, layer.bias_type.fraction)
        yield Step(layer, operand, fraction)
        if not isinstance(layer, DenseLayer):
            operand = layer.type


def outputs(network: Network, words: IntArray) -> npt.NDArray[np.float64]:
    """The network's exact answers to raw input words of shape (samples, inputs).

    Returns:
        The last layer's sums, shape (samples, outputs), before any rounding to an output type.

    Raises:
        NetworkError: a sum could need more than 53 bits.
    """
    check_range(network.input_type, network.layers)
    values = words.astype(np.int64)
    numbers = np.empty((0, 0))
    for step in steps(network.input_type, network.layers):
        if isinstance(step.layer, DenseLayer):
            numbers = _sums(step, step.layer, values) * 2.0**-step.fraction
        else:
            values = step.layer.type.raw(numbers).astype(np.int64)
    return numbers


def _sums(step: Step, layer: DenseLayer, values: IntArray) -> IntArray:
    products: IntArray = values @ layer.weights << _shift(step, step.operand, layer.weight_type)
    return products + (layer.bias << _shift(step, layer.bias_type))


def _shift(step: Step, *factors: FixedPoint) -> int:
    return step.fraction - sum(factor.fraction for factor in factors)


def check_range(input_type: FixedPoint, layers: Sequence[Layer]) -> None:
    """Prove that no sum needs more than 53 bits, whatever the input.

    Raises:
        NetworkError: one might; it names the layer.
    """
    for step in steps(input_type, layers):
        layer = step.layer
        if isinstance(layer, DenseLayer) and _greatest(step, layer) >= 2.0**WIDEST:
            raise NetworkError(
                Problem(
                    f"the sums of layer {layer.name!r} are too wide to be exact",
                    where=Where(key=f"layers.{layer.name}"),
                    expected=f"sums of at most {WIDEST} bits, which a float64 holds",
                    got=f"{step.operand} times {layer.weight_type}, plus {layer.bias_type}",
                    hint="choose fewer bits for inputs, weights or biases",
                )
            )


def _greatest(step: Step, layer: DenseLayer) -> float:
    """A bound on any partial sum's magnitude, in units of the last bit."""
    operand = float(max(-step.operand.lowest, step.operand.highest))
    products = operand * np.abs(layer.weights).sum(axis=0, dtype=np.float64)
    products *= 2.0 ** _shift(step, step.operand, layer.weight_type)
    bias = np.abs(layer.bias.astype(np.float64)) * 2.0 ** _shift(step, layer.bias_type)
    return float((products + bias).max())
