"""Numbers put on a grid, and nothing else: one for all of them, or one for each element."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, Literal, Self

from fpgac.errors import Problem
from fpgac.network.operation import Bound, Operand, Operation, Table, holding, too_wide
from fpgac.numbers import FixedPoint
from fpgac.program.builder import Builder
from fpgac.program.formats import Formats
from fpgac.program.program import Value
from fpgac.spec.formats import Format
from fpgac.spec.shapes import MisfitError, Shape, shape_text
from fpgac.tensors import Tensor

__all__ = ["Quantise"]

# What has no bits at all is zero in any type.
_NOTHING = FixedPoint(1, 1, signed=False)


class _Table(Table):
    kind: Literal["quantise"]
    type: Format | None = None
    formats: dict[str, Any] | None = None


@dataclass(frozen=True)
class Quantise(Operation):
    """Each number as a word of ``to``, by its own modes: a type for all, or one for each."""

    kinds: ClassVar = ("quantise",)
    table: ClassVar[type[Table]] = _Table

    to: FixedPoint | Formats

    @classmethod
    def of(cls, formats: Formats) -> Self:
        """The operation for elements of these formats, as simple as they allow."""
        types = formats.types
        return cls(types[0] if len(types) == 1 and types[0] is not None else formats)

    @property
    def types(self) -> tuple[FixedPoint, ...]:
        """The types in use."""
        if isinstance(self.to, FixedPoint):
            return (self.to,)
        return tuple(type_ for type_ in self.to.types if type_ is not None)

    def shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        if isinstance(self.to, Formats) and self.to.size != prod(shape):
            what = f"there are formats for {self.to.size} numbers, not for {shape_text(shape)}"
            raise MisfitError("formats", what, shape)
        return shape

    def type(self, *inputs: Tensor) -> FixedPoint:
        if isinstance(self.to, FixedPoint):
            return self.to
        return holding(self.types) if self.types else _NOTHING

    def lower(self, build: Builder, output: Tensor, *inputs: Operand) -> Value:
        (x,) = inputs
        if isinstance(self.to, FixedPoint):
            return build.assign(x.value, x.type, self.to)
        return build.with_fraction(build.cast_each(x.value, self.to), output.type.fraction)

    def reach(self, *inputs: Bound) -> float:
        ends = (max(-type_.lowest, type_.highest) * type_.step for type_ in self.types)
        return max(ends, default=0.0)

    def plain(self) -> dict[str, Any]:
        if isinstance(self.to, FixedPoint):
            return {"type": str(self.to)}
        return {"formats": self.to.plain}

    @classmethod
    def read(cls, table: Any) -> Self:
        if (table.type is None) == (table.formats is None):
            raise ValueError("there must be a type for all numbers, or formats of each")
        if table.formats is None:
            return cls(table.type)
        try:
            return cls(Formats.from_plain(table.formats))
        except (KeyError, TypeError) as error:
            raise ValueError(f"these are no formats of elements: {error}") from None

    def problems(self) -> Iterator[Problem]:
        key = "type" if isinstance(self.to, FixedPoint) else "formats"
        for type_ in self.types:
            yield from too_wide(key, type_)

    def __str__(self) -> str:
        if isinstance(self.to, FixedPoint):
            return f"{self.kind} to {self.to}"
        return f"{self.kind} each of {self.to.size} to {' '.join(self.to.plain_types)}"
