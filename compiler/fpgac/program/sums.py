"""Sums of products, or of numbers alone: in an accumulator of their own type, in an order."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fpgac.numbers import FixedPoint, IntArray, Overflow
from fpgac.program.builder import Builder, taps_of
from fpgac.program.program import Combination, Value
from fpgac.program.ranges import WIDEST, Interval, NotExact, sums
from fpgac.program.words import Words

__all__ = ["Products", "UnknownOrderError", "accumulated", "in_pairs", "in_turn", "weighted"]


class UnknownOrderError(Exception):
    """Products are to be added in an order that matters, and is not known."""


@dataclass(frozen=True, eq=False)
class Products:
    """What is multiplied: windows and weights as in a Dot, and the weights' fraction bits."""

    windows: IntArray
    weights: IntArray
    fraction: int

    @classmethod
    def ones(cls, windows: IntArray) -> Products:
        """Every element of the windows by itself."""
        return cls(windows, np.ones((1, windows.shape[1], 1), np.int64), 0)

    def without_spare_bits(self) -> Products:
        """The same numbers with fewer bits, where the last bits of all weights are zero."""
        spare = _trailing_zeros(self.weights)
        return replace(self, weights=self.weights >> spare, fraction=self.fraction - spare)

    def in_order(self, order: IntArray) -> Products:
        """The same taps in another order."""
        return replace(self, windows=self.windows[:, order], weights=self.weights[:, order])


def weighted(
    build: Builder,
    x: Value,
    products: Products,
    bias: Words,
    accumulator: FixedPoint,
    to: FixedPoint,
    order: IntArray | None,
) -> Value:
    """Products added to a bias in an accumulator, as words of ``to``.

    Args:
        build: takes the operations.
        x: what is multiplied with the weights.
        products: the weights.
        bias: one number for each group and filter, in that order.
        accumulator: the type that every product, and every sum, is cast to.
        to: the type of the result.
        order: in which order the taps are added; None where that is not known.

    Raises:
        UnknownOrderError: the order matters, and is not known.
    """
    words = Words(bias.words.reshape(len(products.weights), -1), bias.fraction).within(accumulator)
    return build.cast(accumulated(build, x, products, words, accumulator, order), to)


def accumulated(
    build: Builder,
    x: Value,
    products: Products,
    bias: IntArray,
    accumulator: FixedPoint,
    order: IntArray | None,
) -> Value:
    """The number that the accumulator holds once every product is added to the bias.

    A plain sum wherever no product loses a bit and no sum is out of range on the way; also where
    sums wrap, because it is all the same when they do.

    Args:
        build: takes the operations.
        x: what is multiplied with the weights.
        products: the weights.
        bias: words of the accumulator, shape (groups, filters).
        accumulator: the type that every product, and every sum, is cast to.
        order: in which order the taps are added; None where that is not known.

    Raises:
        UnknownOrderError: the order matters, and is not known.
    """
    products = products.without_spare_bits()
    shift = accumulator.fraction - x.fraction - products.fraction
    if shift >= 0:
        steps = _steps(x, products, bias, shift)
        if steps.within(accumulator.lowest, accumulator.highest):
            return _plain(build, x, products, bias, accumulator, shift)
        if accumulator.overflow is Overflow.WRAP:
            return build.cast(_plain(build, x, products, bias, accumulator, shift), accumulator)
    if accumulator.width > WIDEST:
        raise NotExact(f"an accumulator of {accumulator} has more than {WIDEST} bits")
    if order is None:
        raise UnknownOrderError
    ordered = products.in_order(order)
    return build.accumulate(
        x,
        ordered.windows,
        ordered.weights,
        bias,
        product_fraction=x.fraction + products.fraction,
        accumulator=accumulator,
    )


def in_turn(build: Builder, x: Value, windows: IntArray, accumulator: FixedPoint) -> Value:
    """Each window's elements added one after the other, each sum cast to the accumulator."""
    plain = _plainly_added(build, x, windows, accumulator)
    if plain is not None:
        return plain
    total = build.cast(build.gather([x], windows[:, 0]), accumulator)
    for column in windows.T[1:]:
        more = build.gather([x], column)
        total = build.cast(build.combine(total, more, Combination.ADD), accumulator)
    return total


def in_pairs(build: Builder, x: Value, windows: IntArray, accumulator: FixedPoint) -> Value:
    """Each window's elements, words of the accumulator, added as ``nnet::reduce`` pairs them."""
    taps = windows.shape[1]
    if taps == 1:
        return build.gather([x], windows[:, 0])
    plain = _plainly_added(build, x, windows, accumulator)
    if plain is not None:
        return plain
    left = 1 << ((taps - 1).bit_length() - 1)
    former = in_pairs(build, x, windows[:, :left], accumulator)
    latter = in_pairs(build, x, windows[:, left:], accumulator)
    return build.cast(build.combine(former, latter, Combination.ADD), accumulator)


def _plainly_added(
    build: Builder, x: Value, windows: IntArray, accumulator: FixedPoint
) -> Value | None:
    """The sum where its order is all the same; None where it is not."""
    ones = Products.ones(windows)
    nothing = np.zeros((1, 1), np.int64)
    try:
        total = accumulated(build, x, ones, nothing, accumulator, None)
    except UnknownOrderError:
        return None
    return build.cast(total, accumulator)


def _steps(x: Value, products: Products, bias: IntArray, shift: int) -> Interval:
    """Around every product and every sum on the way, whatever the order."""
    taps = taps_of(x, products.windows, len(products.weights))
    ends = sums(taps, products.weights, partial=True).shifted(shift)
    return Interval(ends.lowest + np.minimum(bias, 0), ends.highest + np.maximum(bias, 0))


def _plain(
    build: Builder,
    x: Value,
    products: Products,
    bias: IntArray,
    accumulator: FixedPoint,
    shift: int,
) -> Value:
    """A Dot on the accumulator's fraction, but for last bits that are always zero."""
    spare = min(shift, _trailing_zeros(bias))
    return build.dot(
        x,
        products.windows,
        products.weights,
        bias >> spare,
        fraction=accumulator.fraction - spare,
        shift=shift - spare,
    )


def _trailing_zeros(words: IntArray) -> int:
    """How many of the last bits are zero in every word; none where there are only zeros."""
    bits = int(np.bitwise_or.reduce(words, axis=None))
    return (bits & -bits).bit_length() - 1 if bits else 0
