"""What turns a classifier's sums into probabilities, by tables, or into its choice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from fpgac.errors import Problem
from fpgac.network.operation import Bound, Operand, Operation, Part, Table, parts_of, problem
from fpgac.numbers import FixedPoint, Overflow, Rounding
from fpgac.program.builder import Builder
from fpgac.program.program import Value
from fpgac.program.softmax import (
    SoftmaxTables,
    below_greatest,
    first_greatest,
    slices_of,
    softmax,
)
from fpgac.spec.layers.softmax import ArgmaxSection, SoftmaxSection
from fpgac.spec.models import QuantisationSection
from fpgac.spec.shapes import Shape, summed
from fpgac.tensors import Tensor

__all__ = ["Argmax", "Softmax"]

# Beyond a distance of 16 from the greatest sum a probability is below one in eight million.
_DISTANCE_BITS = 4


class _Table(Table):
    kind: Literal["softmax"]
    bits: int
    table_bits: int


@dataclass(frozen=True)
class Softmax(Operation):
    """Exponentials over their sum, as hls4ml's ``stable`` softmax computes them.

    ``bits`` are those of a probability, one of them before the point; each table has two to the
    power of ``table_bits`` entries.
    """

    kinds: ClassVar = ("softmax",)
    table: ClassVar[type[Table]] = _Table

    bits: int
    table_bits: int

    @property
    def result(self) -> FixedPoint:
        """The type of a probability."""
        return _rounded(self.bits, 1)

    @property
    def distance(self) -> FixedPoint:
        """The type of how far a sum lies below the greatest."""
        return _rounded(self.table_bits, _DISTANCE_BITS)

    def tables(self, classes: int) -> SoftmaxTables:
        """The tables for so many classes."""
        more = classes.bit_length()
        exponential = _rounded(self.bits + 2, 1)
        return SoftmaxTables(
            exponential=exponential,
            exponential_size=2**self.table_bits,
            sum=FixedPoint(exponential.width + more, 1 + more, signed=False),
            total=_rounded(self.table_bits, 1 + more),
            inverse=_rounded(self.bits + 2, 1),
            inverse_size=2**self.table_bits,
        )

    def shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        return summed(shape, shape[0])

    def type(self, *inputs: Tensor) -> FixedPoint:
        return self.result

    def lower(self, build: Builder, output: Tensor, *inputs: Operand) -> Value:
        (x,) = inputs
        slices = slices_of(x.shape)
        below = below_greatest(build, x.value, slices, self.distance)
        tables = self.tables(x.shape[0])
        return softmax(build, below, self.distance, slices, tables, self.result, negative=True)

    def reach(self, *inputs: Bound) -> float:
        return 2.0

    def is_exact(self, *inputs: Tensor) -> bool:
        return False

    def plain(self) -> dict[str, Any]:
        return {"bits": self.bits, "table_bits": self.table_bits}

    @classmethod
    def read(cls, table: Any) -> Self:
        return cls(table.bits, table.table_bits)

    def problems(self) -> Iterator[Problem]:
        for key, bits, most in (("bits", self.bits, 24), ("table_bits", self.table_bits, 14)):
            if not 4 <= bits <= most:
                yield problem("bad-softmax", key, "no such table", f"4 to {most} bits", str(bits))

    def __str__(self) -> str:
        return f"{self.kind} of {self.bits} bits by tables of {2**self.table_bits} entries"


def _rounded(width: int, integer: int) -> FixedPoint:
    return FixedPoint(width, integer, False, Rounding.RND, Overflow.SAT)


class _ArgmaxTable(Table):
    kind: Literal["argmax"]


@dataclass(frozen=True)
class Argmax(Operation):
    """One for the first of the greatest numbers, zero for all others."""

    kinds: ClassVar = ("argmax",)
    table: ClassVar[type[Table]] = _ArgmaxTable

    def shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        return summed(shape, shape[0])

    def type(self, *inputs: Tensor) -> FixedPoint:
        return FixedPoint(2, 2, signed=False)

    def lower(self, build: Builder, output: Tensor, *inputs: Operand) -> Value:
        (x,) = inputs
        return first_greatest(build, x.value, slices_of(x.shape), output.type)

    def reach(self, *inputs: Bound) -> float:
        return 1.0

    def plain(self) -> dict[str, Any]:
        return {}

    @classmethod
    def read(cls, table: Any) -> Self:
        return cls()


@parts_of.register
def _(
    section: SoftmaxSection,
    name: str,
    reads: Sequence[str],
    shapes: Sequence[Shape],
    usual: QuantisationSection,
) -> Iterator[Part]:
    yield Part(name, Softmax(section.bits, section.table_bits), tuple(reads))


@parts_of.register
def _(
    section: ArgmaxSection,
    name: str,
    reads: Sequence[str],
    shapes: Sequence[Shape],
    usual: QuantisationSection,
) -> Iterator[Part]:
    yield Part(name, Argmax(), tuple(reads))
