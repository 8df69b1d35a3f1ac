"""What operations with weights have in common: exact sums of products and a bias."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field

from fpgac.errors import Problem
from fpgac.network.operation import (
    Bound,
    Operand,
    Operation,
    Parameter,
    Part,
    Table,
    problem,
    words_outside,
)
from fpgac.network.ops.relu import Relu
from fpgac.network.ops.squash import Squash
from fpgac.numbers import FixedPoint, IntArray
from fpgac.program.builder import Builder
from fpgac.program.program import Value
from fpgac.program.sums import Products, weighted
from fpgac.program.words import Words
from fpgac.spec.formats import Format
from fpgac.spec.layers import WeightedSection, activation_name
from fpgac.spec.models import QuantisationSection
from fpgac.spec.shapes import MisfitError, Shape, shape_text
from fpgac.tensors import Tensor

__all__ = [
    "Nested",
    "Weighted",
    "WeightedTable",
    "array_of",
    "followed",
    "precision_of",
    "sum_type",
]

Word = Annotated[int, Field(ge=-(2**53), le=2**53)]
Nested = list[Any]


class WeightedTable(Table):
    """Weights and biases as lists of whole numbers."""

    weight_type: Format
    bias_type: Format
    weights: Nested
    bias: list[Word]


@dataclass(frozen=True, eq=False)
class Weighted(Operation):
    """Sums of products: ``weights`` has the outputs (units, or filters) as its last axis.

    ``bias`` has shape (outputs,); both are int64 words of their types.
    """

    weights: IntArray
    weight_type: FixedPoint
    bias: IntArray
    bias_type: FixedPoint

    @abstractmethod
    def windows(self, shape: Shape) -> Products:
        """What is multiplied with what, of an input of ``shape``."""

    @property
    def terms(self) -> int:
        """Products in a sum."""
        return len(self.matrix)

    @cached_property
    def matrix(self) -> IntArray:
        """The weights as a matrix of shape (products in a sum, outputs)."""
        return self.weights.reshape(-1, self.weights.shape[-1])

    @property
    def products(self) -> IntArray:
        return self.matrix

    @property
    def sparsity(self) -> float:
        """The part of the weights that is zero, biases not counted."""
        return float(np.mean(self.weights == 0))

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        return {
            "weights": Parameter(self.weight_type, self.weights),
            "bias": Parameter(self.bias_type, self.bias),
        }

    def type(self, *inputs: Tensor) -> FixedPoint:
        (x,) = inputs
        return sum_type(self, x.type)

    def lower(self, build: Builder, output: Tensor, *inputs: Operand) -> Value:
        (x,) = inputs
        products, sums = self.windows(x.shape), sum_type(self, x.type)
        bias = Words(self.bias, self.bias_type.fraction)
        order = np.arange(products.windows.shape[1])
        return weighted(build, x.value, products, bias, sums, sums, order)

    def reach(self, *inputs: Bound) -> float:
        (x,) = inputs
        weights = np.abs(self.matrix).sum(axis=0, dtype=np.float64) * self.weight_type.step
        bias = np.abs(self.bias.astype(np.float64)) * self.bias_type.step
        return float((x.reach * weights + bias).max())

    def plain(self) -> dict[str, Any]:
        return {
            "weight_type": str(self.weight_type),
            "bias_type": str(self.bias_type),
            "weights": self.weights.tolist(),
            "bias": self.bias.tolist(),
        }

    def problems(self) -> Iterator[Problem]:
        if not self.bias.size:
            yield problem("no-outputs", "bias", "it has no outputs")
            return
        for name, parameter in self.parameters.items():
            type_key = f"{name.removesuffix('s')}_type"
            yield from words_outside(name, type_key, parameter)

    def require_weights(self, expected: Shape, outputs: Shape) -> Shape:
        """``outputs``, or a MisfitError where the weights have not the ``expected`` shape."""
        if self.weights.shape == expected:
            return outputs
        what = (
            "the weights do not fit the inputs and biases: of shape "
            f"{shape_text(self.weights.shape)}, not {shape_text(expected)}"
        )
        raise MisfitError("weights", what, outputs)

    def __str__(self) -> str:
        size = shape_text(self.weights.shape)
        return f"{self.kind} of {size}, weights {self.weight_type}, biases {self.bias_type}"

    @staticmethod
    def words_of(table: WeightedTable, axes: int) -> tuple[IntArray, FixedPoint, IntArray, Any]:
        """Weights and biases with their types, from a table; the weights have so many axes."""
        weights = array_of("weights", table.weights, axes)
        return weights, table.weight_type, np.array(table.bias, np.int64), table.bias_type

    @classmethod
    def read(cls, table: Any) -> Self:
        return cls(*cls.words_of(table, 2))


def sum_type(operation: Weighted, x: FixedPoint) -> FixedPoint:
    """A type for sums that keep every bit: of products with ``x`` in turn, and the bias."""
    weight, bias = operation.weight_type, operation.bias_type
    signed = weight.signed or x.signed
    products = weight.integer + x.integer + (operation.terms - 1).bit_length()
    integer = 1 + max(
        products + (bias.signed and not signed), bias.integer + (signed and not bias.signed)
    )
    fraction = max(weight.fraction + x.fraction, bias.fraction)
    return FixedPoint(integer + fraction, integer, signed or bias.signed)


def array_of(key: str, nested: list[Any], axes: int) -> IntArray:
    """Nested lists of whole numbers as an array.

    Raises:
        MisfitError: they are ragged, empty, of other axes, or hold something else.
    """
    try:
        array = np.array(nested)
    except ValueError:
        array = np.empty(0)
    if array.ndim != axes or not array.size:
        what = f"the {key} are no whole array of {axes} axes: rows, or blocks, differ in length"
        raise MisfitError(key, what, None)
    if array.dtype.kind != "i" or np.abs(array).max() > 2**53:
        what = f"the {key} must be whole numbers of at most 53 bits"
        raise MisfitError(f"{key}{_no_word(nested) or ''}", what, None)
    return array.astype(np.int64)


def _no_word(nested: object) -> str | None:
    """Where in nested lists the first entry is that is no whole number of 53 bits: ``[1][2]``."""
    if isinstance(nested, list):
        inside = ((f"[{place}]", _no_word(item)) for place, item in enumerate(nested))
        return next((f"{place}{found}" for place, found in inside if found is not None), None)
    return None if isinstance(nested, int) and abs(nested) <= 2**53 else ""


def precision_of(
    section: WeightedSection, usual: QuantisationSection
) -> tuple[FixedPoint, FixedPoint]:
    """The types of a layer's weights and biases."""
    weights = (section.weights or usual.weights).format
    return weights, (section.biases or usual.biases).format


def followed(section: WeightedSection, part: Part, usual: QuantisationSection) -> Iterator[Part]:
    """``part``, and the activation that its layer asks for."""
    yield part
    quantiser = section.activations or usual.activations
    name = activation_name(part.name, section.activation)
    match section.activation:
        case "relu" | "relu6" as kind:
            yield Part(name, Relu(quantiser.format, 6 if kind == "relu6" else None), (part.name,))
        case "sigmoid" | "tanh" as kind:
            yield Part(name, Squash.of_bits(kind, quantiser.bits), (part.name,))
        case "linear":
            pass
