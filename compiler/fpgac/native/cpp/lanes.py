"""The lanes that an operation needs: the intervals of all that it computes on its way."""

from __future__ import annotations

from collections.abc import Iterator

from fpgac.errors import CoreError, Problem, Where
from fpgac.numbers import FixedPoint, Overflow
from fpgac.program.program import (
    Accumulate,
    Cast,
    CastEach,
    Combination,
    Combine,
    Dot,
    Operation,
    Quotient,
    operands,
)

__all__ = ["Interval", "fits", "lane_bits", "overflowed", "product", "rounded", "rounding_room"]

Interval = tuple[int, int]


def fits(interval: Interval, bits: int) -> bool:
    """Whether a signed integer of ``bits`` bits holds the interval."""
    return -(1 << (bits - 1)) <= interval[0] and interval[1] < 1 << (bits - 1)


def narrowest(interval: Interval) -> str:
    """The narrowest integer type of numpy that holds the interval; in C++, ``_t`` is added."""
    lowest, highest = interval
    for bits in (8, 16, 32, 64):
        if lowest >= 0 and highest < 1 << bits:
            return f"uint{bits}"
        if fits(interval, bits):
            return f"int{bits}"
    raise AssertionError(f"{interval} was found to fit 64 bits")


def lane_bits(operation: Operation) -> int:
    """32 or 64: the width of the lanes in which nothing of the operation overflows.

    Raises:
        CoreError: 64 bits do not suffice.
    """
    needed = list(_intermediate(operation))
    for bits in (32, 64):
        if all(fits(interval, bits) for interval in needed):
            return bits
    raise CoreError(
        Problem(
            f"the operation {operation.result.name} is too wide to be computed",
            where=Where(key=f"layers.{operation.layer}"),
            expected="integers of at most 64 bits in between",
            got=str(operation.result),
            hint="choose fewer bits",
            code="program.too-wide",
        )
    )


def rounding_room(interval: Interval, cut: int) -> Interval:
    """What rounding off ``cut`` bits computes with."""
    lowest, highest = interval
    if cut <= 0:
        return lowest << -cut, highest << -cut
    half = 1 << (cut - 1)
    return lowest - half, highest + half


def rounded(interval: Interval, cut: int) -> Interval:
    """Bounds of ``interval / 2^cut`` in whole numbers, however it is rounded."""
    lowest, highest = interval
    return (lowest << -cut, highest << -cut) if cut <= 0 else (lowest >> cut, -(-highest >> cut))


def overflowed(interval: Interval, to: FixedPoint) -> Interval:
    """Bounds of what is left of an interval once ``to`` has brought it into its range."""
    lowest, highest = interval
    if to.lowest <= lowest and highest <= to.highest:
        return interval
    if to.overflow in (Overflow.SAT, Overflow.SAT_SYM):
        return min(max(lowest, to.lowest), to.highest), max(min(highest, to.highest), to.lowest)
    return to.lowest, to.highest


def product(operation: Accumulate) -> Interval:
    """The bounds of any single product."""
    weights = int(operation.weights.min(initial=0)), int(operation.weights.max(initial=0))
    corners = [x * weight for x in operation.x.interval for weight in weights]
    return min(corners), max(corners)


def _intermediate(operation: Operation) -> Iterator[Interval]:
    yield operation.result.interval
    match operation:
        case Dot():
            # Sums wrap on the way and come back: the result's own width is all that they need.
            return
        case Accumulate(accumulator=to):
            cut = operation.product_fraction - to.fraction
            yield from _cast(product(operation), cut, to)
            added = overflowed(rounded(product(operation), cut), to)
            sums = min(to.lowest, int(operation.bias.min())), to.highest
            yield sums[0] + added[0], sums[1] + added[1]
        case Cast(x=x, to=to):
            yield from _cast(x.interval, x.fraction - to.fraction, to)
        case CastEach():
            yield from _cast_each(operation)
        case Combine(a=a, b=b):
            shifted_a = _shifted(a.interval, operation.shift_a)
            shifted_b = _shifted(b.interval, operation.shift_b)
            yield from (shifted_a, shifted_b)
            if operation.how is Combination.SUBTRACT:
                yield shifted_a[0] - shifted_b[1], shifted_a[1] - shifted_b[0]
        case Quotient(x=x, shift=shift, divisor=divisor):
            yield _shifted(x.interval, shift)
            yield divisor, divisor
    for value in operands(operation):
        yield value.interval


def _cast(interval: Interval, cut: int, to: FixedPoint) -> Iterator[Interval]:
    yield interval
    # The interpreter's own bound: further bits are all cut off.
    yield rounding_room(interval, min(cut, 62))
    if overflowed(rounded(interval, cut), to) != rounded(interval, cut):
        yield to.lowest, to.highest


def _cast_each(operation: CastEach) -> Iterator[Interval]:
    """What all elements need; those that are always zero are cut to no bits at all."""
    x, to = operation.x, operation.to
    for type_, places in to.groups:
        interval = int(x.lowest[places].min()), int(x.highest[places].max())
        if type_:
            yield from _cast(interval, x.fraction - type_.fraction, type_)
        else:
            yield interval


def _shifted(interval: Interval, shift: int) -> Interval:
    return interval[0] << shift, interval[1] << shift
