"""The exact program: a network's arithmetic on the chip as integers, one operation a line.

A value is a vector of ``size`` integers for every sample. Each stands for the number
``word · 2^-fraction`` and lies in an interval that is known exactly, element by element, so that
whoever runs the program knows which widths suffice. :mod:`fpgac.program.interpreter` says what
every operation means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np

from fpgac.digest import digest_bytes
from fpgac.numbers import FixedPoint, IntArray
from fpgac.program.formats import Formats
from fpgac.tensors import Layout, Tensor

__all__ = [
    "Accumulate",
    "Cast",
    "CastEach",
    "Clip",
    "Combination",
    "Combine",
    "Dot",
    "Gather",
    "Lookup",
    "Maximum",
    "Operation",
    "Program",
    "Quotient",
    "Select",
    "Terminal",
    "Value",
    "input_name",
    "kind",
    "operands",
    "result_name",
]


@dataclass(frozen=True, eq=False)
class Value:
    """A vector of integers: ``word · 2^-fraction``, from ``lowest`` to ``highest``.

    Both bounds have shape (size,) and dtype int64.
    """

    name: str
    fraction: int
    lowest: IntArray
    highest: IntArray

    @property
    def size(self) -> int:
        """Integers in one sample."""
        return len(self.lowest)

    @cached_property
    def interval(self) -> tuple[int, int]:
        """The least and the greatest integer of all elements."""
        return int(self.lowest.min()), int(self.highest.max())

    @property
    def signed(self) -> bool:
        """Whether an element may be negative."""
        return self.interval[0] < 0

    @property
    def bits(self) -> int:
        """The bits that hold every element, the sign's included where one may be negative."""
        lowest, highest = self.interval
        return max(highest.bit_length(), (~lowest).bit_length() if lowest < 0 else 0) + self.signed

    def __str__(self) -> str:
        lowest, highest = self.interval
        kind = "s" if self.signed else "u"
        return f"{self.size} x {kind}{self.bits}>>{self.fraction} [{lowest}, {highest}]"


@dataclass(frozen=True, eq=False)
class Dot:
    """Sums of products that nothing rounds or overflows: dense layers, convolutions, scalings.

    Element ``w · filters + f`` of the result is
    ``bias[g, f] + sum over k of x[windows[w, k]] · weights[g, k, f]`` with ``g = w mod groups``;
    an index of -1 in ``windows`` stands for a zero.

    Args:
        windows: shape (windows, taps), int64.
        weights: shape (groups, taps, filters), int64.
        bias: shape (groups, filters), int64, on the result's fraction.
        shift: bits by which every product is shifted left before it is added.
    """

    result: Value
    layer: str
    x: Value
    windows: IntArray
    weights: IntArray
    bias: IntArray
    shift: int = 0


@dataclass(frozen=True, eq=False)
class Accumulate:
    """Sums of products in an accumulator that rounds or overflows: as :class:`Dot`, in order.

    Every product, ``product_fraction`` bits behind its point, is cast to ``accumulator``; from the
    bias on (words of the accumulator), each sum is cast to it again, ``k`` rising. Where one of a
    window's taps is -1 a zero is added.
    """

    result: Value
    layer: str
    x: Value
    windows: IntArray
    weights: IntArray
    bias: IntArray
    product_fraction: int
    accumulator: FixedPoint


@dataclass(frozen=True, eq=False)
class Cast:
    """Every element rounded and brought into range by the type's own modes."""

    result: Value
    layer: str
    x: Value
    to: FixedPoint


@dataclass(frozen=True, eq=False)
class CastEach:
    """Every element rounded and brought into range by a type of its own, on the same fraction.

    The result's fraction is that of the finest type; coarser words are shifted left to it.
    """

    result: Value
    layer: str
    x: Value
    to: Formats


@dataclass(frozen=True, eq=False)
class Clip:
    """Every element at least ``lowest`` and at most ``highest``: a ReLU, an index into a table."""

    result: Value
    layer: str
    x: Value
    lowest: int
    highest: int


@dataclass(frozen=True, eq=False)
class Gather:
    """Elements of ``xs``, laid end to end, by their place: concatenation, transposition, copies.

    An index of -1 stands for a zero. All of ``xs`` have the result's fraction.
    """

    result: Value
    layer: str
    xs: tuple[Value, ...]
    index: IntArray


@dataclass(frozen=True, eq=False)
class Maximum:
    """The greatest element of each window, shape (windows, taps); none may be empty.

    An index of -1 stands for no element.
    """

    result: Value
    layer: str
    x: Value
    windows: IntArray


class Combination(StrEnum):
    """How two values of one size become one."""

    ADD = "add"
    SUBTRACT = "subtract"
    MULTIPLY = "multiply"
    MAXIMUM = "maximum"
    MINIMUM = "minimum"


@dataclass(frozen=True, eq=False)
class Combine:
    """Two values, element by element, each shifted left by its own bits first."""

    result: Value
    layer: str
    a: Value
    b: Value
    how: Combination
    shift_a: int = 0
    shift_b: int = 0


@dataclass(frozen=True, eq=False)
class Select:
    """``positive`` where ``x > 0``, else ``otherwise``: all of one size, both of one fraction."""

    result: Value
    layer: str
    x: Value
    positive: Value
    otherwise: Value


@dataclass(frozen=True, eq=False)
class Lookup:
    """``table[x]``; the interval of ``x`` lies in the table."""

    result: Value
    layer: str
    x: Value
    table: IntArray


@dataclass(frozen=True, eq=False)
class Quotient:
    """``(x << shift) / divisor``, the fraction cut off towards zero; ``divisor`` is positive."""

    result: Value
    layer: str
    x: Value
    shift: int
    divisor: int


Operation = (
    Dot
    | Accumulate
    | Cast
    | CastEach
    | Clip
    | Gather
    | Maximum
    | Combine
    | Select
    | Lookup
    | Quotient
)


@dataclass(frozen=True, eq=False)
class Terminal:
    """A tensor at the edge of a program: ``value`` holds the raw words of its type."""

    tensor: Tensor
    value: Value


@dataclass(frozen=True, eq=False)
class Program:
    """Operations in an order in which every operand is known.

    It takes rows of ``input_layout`` and gives rows of ``output_layout``: raw words of all inputs,
    and of all outputs, end to end. An output may be any value, an input's too, and several may be
    the same. ``layers`` names the value with which each of the network's layers ends, in order.
    """

    name: str
    inputs: tuple[Terminal, ...]
    outputs: tuple[Terminal, ...]
    operations: tuple[Operation, ...]
    layers: tuple[tuple[str, Value], ...]

    @cached_property
    def input_layout(self) -> Layout:
        """How a sample of all inputs lies in a row."""
        return Layout(tuple(terminal.tensor for terminal in self.inputs))

    @cached_property
    def output_layout(self) -> Layout:
        """How a result of all outputs lies in a row."""
        return Layout(tuple(terminal.tensor for terminal in self.outputs))

    @property
    def input_columns(self) -> Iterator[tuple[Terminal, slice]]:
        """Each input, and which columns of the rows are its own."""
        places = (columns for _, columns in self.input_layout.places)
        return zip(self.inputs, places, strict=True)

    def __str__(self) -> str:
        values = [terminal.value for terminal in self.inputs]
        values += [operation.result for operation in self.operations]
        return self._text({value: value.name for value in values})

    def _text(self, names: Mapping[Value, str]) -> str:
        """One line for each input, operation and output; ``names`` are those of the values."""
        lines = [f"{names[x.value]} = input {x.tensor.type} : {x.value}" for x in self.inputs]
        lines += [
            f"{names[op.result]} = {' '.join(_words(op, names))} : {op.result}"
            for op in self.operations
        ]
        lines += [f"return {names[y.value]} as {y.tensor.type}" for y in self.outputs]
        return "\n".join(lines)

    @cached_property
    def digest(self) -> str:
        """What decides every answer: the operations and their constants, whatever their names."""
        names = {x.value: input_name(at, len(self.inputs)) for at, x in enumerate(self.inputs)}
        names |= {op.result: result_name(place) for place, op in enumerate(self.operations)}
        parts = [self._text(names).encode()]
        for op in self.operations:
            parts += [array.tobytes() for array in _constants(op)]
            parts += [op.result.lowest.tobytes(), op.result.highest.tobytes()]
        return digest_bytes(b"\0".join(parts))


def input_name(place: int, count: int) -> str:
    """The name of the value of one of ``count`` inputs."""
    return "x" if count == 1 else f"x{place}"


def result_name(place: int) -> str:
    """The name of the value that the operation at ``place`` gives."""
    return f"v{place}"


def kind(operation: Operation) -> str:
    """What an operation is called in text and files: ``dot``, ``cast-each``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", type(operation).__name__).lower()


def operands(operation: Operation) -> tuple[Value, ...]:
    """The values that an operation reads."""
    match operation:
        case Gather(xs=xs):
            return xs
        case Combine(a=a, b=b):
            return a, b
        case Select(x=x, positive=positive, otherwise=otherwise):
            return x, positive, otherwise
        case _:
            return (operation.x,)


def _constants(operation: Operation) -> Iterator[IntArray]:
    for field in vars(operation).values():
        if isinstance(field, np.ndarray):
            yield field
        elif isinstance(field, Formats):
            yield field.index


def _words(operation: Operation, names: Mapping[Value, str]) -> Iterator[str]:
    yield kind(operation)
    yield from (names[value] for value in operands(operation))
    match operation:
        case Dot(windows=windows, weights=weights, shift=shift):
            yield f"windows={windows.shape} weights={weights.shape} shift={shift}"
        case Accumulate(windows=windows, weights=weights):
            yield f"windows={windows.shape} weights={weights.shape}"
            yield f"product>>{operation.product_fraction} in {operation.accumulator}"
        case Cast(to=to):
            yield f"to {to}"
        case CastEach(to=formats):
            yield f"to {formats}"
        case Clip(lowest=lowest, highest=highest):
            yield f"to [{lowest}, {highest}]"
        case Maximum(windows=windows):
            yield f"windows={windows.shape}"
        case Combine(how=how, shift_a=shift_a, shift_b=shift_b):
            yield f"{how} shifts={shift_a},{shift_b}"
        case Lookup(table=table):
            yield f"table={len(table)}"
        case Quotient(shift=shift, divisor=divisor):
            yield f"shift={shift} divisor={divisor}"
        case Gather() | Select():
            pass
