"""ReLUs that leave a part of what is below zero: a fixed part, or one learnt for each element."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

import numpy as np

from fpgac.errors import Problem
from fpgac.network.operation import (
    Bound,
    Operand,
    Parameter,
    Part,
    Table,
    blank,
    parts_of,
    problem,
    words_outside,
)
from fpgac.network.ops.elementwise import GridTable, OnGrid
from fpgac.numbers import FixedPoint, IntArray
from fpgac.program.activations import sloped
from fpgac.program.builder import Builder
from fpgac.program.program import Value
from fpgac.program.words import Words
from fpgac.spec.formats import Format, Quantiser
from fpgac.spec.layers.activation import LeakyReluSection, PreluSection
from fpgac.spec.models import QuantisationSection
from fpgac.spec.shapes import MisfitError, Shape, shape_text
from fpgac.tensors import Tensor

__all__ = ["LeakyRelu", "Prelu"]

_SLOPE_BITS = 12


class _LeakyTable(GridTable):
    kind: Literal["leaky_relu"]
    slope: float


@dataclass(frozen=True)
class LeakyRelu(OnGrid):
    """``x``, or ``slope · x`` below zero, put on the grid; the slope has 12 bits."""

    kinds: ClassVar = ("leaky_relu",)
    table: ClassVar[type[Table]] = _LeakyTable

    slope: float

    @cached_property
    def slope_type(self) -> FixedPoint:
        """A type that holds the slope."""
        return FixedPoint(_SLOPE_BITS + 1, 1)

    def lower(self, build: Builder, output: Tensor, *inputs: Operand) -> Value:
        (x,) = inputs
        slope = Words.of(np.array(self.slope), self.slope_type)
        return sloped(build, x.value, slope, self.grid)

    def steps(self, output: Tensor, *inputs: Bound) -> float:
        (x,) = inputs
        return x.steps * 2.0**_SLOPE_BITS

    def plain(self) -> dict[str, Any]:
        return {**super().plain(), "slope": self.slope}

    @classmethod
    def read(cls, table: Any) -> Self:
        return cls(table.type, table.slope)

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        if not 0 < self.slope < 1 or (self.slope * 2**_SLOPE_BITS) % 1:
            near = min(max(round(self.slope * 2**_SLOPE_BITS), 1), 2**_SLOPE_BITS - 1)
            yield problem(
                "bad-slope",
                "slope",
                "a slope is a whole number of 4096ths between 0 and 1",
                f"such as {near / 2**_SLOPE_BITS!r}",
                repr(self.slope),
            )


class _PreluTable(GridTable):
    kind: Literal["prelu"]
    slope_type: Format
    slopes: list[Any]


@dataclass(frozen=True, eq=False)
class Prelu(OnGrid):
    """As :class:`LeakyRelu`; ``slopes`` are int64 words of their type, one for each element."""

    kinds: ClassVar = ("prelu",)
    table: ClassVar[type[Table]] = _PreluTable

    slopes: IntArray
    slope_type: FixedPoint

    def shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        if self.slopes.shape != shape:
            got = shape_text(self.slopes.shape)
            what = f"there must be a slope for each number of {shape_text(shape)}, not {got}"
            raise MisfitError("slopes", what, shape)
        return shape

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        return {"slopes": Parameter(self.slope_type, self.slopes)}

    def lower(self, build: Builder, output: Tensor, *inputs: Operand) -> Value:
        (x,) = inputs
        slopes = Words(self.slopes.reshape(-1), self.slope_type.fraction)
        return sloped(build, x.value, slopes, self.grid)

    def steps(self, output: Tensor, *inputs: Bound) -> float:
        (x,) = inputs
        largest = float(np.abs(self.slopes).max(initial=0))
        return x.steps * max(largest, 2.0**self.slope_type.fraction)

    def plain(self) -> dict[str, Any]:
        slopes = {"slope_type": str(self.slope_type), "slopes": self.slopes.tolist()}
        return {**super().plain(), **slopes}

    @classmethod
    def read(cls, table: Any) -> Self:
        slopes = np.array(table.slopes)
        if slopes.dtype.kind != "i" or not slopes.size:
            raise ValueError("the slopes must be whole numbers, in rows of one length")
        return cls(table.type, slopes.astype(np.int64), table.slope_type)

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        yield from words_outside("slopes", "slope_type", self.parameters["slopes"])


def _grid(own: Quantiser | None, usual: QuantisationSection) -> FixedPoint:
    """The layer's own grid, or one with a sign that has the usual bits."""
    if own is not None:
        return own.format
    bits, integer = usual.activations.bits, usual.activations.integer
    return Quantiser(function="quantized_bits", bits=max(bits, 2), integer=integer).format


@parts_of.register
def _(
    section: LeakyReluSection,
    name: str,
    reads: Sequence[str],
    shapes: Sequence[Shape],
    usual: QuantisationSection,
) -> Iterator[Part]:
    yield Part(name, LeakyRelu(_grid(section.activations, usual), section.slope), tuple(reads))


@parts_of.register
def _(
    section: PreluSection,
    name: str,
    reads: Sequence[str],
    shapes: Sequence[Shape],
    usual: QuantisationSection,
) -> Iterator[Part]:
    slopes = (section.weights or usual.weights).format
    grid, zeros = _grid(section.activations, usual), blank(*shapes[0])
    yield Part(name, Prelu(grid, zeros, slopes), tuple(reads))
