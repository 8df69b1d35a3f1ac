"""One layer on its way into the program: what the graph says of it, and what it reads."""

from __future__ import annotations

from dataclasses import dataclass

from fpgac.core.graph import Constant, Node, Tensor
from fpgac.numbers import FixedPoint, IntArray, Rounding
from fpgac.program.builder import Builder
from fpgac.program.program import Value
from fpgac.program.ranges import NotExact
from fpgac.program.words import Words

__all__ = ["BIT", "Layer"]

# ap_uint<1>, which hls4ml's C++ treats in ways of its own.
BIT = FixedPoint(1, 1, signed=False, rounding=Rounding.TRN_ZERO)

_NO_NUMBER = "program.no-fixed-point"


@dataclass(frozen=True, eq=False)
class Layer:
    """A node of the graph; ``values`` and ``tensors`` are what it reads, in the node's order.

    ``streams`` tells whether it reads hls4ml's streams, whose C++ is another. Whatever a layer
    lacks, or has in a form that is no fixed-point number, raises NotExact.
    """

    build: Builder
    node: Node
    values: tuple[Value, ...]
    tensors: tuple[Tensor, ...]
    streams: bool

    def refusal(self, reason: str, code: str = "program.unknown-layer") -> NotExact:
        """The error that says why this layer has no exact form; the layer is named elsewhere."""
        return NotExact(f"it {reason}", code)

    def faulty(self, reason: str) -> NotExact:
        """The error that says what hls4ml's own C++ gets wrong."""
        return self.refusal(reason, "program.faulty-cpp")

    @property
    def x(self) -> Value:
        """The first value that it reads."""
        return self.values[0]

    @property
    def x_type(self) -> FixedPoint:
        """The type of the first value."""
        return self.type_of(0)

    @property
    def x_shape(self) -> tuple[int, ...]:
        """The shape of the first value."""
        return self.tensors[0].shape

    @property
    def result(self) -> FixedPoint:
        """The type of what it makes."""
        return self.known(self.node.outputs[0].type, "its result")

    def type(self, name: str) -> FixedPoint:
        """One of its other types."""
        return self.known(self.node.types.get(name), name)

    def number(self, name: str, default: int | None = None) -> int:
        """A whole number among its settings."""
        value = self.node.settings.get(name, default)
        if not isinstance(value, int):
            raise self.refusal(f"has no whole number as its {name}", _NO_NUMBER)
        return value

    def real(self, name: str, default: float | None = None) -> float:
        """Any number among its settings."""
        value = self.node.settings.get(name, default)
        if not isinstance(value, (int, float)):
            raise self.refusal(f"has no number as its {name}", _NO_NUMBER)
        return float(value)

    def text(self, name: str) -> str:
        """A setting as text, in small letters; empty where it has none."""
        return str(self.node.settings.get(name, "")).lower()

    def array(self, name: str) -> Constant:
        """Its weights or the like."""
        return self.node.constants.get(name, Constant(None, None))

    def words(self, constant: Constant) -> IntArray:
        """The words of weights or the like."""
        if constant.words is None:
            reason = "has constants that are no fixed-point numbers, or too wide"
            raise self.refusal(reason, _NO_NUMBER)
        return constant.words

    def constant(self, name: str) -> Words:
        """Its weights or the like, as numbers that can be added."""
        constant = self.array(name)
        return Words(self.words(constant), self.known(constant.type, f"its {name}").fraction)

    def parameter(self, name: str, type_name: str) -> Words:
        """A number among its settings, as the C++ writes it, in one of its other types."""
        return Words.of(self.real(name), self.type(type_name))

    def cast(self, x: Value) -> Value:
        """``x``, which is of no type in particular, in the type of what the layer makes."""
        return self.build.cast(x, self.result)

    def assign(self, x: Value, of: FixedPoint) -> Value:
        """``x``, which is of some type, in the type of what the layer makes."""
        return self.build.assign(x, of, self.result)

    def type_of(self, place: int) -> FixedPoint:
        """The type of one of the values that it reads."""
        return self.known(self.tensors[place].type, "its input")

    def known(self, type_: FixedPoint | None, what: str) -> FixedPoint:
        """A type that there must be, of what ``what`` names."""
        if type_ is None:
            reason = f"has something else than fixed-point numbers as {what}"
            raise self.refusal(reason, _NO_NUMBER)
        return type_
