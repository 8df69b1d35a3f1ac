"""Operations that make one tensor of two, with every bit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from fpgac.network.operation import (
    Bound,
    Operand,
    Operation,
    Part,
    Table,
    holding,
    parts_of,
)
from fpgac.numbers import FixedPoint
from fpgac.program.arrangements import average, combined
from fpgac.program.arrangements import concatenated as gathered
from fpgac.program.builder import Builder
from fpgac.program.program import Combination, Value
from fpgac.spec.layers.merge import ConcatenateSection, MergeSection, PairSection
from fpgac.spec.models import QuantisationSection
from fpgac.spec.shapes import Shape, concatenated, merged
from fpgac.tensors import Tensor

__all__ = ["Concatenate", "Merge"]

_Function = Literal["add", "subtract", "multiply", "average", "maximum", "minimum"]


class _Table(Table):
    kind: _Function


@dataclass(frozen=True)
class Merge(Operation):
    """Two tensors of one shape, element by element."""

    kinds: ClassVar = ("add", "subtract", "multiply", "average", "maximum", "minimum")
    arity: ClassVar = 2
    table: ClassVar[type[Table]] = _Table

    function: _Function

    @property
    def kind(self) -> str:
        return self.function

    def shape(self, *shapes: Shape) -> Shape:
        return merged(shapes)

    def type(self, *inputs: Tensor) -> FixedPoint:
        a, b = (tensor.type for tensor in inputs)
        match self.function:
            case "add":
                return holding([a, b], 1)
            case "subtract":
                wide = holding([a, b], 1)
                return FixedPoint(wide.width + (not wide.signed), wide.integer + (not wide.signed))
            case "multiply":
                integer = a.integer + b.integer
                signed = a.signed or b.signed
                return FixedPoint(integer + a.fraction + b.fraction, integer, signed)
            case "average":
                total = holding([a, b], 1)
                return FixedPoint(total.width + 1, total.integer, total.signed)
            case "maximum" | "minimum":
                return holding([a, b])

    def lower(self, build: Builder, output: Tensor, *inputs: Operand) -> Value:
        a, b = (operand.value for operand in inputs)
        if self.function == "average":
            return average(build, a, b, output.type)
        return build.cast(combined(build, a, b, Combination(self.function)), output.type)

    def reach(self, *inputs: Bound) -> float:
        a, b = (bound.reach for bound in inputs)
        match self.function:
            case "add" | "subtract" | "average":
                return a + b
            case "multiply":
                return a * b
            case "maximum" | "minimum":
                return max(a, b)

    def plain(self) -> dict[str, Any]:
        return {}

    @classmethod
    def read(cls, table: Any) -> Self:
        return cls(table.kind)


class _ConcatenateTable(Table):
    kind: Literal["concatenate"]
    axis: int


@dataclass(frozen=True)
class Concatenate(Operation):
    """Two tensors, one after the other along an axis: from 1, or from -1 backwards."""

    kinds: ClassVar = ("concatenate",)
    arity: ClassVar = 2
    table: ClassVar[type[Table]] = _ConcatenateTable

    axis: int

    def shape(self, *shapes: Shape) -> Shape:
        return concatenated(shapes, self.axis)

    def type(self, *inputs: Tensor) -> FixedPoint:
        types = [tensor.type for tensor in inputs]
        return types[0] if len(set(types)) == 1 else holding(types)

    def lower(self, build: Builder, output: Tensor, *inputs: Operand) -> Value:
        parts = [build.assign(x.value, x.type, output.type) for x in inputs]
        parts = [build.with_fraction(part, output.type.fraction) for part in parts]
        axis = self.axis - 1 if self.axis > 0 else self.axis
        return gathered(build, parts, [x.shape for x in inputs], axis)

    def reach(self, *inputs: Bound) -> float:
        return max(bound.reach for bound in inputs)

    def plain(self) -> dict[str, Any]:
        return {"axis": self.axis}

    @classmethod
    def read(cls, table: Any) -> Self:
        return cls(table.axis)

    def __str__(self) -> str:
        return f"{self.kind} along axis {self.axis}"


def _in_turn(operation: Operation, names: Sequence[str], reads: Sequence[str]) -> Iterator[Part]:
    """The first two are merged, then their result with the next one, and so on."""
    before = reads[0]
    for name, read in zip(names, reads[1:], strict=True):
        yield Part(name, operation, (before, read))
        before = name


@parts_of.register(MergeSection)
@parts_of.register(PairSection)
@parts_of.register(ConcatenateSection)
def _(
    section: MergeSection | PairSection | ConcatenateSection,
    name: str,
    reads: Sequence[str],
    shapes: Sequence[Shape],
    usual: QuantisationSection,
) -> Iterator[Part]:
    operation = (
        Concatenate(section.axis)
        if isinstance(section, ConcatenateSection)
        else Merge(section.kind)
    )
    yield from _in_turn(operation, list(section.parts(name)), reads)
