"""Where the bits go: every layer's words over many samples, beside the same in real numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import add

import numpy as np

from fpgac.numbers import FixedPoint, FloatArray, IntArray, Overflow
from fpgac.program import ideal
from fpgac.program.formats import Formats
from fpgac.program.interpreter import cast, evaluate
from fpgac.program.program import (
    Accumulate,
    Cast,
    CastEach,
    Operation,
    Program,
    Terminal,
    Value,
    operands,
)
from fpgac.reports.precision import LayerPrecision
from fpgac.tensors import exact_floats

__all__ = ["trace"]

INPUT = "input"

# Wide enough to show what a narrower format cuts off.
_WIDE = 62

# Numbers from here on have squares whose sum no float may hold.
_BOUNDLESS = 1e100


@dataclass(frozen=True, eq=False)
class _Seen:
    """What some samples showed of one layer; what two batches showed adds up.

    ``judged`` counts the words that formats could wrap or saturate. The last three are sums of
    squares.
    """

    words: int
    lowest: int
    highest: int
    leading: IntArray
    judged: int
    wrapped: int
    saturated: int
    signal: float
    error: float
    own_error: float

    def __add__(self, other: _Seen) -> _Seen:
        return _Seen(
            self.words + other.words,
            min(self.lowest, other.lowest),
            max(self.highest, other.highest),
            self.leading + other.leading,
            self.judged + other.judged,
            self.wrapped + other.wrapped,
            self.saturated + other.saturated,
            self.signal + other.signal,
            self.error + other.error,
            self.own_error + other.own_error,
        )


@dataclass(frozen=True)
class _Outside:
    """How many words a format was asked for, and how many of them it wrapped or saturated."""

    judged: int = 0
    wrapped: int = 0
    saturated: int = 0

    def __add__(self, other: _Outside) -> _Outside:
        return _Outside(
            self.judged + other.judged,
            self.wrapped + other.wrapped,
            self.saturated + other.saturated,
        )


def trace(
    program: Program, batches: Iterable[FloatArray], types: Mapping[str, FixedPoint]
) -> tuple[LayerPrecision, ...]:
    """The precision of every input and layer over all samples of ``batches``.

    Each batch has shape (samples, numbers of a row) and at least one sample; memory is needed for
    one batch at a time. Numbers that are not finite, or as good as that, have no error: they count
    as what the chip takes them for.
    ``types`` are those of the layers' results on the chip, by name; a layer that is not there
    counts as having the narrowest type that holds its values.

    Raises:
        DataError: a number that no float64 holds.
    """
    seen = reduce(_added, (_see(program, batch) for batch in batches))
    given = {name: terminal.tensor.type for name, terminal, _ in _inputs(program)}
    values = _traced(program)
    formats = {name: types.get(name) or _narrowest(value) for name, value in values} | given
    return tuple(_precision(name, formats[name], value, seen[name]) for name, value in values)


def _inputs(program: Program) -> Iterator[tuple[str, Terminal, slice]]:
    """Each input's name in the trace, itself, and its columns of a row."""
    for terminal, columns in program.input_columns:
        several = len(program.inputs) > 1
        yield f"{INPUT} {terminal.tensor.name}" if several else INPUT, terminal, columns


def _traced(program: Program) -> list[tuple[str, Value]]:
    """The names and values that a trace shows, in order."""
    return [*((name, terminal.value) for name, terminal, _ in _inputs(program)), *program.layers]


def _added(a: dict[str, _Seen], b: dict[str, _Seen]) -> dict[str, _Seen]:
    return {name: a[name] + b[name] for name in a}


def _narrowest(value: Value) -> FixedPoint:
    bits = max(value.bits, 1)
    return FixedPoint(bits, bits - value.fraction, value.signed)


def _precision(name: str, format_: FixedPoint, value: Value, seen: _Seen) -> LayerPrecision:
    step, magnitude = math.ldexp(1.0, -value.fraction), format_.width - format_.signed
    # Zeros behind the point that the type has and the value lacks are below the leading bit.
    leading = np.insert(seen.leading, 1, [0] * (format_.fraction - value.fraction))
    return LayerPrecision(
        name=name,
        bits=format_.width,
        fraction=format_.fraction,
        signed=format_.signed,
        lowest=seen.lowest * step,
        highest=seen.highest * step,
        leading=tuple((leading[: magnitude + 1] / seen.words).tolist()),
        wrapped=seen.wrapped / max(seen.judged, 1),
        saturated=seen.saturated / max(seen.judged, 1),
        signal=math.sqrt(seen.signal / seen.words),
        error=math.sqrt(seen.error / seen.words),
        own_error=math.sqrt(seen.own_error / seen.words),
    )


def _see(program: Program, numbers: FloatArray) -> dict[str, _Seen]:
    """One batch through the chip's arithmetic and through that of real numbers.

    ``alone`` is what a layer would give in real arithmetic for the operands that the chip gave it.
    """
    numbers = exact_floats(numbers).astype(np.float64)
    words: dict[Value, IntArray] = {}
    real: dict[Value, FloatArray] = {}
    layer_of: dict[Value, str] = {}
    outside: dict[str, _Outside] = {}
    for name, terminal, columns in _inputs(program):
        value, type_, part = terminal.value, terminal.tensor.type, numbers[:, columns]
        words[value] = type_.raw(part).astype(np.int64)
        real[value] = np.where(np.abs(part) < _BOUNDLESS, part, _number(value, words[value]))
        layer_of[value], outside[name] = name, _outside_input(type_, part)
    alone = dict(real)
    for operation in program.operations:
        result, layer = operation.result, operation.layer
        words[result] = evaluate(operation, words)
        real[result] = ideal.evaluate(operation, real)
        own = {
            x: alone[x] if layer_of[x] == layer else _number(x, words[x])
            for x in operands(operation)
        }
        alone[result] = ideal.evaluate(operation, own)
        layer_of[result] = layer
        outside[layer] = outside.get(layer, _Outside()) + _outside(operation, words)
    seen = {}
    for name, value in _traced(program):
        # A layer that only passes its operand on adds no error to it.
        added = alone[value] if layer_of[value] == name else _number(value, words[value])
        without = outside.get(name, _Outside())
        seen[name] = _seen(value, words[value], real[value], added, without)
    return seen


def _seen(
    value: Value, words: IntArray, real: FloatArray, alone: FloatArray, outside: _Outside
) -> _Seen:
    numbers = _number(value, words)
    # The exponent of a float is the length of the integer that it holds.
    lengths = np.frexp(np.abs(words).astype(np.float64))[1]
    return _Seen(
        words=words.size,
        lowest=int(words.min()),
        highest=int(words.max()),
        leading=np.bincount(lengths.ravel(), minlength=64),
        judged=outside.judged,
        wrapped=outside.wrapped,
        saturated=outside.saturated,
        signal=float(np.square(real).sum()),
        error=float(np.square(numbers - real).sum()),
        own_error=float(np.square(numbers - alone).sum()),
    )


def _number(value: Value, words: IntArray) -> FloatArray:
    return np.asarray(np.ldexp(words.astype(np.float64), -value.fraction))


def _wide(to: FixedPoint) -> FixedPoint:
    """``to`` with room for all that it would cut off."""
    return replace(to, width=_WIDE, integer=_WIDE - to.fraction, signed=True, overflow=Overflow.SAT)


def _outside_input(to: FixedPoint, numbers: FloatArray) -> _Outside:
    edge = (to.lowest - 0.5) * to.step, (to.highest + 0.5) * to.step
    return _counted(to, (numbers < edge[0]) | (numbers > edge[1]))


def _outside(operation: Operation, words: Mapping[Value, IntArray]) -> _Outside:
    """Of the words that a format bounds, those beyond its range before it wraps or saturates."""
    match operation:
        case Cast(x=x, to=to):
            return _beyond(to, cast(words[x], x.fraction, _wide(to)))
        case CastEach(x=x, to=formats):
            return _outside_each(words[x], x.fraction, formats)
        case Accumulate(accumulator=to):
            return _beyond(to, evaluate(replace(operation, accumulator=_wide(to)), words))
        case _:
            return _Outside()


def _outside_each(words: IntArray, fraction: int, to: Formats) -> _Outside:
    """The same for formats per element; those that are always zero bound nothing."""
    groups = ((type_, words[:, places]) for type_, places in to.groups if type_)
    counts = (_beyond(type_, cast(part, fraction, _wide(type_))) for type_, part in groups)
    return reduce(add, counts, _Outside())


def _beyond(to: FixedPoint, words: IntArray) -> _Outside:
    return _counted(to, (words < to.lowest) | (words > to.highest))


def _counted(to: FixedPoint, outside: np.ndarray) -> _Outside:  # type: ignore[type-arg]
    count = int(outside.sum())
    wraps = to.overflow is Overflow.WRAP
    return _Outside(outside.size, count * wraps, count * (not wraps))
