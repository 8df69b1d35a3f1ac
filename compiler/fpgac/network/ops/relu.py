"""ReLUs: no number below zero, and with a limit none above it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from fpgac.network.operation import Operand, Part, Table, parts_of
from fpgac.network.ops.elementwise import GridTable, OnGrid
from fpgac.network.ops.squash import Squash
from fpgac.numbers import Overflow
from fpgac.program.activations import relu, relu_to
from fpgac.program.builder import Builder
from fpgac.program.program import Value
from fpgac.spec.layers.activation import ActivationSection
from fpgac.spec.models import QuantisationSection
from fpgac.spec.shapes import Shape
from fpgac.tensors import Tensor

__all__ = ["Relu"]


class _Table(GridTable):
    kind: Literal["relu", "relu6"]


@dataclass(frozen=True)
class Relu(OnGrid):
    """``max(x, 0)``, or ``min(max(x, 0), limit)``, put on the grid."""

    kinds: ClassVar = ("relu", "relu6")
    table: ClassVar[type[Table]] = _Table

    limit: int | None = None

    @property
    def kind(self) -> str:
        return "relu" if self.limit is None else f"relu{self.limit}"

    @property
    def ceiling(self) -> int | None:
        """The limit, where the grid does not saturate before it."""
        saturates = self.grid.overflow in {Overflow.SAT, Overflow.SAT_SYM}
        ends = self.grid.highest * self.grid.step
        return None if saturates and self.limit is not None and ends <= self.limit else self.limit

    def lower(self, build: Builder, output: Tensor, *inputs: Operand) -> Value:
        (x,) = inputs
        if self.ceiling is None:
            return relu(build, x.value, self.grid)
        return relu_to(build, x.value, self.ceiling, self.grid)

    @classmethod
    def read(cls, table: Any) -> Self:
        return cls(table.type, 6 if table.kind == "relu6" else None)


@parts_of.register
def _(
    section: ActivationSection,
    name: str,
    reads: Sequence[str],
    shapes: Sequence[Shape],
    usual: QuantisationSection,
) -> Iterator[Part]:
    quantiser = section.activations or usual.activations
    match section.kind:
        case "relu" | "relu6" as kind:
            limit = 6 if kind == "relu6" else None
            yield Part(name, Relu(quantiser.format, limit), tuple(reads))
        case "sigmoid" | "tanh" as kind:
            yield Part(name, Squash.of_bits(kind, quantiser.bits), tuple(reads))
