"""The same operations on real numbers: nothing rounds, nothing wraps.

What a program's values would be with the network's own weights and floats between them; the
distance of the chip from it is what the formats cost. What saturates still does: networks are
trained with it, so it is a part of their function. A table counts as the curve through its entries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ldexp

import numpy as np

from fpgac.numbers import FixedPoint, FloatArray, Overflow
from fpgac.program.formats import Formats
from fpgac.program.interpreter import taps, with_last
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
    Quotient,
    Select,
    Value,
)

__all__ = ["evaluate"]

_COMBINATIONS: Mapping[Combination, Callable[..., FloatArray]] = {
    Combination.ADD: np.add,
    Combination.SUBTRACT: np.subtract,
    Combination.MULTIPLY: np.multiply,
    Combination.MAXIMUM: np.maximum,
    Combination.MINIMUM: np.minimum,
}


def evaluate(  # noqa: PLR0911
    operation: Operation, known: Mapping[Value, FloatArray]
) -> FloatArray:
    """The numbers of ``operation``'s result, shape (samples, size), from those of its operands."""
    step = ldexp(1.0, -operation.result.fraction)
    match operation:
        case Dot(x=x, shift=shift):
            factor = ldexp(step, x.fraction + shift)
            return _sums(operation, known[x], factor) + _repeated(operation) * step
        case Accumulate(x=x, product_fraction=fraction):
            factor = ldexp(1.0, x.fraction - fraction)
            return _sums(operation, known[x], factor) + _repeated(operation) * step
        case Cast(x=x, to=to):
            return _saturated(known[x], to)
        case CastEach(x=x, to=formats):
            return _saturated_each(known[x], formats)
        case Clip(x=x, lowest=lowest, highest=highest):
            return np.clip(known[x], lowest * step, highest * step)
        case Gather(xs=xs, index=index):
            joined = np.concatenate([known[x] for x in xs], axis=1)
            return np.asarray(with_last(joined, 0.0)[:, index])
        case Maximum(x=x, windows=windows):
            return np.asarray(with_last(known[x], -np.inf)[:, windows].max(axis=2))
        case Combine(a=a, b=b, how=how):
            return _COMBINATIONS[how](known[a], known[b])
        case Select(x=x, positive=positive, otherwise=otherwise):
            return np.where(known[x] > 0, known[positive], known[otherwise])
        case Lookup(x=x, table=table):
            places = np.ldexp(known[x], x.fraction)
            return np.interp(places, np.arange(len(table)), table * step)
        case Quotient(x=x, shift=shift, divisor=divisor):
            return known[x] * ldexp(step, x.fraction + shift) / divisor


def _saturated(x: FloatArray, to: FixedPoint) -> FloatArray:
    if to.overflow in (Overflow.SAT, Overflow.SAT_SYM):
        return np.clip(x, to.lowest * to.step, to.highest * to.step)
    return x


def _saturated_each(x: FloatArray, to: Formats) -> FloatArray:
    result = np.zeros_like(x)
    for type_, places in to.groups:
        if type_:
            result[:, places] = _saturated(x[:, places], type_)
    return result


def _sums(operation: Dot | Accumulate, x: FloatArray, factor: float) -> FloatArray:
    weights = operation.weights * factor
    sums = np.einsum("swgk,gkf->swgf", taps(operation, x), weights, optimize=True)
    return np.asarray(sums.reshape(len(x), operation.result.size))


def _repeated(operation: Dot | Accumulate) -> FloatArray:
    """The bias of every element, as words of the result."""
    groups = len(operation.weights)
    return np.tile(operation.bias, (len(operation.windows) // groups, 1)).ravel().astype(float)
