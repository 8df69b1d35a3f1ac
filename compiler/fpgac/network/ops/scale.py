"""A factor and a shift for each channel: batch normalisations that lie in no layer's weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np

from fpgac.errors import Problem
from fpgac.network.operation import (
    Bound,
    Operand,
    Operation,
    Parameter,
    Table,
    holding,
    words_outside,
)
from fpgac.network.ops.weighted import array_of
from fpgac.numbers import FixedPoint, IntArray
from fpgac.program.activations import normalised
from fpgac.program.builder import Builder
from fpgac.program.program import Value
from fpgac.program.words import Words
from fpgac.spec.formats import Format
from fpgac.spec.shapes import MisfitError, Shape, shape_text
from fpgac.tensors import Tensor

__all__ = ["Scale"]


class _Table(Table):
    kind: Literal["scale"]
    factor_type: Format
    shift_type: Format
    factor: list[Any]
    shift: list[Any]


@dataclass(frozen=True, eq=False)
class Scale(Operation):
    """``x · factor + shift`` with every bit; both are int64 words, one for each channel."""

    kinds: ClassVar = ("scale",)
    table: ClassVar[type[Table]] = _Table

    factor: IntArray
    factor_type: FixedPoint
    shift: IntArray
    shift_type: FixedPoint

    def shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        for key, words in (("factor", self.factor), ("shift", self.shift)):
            if words.shape != shape[-1:]:
                got = shape_text(words.shape)
                what = f"there must be a {key} for each channel of {shape_text(shape)}, not {got}"
                raise MisfitError(key, what, shape)
        return shape

    def type(self, *inputs: Tensor) -> FixedPoint:
        (x,) = inputs
        integer = x.type.integer + self.factor_type.integer
        signed = x.type.signed or self.factor_type.signed
        product = FixedPoint(integer + x.type.fraction + self.factor_type.fraction, integer, signed)
        return holding([product, self.shift_type], 1)

    def lower(self, build: Builder, output: Tensor, *inputs: Operand) -> Value:
        (x,) = inputs
        factor = Words(self.factor, self.factor_type.fraction)
        shift = Words(self.shift, self.shift_type.fraction)
        return normalised(build, x.value, factor, shift, output.type)

    def reach(self, *inputs: Bound) -> float:
        (x,) = inputs
        factors = np.abs(self.factor.astype(np.float64)) * self.factor_type.step
        shifts = np.abs(self.shift.astype(np.float64)) * self.shift_type.step
        return float((x.reach * factors + shifts).max())

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        return {
            "factor": Parameter(self.factor_type, self.factor),
            "shift": Parameter(self.shift_type, self.shift),
        }

    def plain(self) -> dict[str, Any]:
        return {
            "factor_type": str(self.factor_type),
            "shift_type": str(self.shift_type),
            "factor": self.factor.tolist(),
            "shift": self.shift.tolist(),
        }

    @classmethod
    def read(cls, table: Any) -> Self:
        factor = array_of("factor", table.factor, 1)
        return cls(factor, table.factor_type, array_of("shift", table.shift, 1), table.shift_type)

    def problems(self) -> Iterator[Problem]:
        for name, parameter in self.parameters.items():
            yield from words_outside(name, f"{name}_type", parameter)

    def __str__(self) -> str:
        return f"{self.kind} of {len(self.factor)} by {self.factor_type}, plus {self.shift_type}"
