"""What a network must answer, in integers alone: written from the formats' definitions.

Nothing here uses fpgac's floating-point rule or hls4ml; Python's integers have no width.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fpgac.network.network import Network
from fpgac.network.ops.dense import Dense
from fpgac.network.ops.relu import Relu
from fpgac.numbers import FixedPoint, IntArray, Overflow, Rounding

Integers = Any  # arrays of Python integers


def answers(network: Network, words: IntArray, output: FixedPoint) -> IntArray:
    """The raw words of ``output`` for raw words of the only input's type; a chain of layers."""
    (entry,) = network.inputs
    values, fraction = words.astype(object), entry.type.fraction
    for operation in (node.operation for node in network.nodes):
        if isinstance(operation, Relu):
            values = requantised(np.maximum(values, 0), fraction, operation.grid)
            fraction = operation.grid.fraction
            continue
        assert isinstance(operation, Dense)
        product = fraction + operation.weight_type.fraction
        sums = max(product, operation.bias_type.fraction)
        values = values.dot(operation.weights.astype(object)) * 2 ** (sums - product)
        bias = operation.bias.astype(object)
        values = values + bias * 2 ** (sums - operation.bias_type.fraction)
        fraction = sums
    words_out: IntArray = requantised(values, fraction, output).astype(np.int64)
    return words_out


def requantised(values: Integers, fraction: int, to: FixedPoint) -> Integers:
    """``values`` in units of ``2**-fraction`` as raw words of ``to``."""
    shift = fraction - to.fraction
    if shift <= 0:
        return overflowed(values * 2**-shift, to)
    whole = values // 2**shift
    up = rounds_up(to.rounding, values, whole, values - whole * 2**shift, 2 ** (shift - 1))
    return overflowed(whole + up.astype(int), to)


def rounds_up(rounding: Rounding, values: Any, whole: Any, rest: Any, half: Any) -> Any:
    """Which of ``values`` become one more than the whole number below; ``rest`` is what is left,
    and ``half`` half a whole one.
    """
    above, tie = rest > half, rest == half
    return {
        Rounding.TRN: rest < 0,
        Rounding.TRN_ZERO: (rest > 0) & (values < 0),
        Rounding.RND: above | tie,
        Rounding.RND_MIN_INF: above,
        Rounding.RND_INF: above | (tie & (values > 0)),
        Rounding.RND_ZERO: above | (tie & (values < 0)),
        Rounding.RND_CONV: above | (tie & (whole % 2 == 1)),
    }[rounding]


def overflowed(words: Integers, to: FixedPoint) -> Integers:
    highest = 2 ** (to.width - to.signed) - 1
    lowest = (-highest - 1) * to.signed
    match to.overflow:
        case Overflow.WRAP:
            return (words - lowest) % 2**to.width + lowest
        case Overflow.SAT:
            return np.minimum(np.maximum(words, lowest), highest)
        case Overflow.SAT_SYM:
            return np.minimum(np.maximum(words, -highest * to.signed), highest)
        case Overflow.SAT_ZERO:
            return words * ((words >= lowest) & (words <= highest)).astype(int)
