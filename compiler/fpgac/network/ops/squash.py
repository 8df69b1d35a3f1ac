"""QKeras's piecewise linear sigmoid and tanh."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np

from fpgac.errors import Problem
from fpgac.network.operation import Bound, Operand, Table, problem
from fpgac.network.ops.elementwise import GridTable, OnGrid
from fpgac.program.activations import hard_sigmoid, hard_tanh
from fpgac.program.builder import Builder
from fpgac.program.program import Value
from fpgac.program.words import Words
from fpgac.spec.formats import hard_type
from fpgac.tensors import Tensor

__all__ = ["Squash"]

# A half of two bits, both behind the point: what hls4ml's conversion of QKeras takes.
_HALF = Words(np.array(2), 2)


class _Table(GridTable):
    kind: Literal["sigmoid", "tanh"]


@dataclass(frozen=True)
class Squash(OnGrid):
    """The sigmoid is ``clip(x / 2 + 1 / 2, 0, 1)``, the tanh ``clip(x, -1, 1)``."""

    kinds: ClassVar = ("sigmoid", "tanh")
    table: ClassVar[type[Table]] = _Table

    function: Literal["sigmoid", "tanh"]

    @classmethod
    def of_bits(cls, function: Literal["sigmoid", "tanh"], bits: int) -> Self:
        """The function on the grid of QKeras's quantiser with so many bits."""
        return cls(hard_type(function, bits), function)

    @property
    def kind(self) -> str:
        return self.function

    def lower(self, build: Builder, output: Tensor, *inputs: Operand) -> Value:
        (x,) = inputs
        line = hard_tanh if self.function == "tanh" else hard_sigmoid
        return line(build, x.value, _HALF, _HALF, self.grid)

    def steps(self, output: Tensor, *inputs: Bound) -> float:
        # Between -1 and 1, where it is not cut off, a number is halved and a half is added.
        (x,) = inputs
        return 2.0 ** (x.tensor.type.fraction + 1)

    @classmethod
    def read(cls, table: Any) -> Self:
        return cls(table.type, table.kind)

    def problems(self) -> Iterator[Problem]:
        expected = hard_type(self.function, self.grid.width)
        if self.grid != expected:
            yield problem(
                "unknown-grid",
                "type",
                f"no type that quantized_{self.function}(bits) has",
                str(expected),
                str(self.grid),
            )
