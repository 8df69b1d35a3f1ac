"""Intervals: between which integers every element of a result lies, proven and not sampled.

All bounds are int64. A bound beyond 62 bits is refused, here and by whoever builds on it: int64
itself could then be wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.numbers import FixedPoint, IntArray, Overflow
from fpgac.program.interpreter import rounded

__all__ = ["WIDEST", "Interval", "NotExact", "guard", "hull", "products", "sums"]

# Bits of the widest integer here: int64 has room to add two of them.
WIDEST = 62

# Below it every integer is a float64, and so is a sum of them.
_FLOAT = 1 << 53

Floats = npt.NDArray[np.float64]


class NotExact(Exception):  # noqa: N818 - it is no mistake of anybody's
    """The network has no exact program; ``reason`` is one plain sentence, ``code`` its kind.

    ===========================  ==============================================================
    code                         there is no exact program because
    ===========================  ==============================================================
    ``program.too-wide``         a number may need more bits than there are
    ``program.unknown-layer``    nobody has written down what such a layer computes
    ``program.unknown-order``    sums depend on their order, and it is not known
    ``program.no-fixed-point``   a type, a constant or a setting is no fixed-point number
    ``program.faulty-cpp``       hls4ml's own C++ does not compute what the layer says
    ===========================  ==============================================================
    """

    def __init__(self, reason: str, code: str = "program.too-wide") -> None:
        super().__init__(reason)
        self.reason, self.code = reason, code


@dataclass(frozen=True, eq=False)
class Interval:
    """The least and the greatest integer of every element, both of the same shape, int64."""

    lowest: IntArray
    highest: IntArray

    @classmethod
    def of(cls, type_: FixedPoint, size: int) -> Interval:
        """All words that the type's bits can hold, whatever its overflow mode.

        Raises:
            NotExact: the type is wider than 62 bits.
        """
        bits = type_.width - type_.signed
        if type_.width > WIDEST:
            raise NotExact(f"{type_} is wider than {WIDEST} bits")
        lowest = -(1 << bits) if type_.signed else 0
        return cls(np.full(size, lowest, np.int64), np.full(size, (1 << bits) - 1, np.int64))

    def within(self, lowest: int, highest: int) -> bool:
        """Whether every element lies between the two."""
        return bool(lowest <= self.lowest.min() and self.highest.max() <= highest)

    @property
    def size(self) -> float:
        """The greatest magnitude, as a float."""
        return max(abs(float(self.lowest.min())), abs(float(self.highest.max())), 0.0)

    def __getitem__(self, index: Any) -> Interval:
        return Interval(self.lowest[index], self.highest[index])

    def flat(self) -> Interval:
        """The same elements in one row."""
        return Interval(self.lowest.reshape(-1), self.highest.reshape(-1))

    def with_zero(self) -> Interval:
        """One more element, a zero, for the index -1."""
        return Interval(np.append(self.lowest, 0), np.append(self.highest, 0))

    def shifted(self, bits: int) -> Interval:
        """Shifted left.

        Raises:
            NotExact: beyond 62 bits.
        """
        if bits > WIDEST:
            if self.size:
                raise NotExact(f"a number shifted by {bits} bits does not fit {WIDEST} bits")
            return self
        guard(self.size * 2.0**bits)
        return Interval(self.lowest << bits, self.highest << bits)

    def clipped(self, lowest: int, highest: int) -> Interval:
        """Every element brought between the two."""
        return Interval(
            np.clip(self.lowest, lowest, highest), np.clip(self.highest, lowest, highest)
        )

    def cast(self, fraction: int, to: FixedPoint) -> Interval:
        """The words of ``to`` that integers with ``fraction`` bits behind their point become.

        Raises:
            NotExact: a word, or what it is cut from, beyond 62 bits.
        """
        to = self.narrowed(fraction, to)
        ends = self.rounded(fraction, to)
        match to.overflow:
            case Overflow.SAT | Overflow.SAT_SYM:
                return ends.clipped(to.lowest, to.highest)
            case Overflow.SAT_ZERO:
                return ends._zeroed(to)
            case Overflow.WRAP:
                return ends._wrapped(to)

    def narrowed(self, fraction: int, to: FixedPoint) -> FixedPoint:
        """``to``, or where it is too wide, one of 62 bits that makes the same words of these.

        Raises:
            NotExact: a word may need more bits.
        """
        if to.width <= WIDEST:
            return to
        narrow = replace(to, width=WIDEST, integer=WIDEST - to.fraction)
        if not self.rounded(fraction, to).within(narrow.lowest, narrow.highest):
            raise NotExact(f"a number of {to} may need more than {WIDEST} bits")
        return narrow

    def rounded(self, fraction: int, to: FixedPoint) -> Interval:
        """On the grid of ``to``, before any overflow: rounding keeps the order, so ends stay ends.

        Raises:
            NotExact: beyond 62 bits.
        """
        cut = fraction - to.fraction
        if cut < 0:
            return self.shifted(-cut)
        return Interval(*(rounded(end, cut, to.rounding) for end in (self.lowest, self.highest)))

    def _zeroed(self, to: FixedPoint) -> Interval:
        """Numbers out of range become zero."""
        outside = (self.lowest < to.lowest) | (self.highest > to.highest)
        some = (self.lowest <= to.highest) & (self.highest >= to.lowest)
        kept = self.clipped(to.lowest, to.highest)
        lowest, highest = np.where(some, kept.lowest, 0), np.where(some, kept.highest, 0)
        return Interval(
            np.where(outside, np.minimum(lowest, 0), lowest),
            np.where(outside, np.maximum(highest, 0), highest),
        )

    def _wrapped(self, to: FixedPoint) -> Interval:
        """Where both ends lie in one turn of the type's circle, so does all between them."""
        whole = Interval.of(to, 1)
        start = int(whole.lowest[0])
        turns = (self.lowest - start) >> to.width
        same = turns == (self.highest - start) >> to.width
        return Interval(
            np.where(same, self.lowest - (turns << to.width), whole.lowest),
            np.where(same, self.highest - (turns << to.width), whole.highest),
        )


def guard(bound: float) -> None:
    """Refuse what might not fit.

    Raises:
        NotExact: ``bound`` is a magnitude beyond 62 bits.
    """
    if bound >= 2.0 ** (WIDEST - 1):
        raise NotExact(f"a number of about {np.log2(bound):.0f} bits does not fit {WIDEST} bits")


def hull(*parts: Interval) -> Interval:
    """The least interval around several of the same shape."""
    return Interval(
        reduce(np.minimum, (part.lowest for part in parts)),
        reduce(np.maximum, (part.highest for part in parts)),
    )


def products(x: Interval, factor: Interval) -> Interval:
    """Element by element, with numpy's broadcasting.

    Raises:
        NotExact: beyond 62 bits.
    """
    guard(x.size * factor.size)
    corners = [a * b for a in (x.lowest, x.highest) for b in (factor.lowest, factor.highest)]
    return Interval(reduce(np.minimum, corners), reduce(np.maximum, corners))


def sums(taps: Interval, weights: IntArray, *, partial: bool = False) -> Interval:
    """Sums of products over a window's taps.

    Args:
        taps: shape (windows, groups, taps).
        weights: shape (groups, taps, filters).
        partial: bounds for the sum of any of the products, so also while they are added in order.

    Returns:
        Shape (windows, groups, filters).

    Raises:
        NotExact: beyond 62 bits.
    """
    lowest, highest = taps.lowest, taps.highest
    if partial:
        lowest, highest = np.minimum(lowest, 0), np.maximum(highest, 0)
    numbers: npt.NDArray[Any] = weights.astype(np.float64)
    sizes = np.abs(numbers)
    bound = 2 * max(taps.size, 1.0) * float(sizes.sum(axis=1).max())
    guard(bound)
    if bound >= _FLOAT:
        numbers, sizes = weights, np.abs(weights)
    # An interval's middle goes with the weight, half its length with the weight's size.
    middle = _products(lowest + highest, numbers)
    length = _products(highest - lowest, sizes)
    return Interval((middle - length) >> 1, (middle + length) >> 1)


def _products(taps: IntArray, weights: npt.NDArray[Any]) -> IntArray:
    """Matrix products, group by group: integers, also where they are computed as floats."""
    left = taps.astype(weights.dtype).transpose(1, 0, 2)
    return np.asarray((left @ weights).transpose(1, 0, 2), np.int64)
