"""What every operation of an exact program means: numpy on int64, to be read rather than fast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from fpgac.numbers import FixedPoint, IntArray, Overflow, Rounding
from fpgac.program.formats import Formats
from fpgac.program.program import (
    Accumulate,
    Cast,
    CastEach,
    Clip,
    Combination,
    Combine,
    Dot,
    Gather,
    Lookup,
    Maximum,
    Operation,
    Program,
    Quotient,
    Select,
    Value,
)

__all__ = ["cast", "cast_each", "evaluate", "interpret", "rounded", "taps", "values", "with_last"]

Number = TypeVar("Number", bound=np.generic)


def interpret(program: Program, words: IntArray) -> IntArray:
    """Rows of raw words that answer rows of raw words: of ``output_layout`` to ``input_layout``."""
    known = values(program, words)
    results = [known[terminal.value] for terminal in program.outputs]
    return np.concatenate(results, axis=1).astype(program.output_layout.dtype)


def values(program: Program, words: IntArray) -> dict[Value, IntArray]:
    """The integers of every value, of shape (samples, size), for rows of raw words."""
    known: dict[Value, IntArray] = {
        terminal.value: words[:, columns].astype(np.int64)
        for terminal, columns in program.input_columns
    }
    for operation in program.operations:
        known[operation.result] = evaluate(operation, known)
    return known


def evaluate(  # noqa: PLR0911
    operation: Operation, known: Mapping[Value, IntArray]
) -> IntArray:
    """The integers of ``operation``'s result, shape (samples, size), from those of its operands."""
    match operation:
        case Dot():
            return _dot(operation, known[operation.x])
        case Accumulate():
            return _accumulate(operation, known[operation.x])
        case Cast(x=x, to=to):
            return cast(known[x], x.fraction, to)
        case CastEach(x=x, to=formats):
            return cast_each(known[x], x.fraction, formats)
        case Clip(x=x, lowest=lowest, highest=highest):
            return np.clip(known[x], lowest, highest)
        case Gather(xs=xs, index=index):
            return with_last(np.concatenate([known[x] for x in xs], axis=1), 0)[:, index]
        case Maximum(x=x, windows=windows):
            least = np.iinfo(np.int64).min
            taken: IntArray = with_last(known[x], least)[:, windows]
            return np.asarray(taken.max(axis=2))
        case Combine():
            return _combine(operation, known[operation.a], known[operation.b])
        case Select(x=x, positive=positive, otherwise=otherwise):
            return np.where(known[x] > 0, known[positive], known[otherwise])
        case Lookup(x=x, table=table):
            return np.asarray(table[known[x]])
        case Quotient(x=x, shift=shift, divisor=divisor):
            dividend = known[x] << shift
            return np.asarray(np.sign(dividend) * (np.abs(dividend) // divisor))


def cast(words: IntArray, fraction: int, to: FixedPoint) -> IntArray:
    """Integers with ``fraction`` bits behind their point as raw words of ``to``, by its modes."""
    return _overflow(rounded(words, fraction - to.fraction, to.rounding), to)


def cast_each(words: IntArray, fraction: int, to: Formats) -> IntArray:
    """Integers as raw words of each element's own type, all on the fraction of the finest.

    Args:
        words: shape (samples, elements), with ``fraction`` bits behind their point.
        fraction: bits behind their point.
        to: the elements' formats.
    """
    result = np.zeros_like(words)
    for type_, places in to.groups:
        if type_:
            shift = to.fraction - type_.fraction
            result[:, places] = cast(words[:, places], fraction, type_) << shift
    return result


def rounded(words: IntArray, cut: int, rounding: Rounding) -> IntArray:
    """``words / 2^cut`` as whole numbers."""
    if cut <= 0:
        return words << -cut
    if cut > 62:
        # Beyond int64's shifts every bit is cut off: what is left to know is sign and being zero.
        words, cut = np.sign(words), 62
    whole, rest, half = words >> cut, words & ((1 << cut) - 1), 1 << (cut - 1)
    up: npt.NDArray[np.bool_]
    match rounding:
        case Rounding.TRN:
            return whole
        case Rounding.TRN_ZERO:
            up = (rest > 0) & (words < 0)
        case Rounding.RND:
            up = rest >= half
        case Rounding.RND_MIN_INF:
            up = rest > half
        case Rounding.RND_INF:
            up = (rest > half) | ((rest == half) & (words >= 0))
        case Rounding.RND_ZERO:
            up = (rest > half) | ((rest == half) & (words < 0))
        case Rounding.RND_CONV:
            up = (rest > half) | ((rest == half) & (whole & 1 == 1))
    return whole + up


def _overflow(words: IntArray, to: FixedPoint) -> IntArray:
    match to.overflow:
        case Overflow.SAT | Overflow.SAT_SYM:
            return np.clip(words, to.lowest, to.highest)
        case Overflow.SAT_ZERO:
            return np.where((words < to.lowest) | (words > to.highest), 0, words)
        case Overflow.WRAP:
            wrapped = words & ((1 << to.width) - 1)
            return wrapped - ((wrapped > to.highest).astype(np.int64) << to.width)


def with_last(x: npt.NDArray[Number], last: float) -> npt.NDArray[Number]:
    """``x`` with one more element, for the index -1."""
    return np.concatenate([x, np.full((len(x), 1), last, x.dtype)], axis=1)


def taps(operation: Dot | Accumulate, x: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """The windows' elements, shape (samples, windows / groups, groups, taps)."""
    groups, count, _ = operation.weights.shape
    taken = with_last(x, 0)[:, operation.windows]
    places = len(operation.windows) // groups
    return np.asarray(taken.reshape(len(x), places, groups, count))


def _dot(operation: Dot, x: IntArray) -> IntArray:
    sums = np.einsum("swgk,gkf->swgf", taps(operation, x), operation.weights) << operation.shift
    return np.asarray((sums + operation.bias).reshape(len(x), operation.result.size))


def _accumulate(operation: Accumulate, x: IntArray) -> IntArray:
    taken, to = taps(operation, x), operation.accumulator
    sums = np.broadcast_to(operation.bias, (*taken.shape[:3], operation.bias.shape[1]))
    for k in range(taken.shape[3]):
        products = taken[..., k, None] * operation.weights[:, k, :]
        sums = _overflow(sums + cast(products, operation.product_fraction, to), to)
    return sums.reshape(len(x), operation.result.size)


def _combine(operation: Combine, a: IntArray, b: IntArray) -> IntArray:
    a, b = a << operation.shift_a, b << operation.shift_b
    match operation.how:
        case Combination.ADD:
            return a + b
        case Combination.SUBTRACT:
            return a - b
        case Combination.MULTIPLY:
            return a * b
        case Combination.MAXIMUM:
            return np.maximum(a, b)
        case Combination.MINIMUM:
            return np.minimum(a, b)
