"""C++ for what is done to each element: on vectors of 32-bit or 64-bit lanes, samples in each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fpgac.native.cpp.functions import wrapped
from fpgac.native.cpp.lanes import Interval, overflowed, rounded
from fpgac.numbers import FixedPoint, IntArray, Overflow, Rounding
from fpgac.program.program import (
    Cast,
    CastEach,
    Clip,
    Combination,
    Combine,
    Operation,
    Quotient,
    Select,
    Value,
)

__all__ = ["cast", "expression", "literal", "rounding_offset"]

_COMBINED = {
    Combination.ADD: "{a} + {b}",
    Combination.SUBTRACT: "{a} - {b}",
    Combination.MULTIPLY: "{a} * {b}",
    Combination.MAXIMUM: "greatest({a}, {b})",
    Combination.MINIMUM: "least({a}, {b})",
}


def literal(number: int, bits: int) -> str:
    """``number`` as a constant of the lane's type; it may be the least of all."""
    text = f"{number + 1}LL - 1" if number <= -(1 << 31) else f"{number}"
    return f"int{bits}_t({text})"


def expression(
    operation: Operation,
    bits: int,
    operand: Callable[[Value], str],
    table: Callable[[IntArray], str],
) -> str:
    """The result of an operation that works element by element.

    ``operand`` gives the C++ for a value, ``table`` for constants of the narrowest type.
    """
    match operation:
        case Cast(x=x, to=to):
            return cast(operand(x), x.interval, x.fraction - to.fraction, to, bits)
        case CastEach(x=x):
            return _EachCast(operation, bits, table).of(operand(x))
        case Clip(x=x, lowest=lowest, highest=highest):
            return _clipped(operand(x), x.interval, (lowest, highest), bits)
        case Combine(a=a, b=b, how=how):
            return _COMBINED[how].format(
                a=_shifted(operand(a), operation.shift_a), b=_shifted(operand(b), operation.shift_b)
            )
        case Select(x=x, positive=positive, otherwise=otherwise):
            return f"{operand(x)} > 0 ? {operand(positive)} : {operand(otherwise)}"
        case Quotient(x=x, shift=shift, divisor=divisor):
            return f"{_shifted(operand(x), shift)} / {literal(divisor, bits)}"
    raise AssertionError(f"{type(operation).__name__} does not work element by element")


def cast(
    x: str,
    interval: Interval,
    cut: int,
    to: FixedPoint,
    bits: int,
    *,
    offset: bool = False,
) -> str:
    """``x`` with ``cut`` bits too many behind its point, as a raw word of ``to``.

    With ``offset``, :func:`rounding_offset` has been added to ``x`` already.
    """
    if cut > 62:
        # Nothing is left but the sign, as in the interpreter; 62 bits cannot hold more than that.
        x, interval, cut = f"(({x} < 0) - ({x} > 0))", (-1, 1), 62
    word = _round(x, cut, to.rounding, bits, offset=offset)
    return _overflow(word, rounded(interval, cut), to, bits)


def rounding_offset(rounding: Rounding, cut: int) -> int:
    """What is added, whatever the number, before ``cut`` bits are cut off."""
    if cut <= 0 or rounding in (Rounding.TRN, Rounding.TRN_ZERO):
        return 0
    half = 1 << (cut - 1)
    match rounding:
        case Rounding.RND_CONV:
            return -half
        case Rounding.RND_MIN_INF | Rounding.RND_ZERO:
            return half - 1
    return half


def _round(x: str, cut: int, rounding: Rounding, bits: int, *, offset: bool) -> str:
    if cut <= 0:
        return _shifted(x, -cut)
    number = rounding_offset(rounding, cut)
    moved = x if offset or number == 0 else f"({x} + {literal(number, bits)})"
    negative = f"({x} < {literal(number if offset else 0, bits)})"  # -1 where it is
    match rounding:
        case Rounding.TRN | Rounding.RND | Rounding.RND_MIN_INF:
            return f"({moved} >> {cut})"
        case Rounding.TRN_ZERO:
            return f"({moved} + ({negative} & {literal((1 << cut) - 1, bits)}) >> {cut})"
        case Rounding.RND_INF:
            return f"({moved} + {negative} >> {cut})"
        case Rounding.RND_ZERO:
            return f"({moved} - {negative} >> {cut})"
        case Rounding.RND_CONV:
            # Half a step down, and then up: but not if that is a tie, and even.
            return f"(({moved} >> {cut}) - (({moved} & {literal((2 << cut) - 1, bits)}) != 0))"


def _overflow(x: str, interval: Interval, to: FixedPoint, bits: int) -> str:
    if overflowed(interval, to) == interval:
        return x
    match to.overflow:
        case Overflow.SAT | Overflow.SAT_SYM:
            return _clipped(x, interval, (to.lowest, to.highest), bits)
        case Overflow.SAT_ZERO:
            lowest, highest = literal(to.lowest, bits), literal(to.highest, bits)
            return f"zero_unless({x}, {lowest}, {highest})"
        case Overflow.WRAP if to.signed:
            return _shifted(x, bits - to.width, "<<", f" >> {bits - to.width}")
        case Overflow.WRAP:
            return f"({x} & {literal(to.highest, bits)})"


@dataclass(frozen=True)
class _EachCast:
    """The C++ of a cast whose constants are another element's each: tables, read at ``e``."""

    operation: CastEach
    bits: int
    table: Callable[[IntArray], str]

    def of(self, x: str) -> str:
        """``x`` as words of element e's type, on the fraction of the finest."""
        word = self._overflow(self._round(self._shifted(x, np.maximum(-self._cuts, 0))))
        fractions = [t.fraction if t else self.operation.to.fraction for t in self._types]
        return self._shifted(word, self.operation.to.fraction - np.array(fractions))

    @property
    def _types(self) -> list[FixedPoint | None]:
        """The type of each element."""
        to = self.operation.to
        return [to.types[place] for place in to.index]

    @cached_property
    def _cuts(self) -> IntArray:
        """The bits that each element has too many behind its point; 0 where it is always zero."""
        fraction = self.operation.x.fraction
        return np.array([fraction - t.fraction if t else 0 for t in self._types])

    def _constant(self, numbers: IntArray) -> str:
        """Each element's own of ``numbers``, or the one that all share."""
        if (numbers == numbers[0]).all():
            return literal(int(numbers[0]), self.bits)
        return f"int{self.bits}_t({self.table(wrapped(numbers, self.bits))}[e])"

    def _shifted(self, x: str, by: IntArray) -> str:
        return f"({x} << {self._constant(by)})" if by.any() else x

    def _round(self, x: str) -> str:
        cuts, rounding = np.maximum(self._cuts, 0), self.operation.to.rounding
        if not cuts.any():
            return x
        offsets = np.array([rounding_offset(rounding, int(cut)) for cut in cuts])
        moved = f"({x} + {self._constant(offsets)})" if offsets.any() else x
        cut = self._constant(cuts)
        # Of what is not cut at all, nothing is to be moved: -1 where something is.
        negative = f"(({x} < 0) & {self._constant(-(cuts > 0).astype(np.int64))})"
        match rounding:
            case Rounding.TRN | Rounding.RND | Rounding.RND_MIN_INF:
                return f"({moved} >> {cut})"
            case Rounding.TRN_ZERO:
                return f"({moved} + (({x} < 0) & {self._constant((1 << cuts) - 1)}) >> {cut})"
            case Rounding.RND_INF:
                return f"({moved} + {negative} >> {cut})"
            case Rounding.RND_ZERO:
                return f"({moved} - {negative} >> {cut})"
            case Rounding.RND_CONV:
                below = self._constant(np.where(cuts > 0, (2 << cuts) - 1, 0))
                return f"(({moved} >> {cut}) - (({moved} & {below}) != 0))"

    @cached_property
    def _rounded(self) -> list[Interval]:
        """The interval of each element, rounded."""
        x = self.operation.x
        ends = zip(x.lowest.tolist(), x.highest.tolist(), self._cuts.tolist(), strict=True)
        return [rounded((lowest, highest), cut) for lowest, highest, cut in ends]

    def _overflow(self, x: str) -> str:
        ends = self._rounded
        left = [
            overflowed(end, type_) if type_ else (0, 0)
            for end, type_ in zip(ends, self._types, strict=True)
        ]
        if left == ends:
            return x
        lowest, highest = (np.array(bounds) for bounds in zip(*left, strict=True))
        match self.operation.to.overflow:
            case Overflow.SAT | Overflow.SAT_SYM:
                x = f"greatest({x}, splat<V>({self._constant(lowest)}))"
                return f"least({x}, splat<V>({self._constant(highest)}))"
            case Overflow.SAT_ZERO:
                return f"zero_unless({x}, {self._constant(lowest)}, {self._constant(highest)})"
            case Overflow.WRAP:
                return self._wrap(x, left)

    def _wrap(self, x: str, left: list[Interval]) -> str:
        """Modulo each type's range; what cannot leave it is masked with ones."""
        whole = [end == kept for end, kept in zip(self._rounded, left, strict=True)]
        bounds = [
            (0, -1) if kept else (t.lowest, t.highest - t.lowest) if t else (0, 0)
            for kept, t in zip(whole, self._types, strict=True)
        ]
        lowest, mask = (np.array(column) for column in zip(*bounds, strict=True))
        if not lowest.any():
            return f"({x} & {self._constant(mask)})"
        start = self._constant(lowest)
        return f"((({x} - {start}) & {self._constant(mask)}) + {start})"


def _clipped(x: str, interval: Interval, to: Interval, bits: int) -> str:
    if interval[0] < to[0]:
        x = f"greatest({x}, splat<V>({literal(to[0], bits)}))"
    return f"least({x}, splat<V>({literal(to[1], bits)}))" if interval[1] > to[1] else x


def _shifted(x: str, by: int, sign: str = "<<", then: str = "") -> str:
    return f"({x} {sign} {by}{then})" if by else x
