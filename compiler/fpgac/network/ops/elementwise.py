"""What operations on each number by itself have in common: a grid of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from fpgac.errors import Problem
from fpgac.network.operation import Bound, Operation, Table, too_wide
from fpgac.numbers import FixedPoint
from fpgac.spec.formats import Format
from fpgac.spec.shapes import Shape
from fpgac.tensors import Tensor

__all__ = ["GridTable", "OnGrid"]


class GridTable(Table):
    """The grid of the results."""

    type: Format


@dataclass(frozen=True)
class OnGrid(Operation):
    """Puts each result on ``grid``, by its own modes."""

    grid: FixedPoint

    def shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        return shape

    def type(self, *inputs: Tensor) -> FixedPoint:
        return self.grid

    def reach(self, *inputs: Bound) -> float:
        return max(-self.grid.lowest, self.grid.highest) * self.grid.step

    def plain(self) -> dict[str, Any]:
        return {"type": str(self.grid)}

    @classmethod
    def read(cls, table: Any) -> Self:
        return cls(table.type)

    def problems(self) -> Iterator[Problem]:
        yield from too_wide("type", self.grid)

    def __str__(self) -> str:
        return f"{self.kind} to {self.grid}"
