"""Sums whose numbers are too wide for dot-product instructions, as sums of such sums.

An operand is cut into digits of fewer bits, and so are the weights; the sums of the digits'
products are shifted to their places and added. That is several times as fast as wide products.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial, reduce
from itertools import product
from typing import Final

import numpy as np

from fpgac.native.cpp.levels import Form, Level
from fpgac.native.cpp.packing import packed_form
from fpgac.numbers import FixedPoint, IntArray
from fpgac.program.builder import Builder
from fpgac.program.program import Combination, Dot, Operation, Program, Value
from fpgac.program.ranges import NotExact

__all__ = ["split"]

# Sums of fewer products cost less as they are.
_WORTHWHILE: Final = 8

# A digit without a sign fits 16 bits with one.
_DIGIT_BITS: Final = 15

# So many packed sums are still quicker than wide products.
_MOST_PARTS: Final = 6
_PARTS: Final = sorted(
    (parts for parts in product(range(1, 5), repeat=2) if 1 < parts[0] * parts[1] <= _MOST_PARTS),
    key=lambda parts: (parts[0] * parts[1], parts),
)


def split(program: Program, level: Level) -> Program:
    """The same answers, with sums in digits where that lets them be packed."""
    if Form.PAIRS not in level.dots:
        return program
    operations = [part for op in program.operations for part in _parts(op, level)]
    return replace(program, operations=tuple(operations))


def _parts(operation: Operation, level: Level) -> list[Operation]:
    """What takes the place of an operation: itself, if nothing is better."""
    if (
        not isinstance(operation, Dot)
        or len(operation.weights) > 1
        or operation.weights.shape[1] < _WORTHWHILE
        or packed_form(operation, level)
    ):
        return [operation]
    for digits, weight_digits in _PARTS:
        try:
            parts = _in_digits(operation, digits, weight_digits)
        except (NotExact, ValueError):  # a digit may have no bits
            continue
        if all(packed_form(part, level) for part in parts if isinstance(part, Dot)):
            return parts
    return [operation]


def _in_digits(dot: Dot, digits: int, weight_digits: int) -> list[Operation]:
    """The Dot with its operand and weights in so many digits each, from the lowest up."""
    build = Builder()
    build.layer = dot.layer
    places = [
        (left + right, x, weights)
        for (left, x), (right, weights) in product(
            _digits(build, dot.x, digits), _weight_digits(dot.weights, weight_digits)
        )
    ]
    places.sort(key=lambda place: place[0])
    highest = places[-1][0] + dot.shift
    biases = {0: dot.bias & ((1 << highest) - 1), len(places) - 1: dot.bias >> highest}
    sums = []
    for place, (shift, x, weights) in enumerate(places):
        # The lowest sum has the result's own fraction, for the biases' last bits.
        own = dot.shift if place == 0 else 0
        bias = biases.get(place, np.zeros_like(dot.bias))
        fraction = dot.result.fraction - shift - dot.shift + own
        sums.append(build.dot(x, dot.windows, weights, bias, fraction=fraction, shift=own))
    reduce(partial(build.combine, how=Combination.ADD), sums)
    return [*build.operations[:-1], replace(build.operations[-1], result=dot.result)]


def _digits(build: Builder, x: Value, count: int) -> Iterator[tuple[int, Value]]:
    """The digits of a value, the highest with its sign, and the shift to the place of each."""
    bits = min(-(-x.bits // count), _DIGIT_BITS)
    for place in range(count - 1):
        low = FixedPoint(bits, bits - x.fraction, signed=False)
        yield place * bits, build.cast(x, low)
        x = build.cast(x, FixedPoint(x.bits, x.bits - x.fraction + bits))
    yield (count - 1) * bits, x


def _weight_digits(weights: IntArray, count: int) -> Iterator[tuple[int, IntArray]]:
    size = max(int(weights.max()).bit_length(), int(~weights.min()).bit_length()) + 1
    bits = min(-(-size // count), _DIGIT_BITS)
    for place in range(count - 1):
        yield place * bits, weights & ((1 << bits) - 1)
        weights = weights >> bits
    yield (count - 1) * bits, weights
