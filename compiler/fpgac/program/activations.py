"""Functions of each number by itself: ReLUs, thresholds, and functions kept in tables.

Each takes ``x``, whose numbers are ``of`` a type where that type matters, and gives words of
``to``. All are what hls4ml's C++ computes, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from math import gcd

import numpy as np

from fpgac.numbers import FixedPoint, IntArray, Rounding
from fpgac.program.builder import Builder, interval
from fpgac.program.program import Value
from fpgac.program.ranges import NotExact
from fpgac.program.tables import FUNCTIONS, table_of
from fpgac.program.words import Words, words_in

__all__ = [
    "Table",
    "between",
    "binary_tanh",
    "centred_table",
    "elu",
    "hard_sigmoid",
    "hard_tanh",
    "int_of",
    "named",
    "normalised",
    "reached",
    "relu",
    "relu_to",
    "selu",
    "sloped",
    "ternary_tanh",
    "thresholded",
    "whole_place",
]

# What hls4ml's C++ converts to before it looks into a table: C's int.
INT = FixedPoint(32, 32, rounding=Rounding.TRN_ZERO)


@dataclass(frozen=True)
class Table:
    """A table of ``size`` entries, each of ``type``."""

    size: int
    type: FixedPoint

    def words(self, function: str) -> Words:
        """The entries for one of :data:`~fpgac.program.tables.FUNCTIONS`, shape (size,)."""
        return Words(table_of(function, self.size, self.type), self.type.fraction)


def relu(build: Builder, x: Value, to: FixedPoint) -> Value:
    """No less than zero."""
    return build.cast(build.at_least(x, 0), to)


def relu_to(build: Builder, x: Value, highest: int, to: FixedPoint) -> Value:
    """No less than zero, and no more than the number ``highest``."""
    x = build.with_fraction(x, 0)
    return build.cast(build.clip(x, 0, highest << x.fraction), to)


def sloped(build: Builder, x: Value, slope: Words, to: FixedPoint) -> Value:
    """Numbers that are not positive times a slope: one for all, or one for each element."""
    above, below = build.cast(x, to), build.scaled(x, slope.words, slope.fraction)
    return build.select(x, above, build.cast(below, to))


def thresholded(
    build: Builder, x: Value, of: FixedPoint, threshold: Words, to: FixedPoint
) -> Value:
    """Numbers above a threshold, zero for all others."""
    wide = build.with_fraction(x, threshold.fraction)
    above = build.scaled(wide, 1, plus=-threshold.within(_grid(wide.fraction)))
    x = build.assign(x, of, to)
    return build.select(above, x, build.gather([x], np.full(x.size, -1)))


def _grid(fraction: int) -> FixedPoint:
    """A type with so many bits behind its point that holds all that fits 62 bits."""
    return FixedPoint(62, 62 - fraction)


def hard_sigmoid(build: Builder, x: Value, slope: Words, shift: Words, to: FixedPoint) -> Value:
    """A straight line from zero to one."""
    return build.cast(_hard(build, x, slope, shift), to)


def hard_tanh(build: Builder, x: Value, slope: Words, shift: Words, to: FixedPoint) -> Value:
    """Twice the hard sigmoid, less one."""
    hard = _hard(build, x, slope, shift)
    return build.cast(build.scaled(hard, 2, plus=-(1 << hard.fraction)), to)


def _hard(build: Builder, x: Value, slope: Words, shift: Words) -> Value:
    x = build.with_fraction(x, max(shift.fraction - slope.fraction, -slope.fraction))
    fraction = x.fraction + slope.fraction
    plus = shift.words << (fraction - shift.fraction)
    line = build.scaled(x, slope.words, slope.fraction, plus=plus)
    return build.clip(line, 0, 1 << fraction)


def centred_table(
    build: Builder, x: Value, of: FixedPoint, function: str, table: Table, to: FixedPoint
) -> Value:
    """Sigmoid and its like: a table around zero."""
    size, span = table.size, int(FUNCTIONS[function][1])
    index = whole_place(build, x, of, size, span)
    half = span // 2 * size // span
    index = build.clip(index, -half, size - 1 - half)
    words = _entries(function, table, to)
    return build.lookup(build.scaled(index, 1, plus=half), words, to.fraction)


def named(
    build: Builder, x: Value, of: FixedPoint, function: str, table: Table, to: FixedPoint
) -> Value:
    """``relu``, or a function of :func:`centred_table`, by its name."""
    if function == "relu":
        return relu(build, x, to)
    return centred_table(build, x, of, function, table, to)


@lru_cache(maxsize=64)
def _entries(function: str, table: Table, to: FixedPoint) -> IntArray:
    """A table's entries as words of ``to``: one array for all that look them up."""
    words = table.words(function).within(to)
    words.flags.writeable = False
    return words


def elu(
    build: Builder, x: Value, of: FixedPoint, alpha: Words, table: Table, to: FixedPoint
) -> Value:
    """The number itself, or below zero a table's entry times a parameter."""
    entries = table.words("elu")
    scaled = Words(entries.words * alpha.words, entries.fraction + alpha.fraction)
    below = _below_zero(build, x, of, scaled, to)
    return build.select(x, build.cast(x, to), below)


def selu(
    build: Builder, x: Value, of: FixedPoint, slope: Words, table: Table, to: FixedPoint
) -> Value:
    """The number times a slope, or below zero a table's entry."""
    above = build.scaled(x, slope.words, slope.fraction)
    below = _below_zero(build, x, of, table.words("selu"), to)
    return build.select(x, build.cast(above, to), below)


def _below_zero(build: Builder, x: Value, of: FixedPoint, table: Words, to: FixedPoint) -> Value:
    """A table from zero downwards, which spans eight."""
    size = len(table.words)
    index = build.clip(whole_place(build, x, of, size, 8), 1 - size, 0)
    words = words_in(table.words[::-1], table.fraction, to)
    return build.lookup(build.scaled(index, 1, plus=size - 1), words, to.fraction)


def whole_place(build: Builder, x: Value, of: FixedPoint, size: int, span: int) -> Value:
    """``x · size / span`` as C's int: first the quotient, then the number, is cut off.

    Raises:
        NotExact: hls4ml's C++ converts such numbers wrongly.
    """
    if of.integer + INT.width < 1:
        reason = "it reads numbers far below one, which hls4ml's C++ converts wrongly"
        raise NotExact(reason, "program.faulty-cpp")
    common = gcd(size, span)
    factor, divisor = size // common, span // common
    if divisor == 1 and factor & (factor - 1) == 0:
        bits = factor.bit_length() - 1
        whole = build.cast(x, replace(INT, integer=INT.width - bits))
    else:
        whole = build.cast(build.quotient(build.scaled(x, factor), 0, divisor), INT)
    return _within_int(whole, size)


def int_of(build: Builder, x: Value) -> Value:
    """``x`` as C's int, cut off towards zero.

    Raises:
        NotExact: it may be too great.
    """
    return _within_int(build.cast(x, INT), 1)


def _within_int(whole: Value, room: int) -> Value:
    """``whole``, to which so much can be added in C's int."""
    if not interval(whole).within(INT.lowest + room, INT.highest - room):
        reason = "it looks numbers up that are too great for C's int"
        raise NotExact(reason, "program.faulty-cpp")
    return whole


def binary_tanh(build: Builder, x: Value, to: FixedPoint) -> Value:
    """One, or minus one below zero."""
    return build.lookup(_reached(build, x, 0), words_in(np.array([-1, 1]), 0, to), to.fraction)


def reached(build: Builder, x: Value, threshold: Words) -> Value:
    """The single bit that is one from a threshold on: one for all, or one for each channel."""
    x = build.with_fraction(x, threshold.fraction)
    words = threshold.within(_grid(x.fraction)).reshape(-1)
    return build.lookup(_reached(build, x, words), np.array([0, 1]), 0)


def _reached(build: Builder, x: Value, words: IntArray | int) -> Value:
    return build.clip(build.scaled(x, 1, plus=1 - words), 0, 1)


def ternary_tanh(build: Builder, x: Value, to: FixedPoint) -> Value:
    """One above one, minus one up to minus one, zero between."""
    x = build.with_fraction(x, 0)
    one = np.array([1 << x.fraction])
    counted = _counted(build, x, (one, -one), (1, 1))
    return build.lookup(counted, words_in(np.array([-1, 0, 1]), 0, to), to.fraction)


def between(build: Builder, x: Value, high: Words, low: Words) -> Value:
    """One above a high threshold, else zero above a low one, else minus one."""
    x = build.with_fraction(x, max(high.fraction, low.fraction))
    ends = [threshold.within(_grid(x.fraction)).reshape(-1) for threshold in (high, low)]
    counted = _counted(build, x, (ends[0], ends[1]), (2, 1))
    return build.lookup(counted, np.array([-1, 0, 1, 1]), 0)


def _counted(
    build: Builder, x: Value, thresholds: tuple[IntArray, IntArray], counts: tuple[int, int]
) -> Value:
    """The sum of the counts of the thresholds below each element."""
    above = [build.clip(build.scaled(x, 1, plus=-words), 0, 1) for words in thresholds]
    return build.dot(
        build.gather(above, np.arange(2 * x.size)),
        np.arange(2 * x.size).reshape(2, -1).T,
        np.array(counts).reshape(1, 2, 1),
        np.zeros((1, 1), np.int64),
        fraction=0,
    )


def normalised(build: Builder, x: Value, scale: Words, bias: Words, to: FixedPoint) -> Value:
    """A batch normalisation: a factor and a shift for each channel."""
    x = build.with_fraction(x, bias.fraction - scale.fraction)
    plus: IntArray = bias.within(_grid(x.fraction + scale.fraction)).reshape(-1)
    factor = scale.words.reshape(-1)
    return build.cast(build.scaled(x, factor, scale.fraction, plus=plus), to)
