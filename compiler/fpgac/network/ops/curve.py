"""Sigmoid, tanh and their like, by tables as hls4ml's C++ has them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from fpgac.errors import Problem
from fpgac.network.operation import Operand, problem
from fpgac.network.ops.elementwise import GridTable, OnGrid
from fpgac.numbers import FixedPoint
from fpgac.program.activations import Table, centred_table, elu
from fpgac.program.builder import Builder
from fpgac.program.program import Value
from fpgac.program.words import Words
from fpgac.tensors import Tensor

__all__ = ["CURVES", "Curve"]

# What fpgac calls them: a spec's sigmoid and tanh are QKeras's, of straight lines. And what hls4ml
# and the tables of the program call them.
CURVES = {
    "true_sigmoid": "sigmoid",
    "true_tanh": "tanh",
    "softplus": "softplus",
    "softsign": "softsign",
    "elu": "elu",
}

_TABLE_BITS = range(6, 15)


class _Table(GridTable):
    table_bits: int


@dataclass(frozen=True)
class Curve(OnGrid):
    """A function by a table of two to the power of ``table_bits`` entries, each on the grid."""

    kinds: ClassVar = tuple(CURVES)
    table: ClassVar[type[GridTable]] = _Table

    function: str
    table_bits: int

    @classmethod
    def of(cls, grid: FixedPoint, function: str) -> Self:
        """The function with a table whose steps are about as fine as the grid's."""
        bits = grid.fraction + (2 if CURVES[function] == "sigmoid" else 3)
        return cls(grid, function, min(max(bits, 10), 12))

    @property
    def kind(self) -> str:
        return self.function

    @property
    def entries(self) -> Table:
        """The table's size and type."""
        return Table(2**self.table_bits, self.grid)

    def is_exact(self, *inputs: Tensor) -> bool:
        return False

    def lower(self, build: Builder, output: Tensor, *inputs: Operand) -> Value:
        (x,) = inputs
        name = CURVES[self.function]
        if name == "elu":
            one = Words(np.array(1), 0)
            return elu(build, x.value, x.type, one, self.entries, self.grid)
        return centred_table(build, x.value, x.type, name, self.entries, self.grid)

    def plain(self) -> dict[str, Any]:
        return {**super().plain(), "table_bits": self.table_bits}

    @classmethod
    def read(cls, table: Any) -> Self:
        return cls(table.type, table.kind, table.table_bits)

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        if self.table_bits not in _TABLE_BITS:
            expected = f"{_TABLE_BITS[0]} to {_TABLE_BITS[-1]} bits"
            got = str(self.table_bits)
            yield problem("bad-table", "table_bits", "no such table", expected, got)

    def __str__(self) -> str:
        return f"{super().__str__()} by a table of {2**self.table_bits} entries"
