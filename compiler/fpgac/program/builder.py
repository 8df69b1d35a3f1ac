"""Writes an exact program down, one operation a line, each result with its proven interval."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from fpgac.numbers import FARTHEST, FixedPoint, IntArray, Rounding
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
    Terminal,
    Value,
    input_name,
    result_name,
)
from fpgac.program.ranges import WIDEST, Interval, NotExact, guard, hull, products, sums
from fpgac.tensors import Tensor

__all__ = ["Builder", "interval", "taps_of"]


def interval(x: Value) -> Interval:
    """The interval of every element."""
    return Interval(x.lowest, x.highest)


class Builder:
    """The operations so far; ``layer`` is the network's layer that the next ones belong to.

    ``inputs`` are the tensors that the program takes, each with its value. Every method adds the
    operation of its name, or none where that would change nothing, and returns the value with the
    result. All raise NotExact where a number could pass 62 bits.
    """

    def __init__(self, *inputs: Tensor) -> None:
        self.inputs = tuple(_input(inputs, place) for place in range(len(inputs)))
        self.operations: list[Operation] = []
        self.layer = ""

    def program(
        self, name: str, outputs: Iterable[Terminal], layers: Iterable[tuple[str, Value]]
    ) -> Program:
        """All operations so far as a program.

        Raises:
            ValueError: an output's value is not made of words of its tensor's type.
        """
        outputs = tuple(outputs)
        for output in outputs:
            _check_output(output)
        return Program(name, self.inputs, outputs, tuple(self.operations), tuple(layers))

    def _value(self, fraction: int, ends: Interval) -> Value:
        guard(ends.size)
        return Value(result_name(len(self.operations)), fraction, ends.lowest, ends.highest)

    def _keep(self, operation: Operation) -> Value:
        self.operations.append(operation)
        return operation.result

    def dot(
        self,
        x: Value,
        windows: IntArray,
        weights: IntArray,
        bias: IntArray,
        *,
        fraction: int,
        shift: int = 0,
    ) -> Value:
        """``fraction`` is that of the bias and of the result; the arrays are those of a Dot."""
        ends = sums(taps_of(x, windows, len(weights)), weights).shifted(shift)
        guard(ends.size + float(np.abs(bias).max()))
        added = Interval(ends.lowest + bias, ends.highest + bias).flat()
        result = self._value(fraction, added)
        return self._keep(Dot(result, self.layer, x, windows, weights, bias, shift))

    def scaled(
        self, x: Value, factor: IntArray | int, fraction: int = 0, plus: IntArray | int = 0
    ) -> Value:
        """``x · factor + plus``, element by element.

        Args:
            x: the numbers to multiply.
            factor: one word for all, or one for each element, or for each in turn.
            fraction: bits behind the factor's point.
            plus: likewise, words on the result's fraction, that of ``x`` and of the factor.
        """
        factors, added = np.atleast_1d(factor), np.atleast_1d(plus)
        groups = max(factors.size, added.size)
        return self.dot(
            x,
            np.arange(x.size)[:, None],
            np.broadcast_to(factors, groups).astype(np.int64).reshape(-1, 1, 1),
            np.broadcast_to(added, groups).astype(np.int64).reshape(-1, 1),
            fraction=x.fraction + fraction,
        )

    def accumulate(
        self,
        x: Value,
        windows: IntArray,
        weights: IntArray,
        bias: IntArray,
        *,
        product_fraction: int,
        accumulator: FixedPoint,
    ) -> Value:
        """The arrays are those of an Accumulate; the bias holds words of the accumulator."""
        taps = taps_of(x, windows, len(weights))
        cut = product_fraction - accumulator.fraction
        # Beyond so many bits nothing is left of a factor, or nothing fits.
        guard(taps.size * float(np.abs(weights).max()) * 2.0 ** -max(cut, -FARTHEST))
        ends = _accumulated(taps, weights, bias, cut, accumulator).flat()
        return self._keep(
            Accumulate(
                self._value(accumulator.fraction, ends),
                self.layer,
                x,
                windows,
                weights,
                bias,
                product_fraction,
                accumulator,
            )
        )

    def cast(self, x: Value, to: FixedPoint) -> Value:
        """``x`` as words of ``to``."""
        to = interval(x).narrowed(x.fraction, to)
        if x.fraction == to.fraction and interval(x).within(to.lowest, to.highest):
            return x
        if to.fraction == 0 and to.rounding is Rounding.TRN_ZERO:
            _refuse_below_one(x)
        ends = interval(x).cast(x.fraction, to)
        return self._keep(Cast(self._value(to.fraction, ends), self.layer, x, to))

    def cast_each(self, x: Value, to: Formats) -> Value:
        """``x`` with each element as words of its own type, on the fraction of the finest."""
        if len(to.types) == 1 and to.types[0]:
            return self.cast(x, to.types[0])
        if x.fraction == to.fraction and _all_hold(x, to):
            return x
        ends = _cast_each(x, to)
        return self._keep(CastEach(self._value(to.fraction, ends), self.layer, x, to))

    def assign(self, x: Value, of: FixedPoint, to: FixedPoint) -> Value:
        """``x``, which is of one type, in another.

        Between equal types nothing happens, not even to a word that their own modes never give:
        the least one of a symmetric input.
        """
        return x if of == to else self.cast(x, to)

    def with_fraction(self, x: Value, fraction: int) -> Value:
        """``x`` with at least so many bits behind its point: the same number."""
        if x.fraction >= fraction:
            return x
        return self.cast(x, FixedPoint(WIDEST, WIDEST - fraction))

    def clip(self, x: Value, lowest: int, highest: int) -> Value:
        """``x``, at least ``lowest`` and at most ``highest``."""
        if interval(x).within(lowest, highest):
            return x
        ends = interval(x).clipped(lowest, highest)
        return self._keep(Clip(self._value(x.fraction, ends), self.layer, x, lowest, highest))

    def at_least(self, x: Value, lowest: int) -> Value:
        """``x``, at least ``lowest``."""
        return self.clip(x, lowest, max(lowest, x.interval[1]))

    def gather(self, xs: Sequence[Value], index: IntArray) -> Value:
        """Elements of ``xs``, laid end to end; -1 stands for a zero."""
        if len(xs) == 1 and np.array_equal(index, np.arange(xs[0].size)):
            return xs[0]
        whole = Interval(
            np.concatenate([x.lowest for x in xs]), np.concatenate([x.highest for x in xs])
        )
        ends = whole.with_zero()[index]
        return self._keep(Gather(self._value(xs[0].fraction, ends), self.layer, tuple(xs), index))

    def maximum(self, x: Value, windows: IntArray) -> Value:
        """The greatest of each window; -1 stands for no element."""
        ends = Interval(*(_greatest(end, windows) for end in (x.lowest, x.highest)))
        return self._keep(Maximum(self._value(x.fraction, ends), self.layer, x, windows))

    def combine(self, a: Value, b: Value, how: Combination) -> Value:
        """``a`` and ``b``, element by element, whatever their fractions."""
        if how is Combination.MULTIPLY:
            ends = products(interval(a), interval(b))
            result = self._value(a.fraction + b.fraction, ends)
            return self._keep(Combine(result, self.layer, a, b, how))
        fraction = max(a.fraction, b.fraction)
        shifts = fraction - a.fraction, fraction - b.fraction
        ends = _combined(interval(a).shifted(shifts[0]), interval(b).shifted(shifts[1]), how)
        result = self._value(fraction, ends)
        return self._keep(Combine(result, self.layer, a, b, how, *shifts))

    def select(self, x: Value, positive: Value, otherwise: Value) -> Value:
        """``positive`` where ``x > 0``, else ``otherwise``; both of one fraction."""
        if interval(x).lowest.min() > 0:
            return positive
        if interval(x).highest.max() <= 0:
            return otherwise
        ends = hull(interval(positive), interval(otherwise))
        result = self._value(positive.fraction, ends)
        return self._keep(Select(result, self.layer, x, positive, otherwise))

    def lookup(self, x: Value, table: IntArray, fraction: int) -> Value:
        """``table[x]``; the interval of ``x`` must lie in it."""
        ends = Interval(*_extremes(table, interval(x)))
        return self._keep(Lookup(self._value(fraction, ends), self.layer, x, table))

    def quotient(self, x: Value, shift: int, divisor: int) -> Value:
        """``(x << shift) / divisor`` on the same fraction, cut off towards zero."""
        wide = interval(x).shifted(shift)
        ends = Interval(*(np.sign(e) * (np.abs(e) // divisor) for e in (wide.lowest, wide.highest)))
        result = self._value(x.fraction, ends)
        return self._keep(Quotient(result, self.layer, x, shift, divisor))


def _input(tensors: Sequence[Tensor], place: int) -> Terminal:
    tensor = tensors[place]
    ends = Interval.of(tensor.type, tensor.size)
    name = input_name(place, len(tensors))
    return Terminal(tensor, Value(name, tensor.type.fraction, ends.lowest, ends.highest))


def _check_output(output: Terminal) -> None:
    tensor, value = output.tensor, output.value
    words = Interval.of(tensor.type, 1)
    if value.size != tensor.size or value.fraction != tensor.type.fraction:
        raise ValueError(f"the output {tensor} is made of {value}")
    if not interval(value).within(int(words.lowest[0]), int(words.highest[0])):
        raise ValueError(f"the output {tensor} does not hold {value}")


def _all_hold(x: Value, to: Formats) -> bool:
    """Whether each element is a word of its type already, on the fraction of the finest."""
    return all(
        interval(x)[places].within(*((type_.lowest, type_.highest) if type_ else (0, 0)))
        and (type_ is None or type_.fraction == to.fraction)
        for type_, places in to.groups
    )


def _cast_each(x: Value, to: Formats) -> Interval:
    ends = Interval(np.zeros_like(x.lowest), np.zeros_like(x.highest))
    for type_, places in to.groups:
        if type_ is None:
            continue
        if type_.width > WIDEST:
            raise NotExact(f"an element's format, {type_}, is wider than {WIDEST} bits")
        part = interval(x)[places].cast(x.fraction, type_).shifted(to.fraction - type_.fraction)
        ends.lowest[places], ends.highest[places] = part.lowest, part.highest
    return ends


def _refuse_below_one(x: Value) -> None:
    """Types without bits before their point make an ``ap_int`` of minus one of any negative."""
    lowest, highest = x.interval
    if x.fraction > 0 and -(1 << x.fraction) < lowest < 0 and highest < 1 << x.fraction:
        reason = "negative numbers that all are below one become whole numbers"
        raise NotExact(reason, "program.faulty-cpp")


def taps_of(x: Value, windows: IntArray, groups: int) -> Interval:
    """The windows' elements, shape (windows / groups, groups, taps)."""
    taken = interval(x).with_zero()[windows]
    shape = (-1, groups, windows.shape[1])
    return Interval(taken.lowest.reshape(shape), taken.highest.reshape(shape))


def _accumulated(
    taps: Interval, weights: IntArray, bias: IntArray, cut: int, to: FixedPoint
) -> Interval:
    """What the accumulator may hold at the end: tight where it cannot overflow on the way."""
    steps = _rounded_sums(taps, weights, cut, partial=True)
    lowest, highest = steps.lowest + np.minimum(bias, 0), steps.highest + np.maximum(bias, 0)
    if Interval(lowest, highest).within(to.lowest, to.highest):
        ends = _rounded_sums(taps, weights, cut, partial=False)
        return Interval(ends.lowest + bias, ends.highest + bias)
    everything = np.zeros_like(lowest)
    return Interval(everything + to.lowest, everything + to.highest)


def _rounded_sums(taps: Interval, weights: IntArray, cut: int, *, partial: bool) -> Interval:
    """Sums of products that are rounded first, which moves each by less than one."""
    ends, error = sums(taps, weights, partial=partial), weights.shape[1]
    if cut <= 0:
        return ends.shifted(-cut)
    cut = min(cut, 63)
    return Interval((ends.lowest >> cut) - error, -(-ends.highest >> cut) + error)


def _greatest(ends: IntArray, windows: IntArray) -> IntArray:
    least = np.append(ends, np.iinfo(np.int64).min)
    return np.asarray(least[windows].max(axis=1))


def _combined(a: Interval, b: Interval, how: Combination) -> Interval:
    match how:
        case Combination.ADD:
            return Interval(a.lowest + b.lowest, a.highest + b.highest)
        case Combination.SUBTRACT:
            return Interval(a.lowest - b.highest, a.highest - b.lowest)
        case Combination.MAXIMUM:
            return Interval(np.maximum(a.lowest, b.lowest), np.maximum(a.highest, b.highest))
        case Combination.MINIMUM:
            return Interval(np.minimum(a.lowest, b.lowest), np.minimum(a.highest, b.highest))
        case Combination.MULTIPLY:
            return products(a, b)


def _extremes(table: IntArray, x: Interval) -> tuple[IntArray, IntArray]:
    """The least and the greatest entry between each element's bounds."""
    found = {
        ends: (table[ends[0] : ends[1] + 1].min(), table[ends[0] : ends[1] + 1].max())
        for ends in set(zip(x.lowest.tolist(), x.highest.tolist(), strict=True))
    }
    each = [found[ends] for ends in zip(x.lowest.tolist(), x.highest.tolist(), strict=True)]
    lowest, highest = np.array(each, np.int64).T
    return lowest, highest
