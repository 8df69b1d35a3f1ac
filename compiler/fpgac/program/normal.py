"""Normal forms: what each element of a value is, whatever operations lead to it.

Every element is a number with an identity of its own: two elements with one identity are equal for
all inputs. Elements that are copied, padded or put elsewhere keep theirs; sums have no order where
none counts; what an interval shows to change nothing is not there. The converse does not hold:
different identities may still be equal numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np

from fpgac.numbers import FixedPoint, IntArray, Overflow, Rounding
from fpgac.program import interpreter
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
    operands,
)

__all__ = ["Identities", "identify"]

# What an element is: a word, and what it is made of.
Key = tuple[Any, ...]

# An end of a clip; None where it has none.
End = int | None

# The identity of what is always zero.
ZERO = 0


def identify(
    program: Program,
    known: Identities,
    agreed: Callable[[Value, IntArray], IntArray] = lambda value, found: found,
) -> dict[Value, IntArray]:
    """The identity of each element of each value.

    ``agreed`` may replace the identities that were found for a value before others read them.
    """
    found: dict[Value, IntArray] = {}
    for place, x in enumerate(program.inputs):
        found[x.value] = agreed(x.value, known.input(place, x.value))
    for operation in program.operations:
        found[operation.result] = agreed(operation.result, known.result(operation, found))
    return found


class Identities:
    """The identities that are known, with bounds: all multiples of ``2^-grid`` between two words.

    Programs that are to be compared share one.
    """

    def __init__(self) -> None:
        self._places: dict[Key, int] = {}
        self._keys: list[Key] = []
        self._bounds: list[tuple[int, int, int]] = []
        self._constant(0, 0)

    def input(self, place: int, value: Value) -> IntArray:
        """The elements of the input at ``place``."""
        return self._new([("input", place, e) for e in range(value.size)], value)

    def result(  # noqa: PLR0911
        self, operation: Operation, of: dict[Value, IntArray]
    ) -> IntArray:
        """The elements of an operation's result, from those of its operands."""
        match operation:
            case Dot():
                return np.array(list(self._dot(operation, of[operation.x])))
            case Accumulate():
                return np.array(list(self._accumulate(operation, of[operation.x])))
            case Cast(x=x, to=to):
                return _each(of[x], lambda e: self._cast(e, to))
            case CastEach(x=x, to=formats):
                each = (formats.types[place] for place in formats.index)
                pairs = zip(of[x].tolist(), each, strict=True)
                return np.array([self._cast(e, type_) if type_ else ZERO for e, type_ in pairs])
            case Clip(x=x, lowest=lowest, highest=highest):
                return _each(of[x], lambda e: self._clip(e, lowest, highest, x.fraction))
            case Gather(xs=xs, index=index):
                return np.append(np.concatenate([of[x] for x in xs]), ZERO)[index]
            case Maximum(x=x, windows=windows):
                taken = (of[x][window[window >= 0]].tolist() for window in windows)
                return np.array([self._extreme("max", elements) for elements in taken])
            case Combine():
                return np.array(list(self._combine(operation, of)))
            case Select():
                return np.array(list(self._select(operation, of)))
            case Lookup():
                return np.array(list(self._lookup(operation, of[operation.x])))
            case Quotient(x=x, shift=shift, divisor=divisor):
                how = x.fraction, shift, divisor
                keys = [("quotient", e, *how) for e in of[x].tolist()]
                return self._new(keys, operation.result)

    # --- identities

    def _new(self, keys: Iterable[Key], value: Value) -> IntArray:
        """Identities of elements with these keys, whose bounds are the value's."""
        ends = zip(keys, *_ends(value), strict=True)
        return np.array([self._identity(*end, value.fraction) for end in ends])

    def _identity(self, key: Key, lowest: int, highest: int, grid: int) -> int:
        place = self._places.setdefault(key, len(self._keys))
        if place == len(self._keys):
            self._keys.append(key)
            self._bounds.append((lowest, highest, grid))
        return place

    def _constant(self, word: int, fraction: int) -> int:
        word, fraction = _stripped(word, fraction)
        return self._identity(("constant", word, fraction), word, word, fraction)

    def _ends(self, e: int, grid: int) -> tuple[int, int]:
        """The bounds on a grid that is at least as fine as the element's own."""
        lowest, highest, own = self._bounds[e]
        if e == ZERO:
            return 0, 0
        return lowest << (grid - own), highest << (grid - own)

    # --- sums

    def _dot(self, operation: Dot, x: IntArray) -> Iterator[int]:
        result, (groups, _, filters) = operation.result, operation.weights.shape
        exponent = operation.x.fraction + operation.shift - result.fraction
        taps = np.append(x, ZERO)[operation.windows]
        bounds = zip(*_ends(result), strict=True)
        for place, row in enumerate(taps):
            group = place % groups
            elements, weights = _merged(row, operation.weights[group])
            for f in range(filters):
                bias = int(operation.bias[group, f])
                yield self._linear(
                    elements, weights[:, f], exponent, (bias, result.fraction), next(bounds)
                )

    def _linear(
        self,
        elements: IntArray,
        weights: IntArray,
        exponent: int,
        bias: tuple[int, int],
        ends: tuple[int, int],
    ) -> int:
        """``bias + sum of element · weight · 2^exponent``; the elements are sorted and distinct."""
        used = weights != 0
        elements, weights = elements[used], weights[used]
        if not elements.size:
            return self._constant(*bias)
        spare = _trailing_zeros(int(np.bitwise_or.reduce(weights)))
        weights, exponent = weights >> spare, exponent + spare
        word, fraction = _stripped(*bias)
        if len(weights) == 1 and (int(weights[0]), exponent, word) == (1, 0, 0):
            return int(elements[0])
        content = _digest(elements, weights)
        return self._identity(("sum", content, exponent, word, fraction), *ends, bias[1])

    def _accumulate(self, operation: Accumulate, x: IntArray) -> Iterator[int]:
        groups, _, filters = operation.weights.shape
        taps = np.append(x, ZERO)[operation.windows]
        for place, row in enumerate(taps):
            for f in range(filters):
                weights = operation.weights[place % groups, :, f]
                bias = int(operation.bias[place % groups, f])
                yield self._accumulated(operation, row, weights, bias)

    def _accumulated(
        self, operation: Accumulate, elements: IntArray, weights: IntArray, bias: int
    ) -> int:
        """One sum: plain, in any order or in its own, whatever the intervals allow."""
        to, fraction = operation.accumulator, operation.product_fraction
        if to.lowest <= bias <= to.highest:
            used = (weights != 0) & (elements != ZERO)
            elements, weights = elements[used], weights[used]
        exponent = operation.x.fraction - fraction
        ends = self._partial_sums(elements, weights, exponent, bias, to)
        free = to.lowest <= ends[0] and ends[1] <= to.highest
        exact = all(self._bounds[e][2] - exponent <= to.fraction for e in elements.tolist())
        if exact and (free or to.overflow is Overflow.WRAP):
            elements, merged = _merged(elements, weights[:, None])
            total = self._linear(elements, merged[:, 0], exponent, (bias, to.fraction), ends)
            return total if free else self._wrap(total, to)
        if free or to.overflow is Overflow.WRAP:
            order = np.lexsort((weights, elements))
            elements, weights = elements[order], weights[order]
        how = str(to), exponent, fraction, bias
        key = ("free" if free else "accumulate", _digest(elements, weights), *how)
        bits = 1 << (to.width - to.signed)
        return self._identity(key, -bits if to.signed else 0, bits - 1, to.fraction)

    def _partial_sums(
        self, elements: IntArray, weights: IntArray, exponent: int, bias: int, to: FixedPoint
    ) -> tuple[int, int]:
        """Around all sums of any of the products, each rounded to the accumulator."""
        lowest = highest = bias
        for e, weight in zip(elements.tolist(), weights.tolist(), strict=True):
            low, high, grid = self._bounds[e]
            cut = grid - exponent - to.fraction
            least, most = sorted((low * weight, high * weight))
            lowest += min(0, _floor(least, cut))
            highest += max(0, -_floor(-most, cut))
        return lowest, highest

    def _combine(self, operation: Combine, of: dict[Value, IntArray]) -> Iterator[int]:
        result, how = operation.result, operation.how
        pairs = zip(of[operation.a].tolist(), of[operation.b].tolist(), *_ends(result), strict=True)
        for a, b, low, high in pairs:
            match how:
                case Combination.ADD | Combination.SUBTRACT:
                    signs = np.array([[1], [1 if how is Combination.ADD else -1]])
                    elements, weights = _merged(np.array([a, b]), signs)
                    zero = 0, result.fraction
                    yield self._linear(elements, weights[:, 0], 0, zero, (low, high))
                case Combination.MULTIPLY:
                    yield self._identity(("product", *sorted((a, b))), low, high, result.fraction)
                case Combination.MAXIMUM:
                    yield self._extreme("max", [a, b])
                case Combination.MINIMUM:
                    yield self._extreme("min", [a, b])

    def _select(self, operation: Select, of: dict[Value, IntArray]) -> Iterator[int]:
        result = operation.result
        parts = (of[value].tolist() for value in operands(operation))
        for x, positive, otherwise, low, high in zip(*parts, *_ends(result), strict=True):
            if positive == otherwise:
                yield positive
            elif (positive, otherwise) == (x, ZERO):
                yield self._clip(x, 0, None, 0)
            else:
                key = ("select", x, positive, otherwise)
                yield self._identity(key, low, high, result.fraction)

    # --- what rounds or bounds

    def _cast(self, e: int, to: FixedPoint) -> int:
        e = self._round(e, to.fraction, to.rounding)
        match to.overflow:
            case Overflow.SAT | Overflow.SAT_SYM:
                return self._clip(e, to.lowest, to.highest, to.fraction)
            case Overflow.SAT_ZERO:
                return self._zero_outside(e, to)
            case Overflow.WRAP:
                return self._wrap(e, to)

    def _round(self, e: int, fraction: int, rounding: Rounding) -> int:
        """On a grid; it goes before clips and maxima, with which it changes places."""
        lowest, highest, grid = self._bounds[e]
        if grid <= fraction:
            return e

        def rounded(word: int, own: int) -> int:
            return _rounded(word, own - fraction, rounding)

        match self._keys[e]:
            case ("constant", word, own):
                return self._constant(rounded(word, own), fraction)
            case ("clip", x, low, high, own):
                low, high = (None if end is None else rounded(end, own) for end in (low, high))
                return self._clip(self._round(x, fraction, rounding), low, high, fraction)
            case ("max" | "min" as which, *parts):
                return self._extreme(which, [self._round(x, fraction, rounding) for x in parts])
            case ("round", x, _, Rounding.TRN) if rounding is Rounding.TRN:
                return self._round(x, fraction, rounding)
        key = ("round", e, fraction, rounding)
        return self._identity(key, rounded(lowest, grid), rounded(highest, grid), fraction)

    def _clip(self, e: int, lowest: End, highest: End, fraction: int) -> int:
        """Between bounds; those that an interval has already are none."""
        own = self._bounds[e][2]
        low, high, grid = _on_grid(lowest, highest, fraction, own)
        least, most = self._ends(e, grid)
        if low is not None and most <= low:
            return self._constant(low, grid)
        if high is not None and least >= high:
            return self._constant(high, grid)
        low = None if low is None or low <= least else low
        high = None if high is None or high >= most else high
        if low is None and high is None:
            return e
        match self._keys[e]:
            case ("clip", x, first, last, inner_grid):
                finest = max(grid, inner_grid)
                inner = _shifted(first, finest - inner_grid), _shifted(last, finest - inner_grid)
                outer = _shifted(low, finest - grid), _shifted(high, finest - grid)
                return self._clip(x, *_clipped_twice(inner, outer), finest)
            case ("max" | "min" as which, *parts):
                return self._extreme(which, [self._clip(x, low, high, grid) for x in parts])
        low, high, grid = _on_grid(low, high, grid, own)
        least, most = self._ends(e, grid)
        ends = least if low is None else low, most if high is None else high
        return self._identity(("clip", e, low, high, grid), *ends, grid)

    def _wrap(self, e: int, to: FixedPoint) -> int:
        if self._within(e, to):
            return e
        match self._keys[e]:
            case ("wrap", x, width, _, to.fraction) if width >= to.width:
                return self._wrap(x, to)
        key = ("wrap", e, to.width, to.signed, to.fraction)
        return self._identity(key, to.lowest, to.highest, to.fraction)

    def _zero_outside(self, e: int, to: FixedPoint) -> int:
        if self._within(e, to):
            return e
        key = ("zero outside", e, to.lowest, to.highest, to.fraction)
        return self._identity(key, min(to.lowest, 0), max(to.highest, 0), to.fraction)

    def _within(self, e: int, to: FixedPoint) -> bool:
        """Whether an element, which is on the type's grid, lies in its range."""
        lowest, highest = self._ends(e, to.fraction)
        return to.lowest <= lowest and highest <= to.highest

    def _extreme(self, which: str, elements: Sequence[int]) -> int:
        """The greatest or the least: of all that one of them is itself the greatest or least of."""
        parts: set[int] = set()
        for e in elements:
            match self._keys[e]:
                case (kind, *inner) if kind == which:
                    parts.update(inner)
                case _:
                    parts.add(e)
        if len(parts) == 1:
            return parts.pop()
        pick = max if which == "max" else min
        grid = max(self._bounds[e][2] for e in parts if e != ZERO)
        lowest, highest = zip(*(self._ends(e, grid) for e in parts), strict=True)
        return self._identity((which, *sorted(parts)), pick(lowest), pick(highest), grid)

    # --- tables

    def _lookup(self, operation: Lookup, x: IntArray) -> Iterator[int]:
        """Only the entries count that an element can reach."""
        fraction, table = operation.result.fraction, operation.table
        digests: dict[tuple[int, int], bytes] = {}
        for e, first, last in zip(x.tolist(), *_ends(operation.x), strict=True):
            part = table[first : last + 1]
            if (part == part[0]).all():
                yield self._constant(int(part[0]), fraction)
                continue
            content = digests.setdefault((first, last), _digest(part))
            key = ("lookup", e, operation.x.fraction, first, content, fraction)
            yield self._identity(key, int(part.min()), int(part.max()), fraction)


def _each(elements: IntArray, change: Callable[[int], int]) -> IntArray:
    """``change`` of every element, asked once for each that is there."""
    distinct, places = np.unique(elements, return_inverse=True)
    return np.array([change(e) for e in distinct.tolist()])[places]


def _ends(value: Value) -> tuple[list[int], list[int]]:
    """The bounds of every element."""
    return value.lowest.tolist(), value.highest.tolist()


def _merged(elements: IntArray, weights: IntArray) -> tuple[IntArray, IntArray]:
    """Elements sorted and each once, without zeros, and their weights: rows of ``weights``."""
    kept = elements != ZERO
    elements, weights = elements[kept], weights[kept]
    distinct, first, places = np.unique(elements, return_index=True, return_inverse=True)
    if len(distinct) == len(elements):
        return distinct, weights[first]
    total = np.zeros((len(distinct), weights.shape[1]), np.int64)
    np.add.at(total, places, weights)
    return distinct, total


def _digest(*arrays: IntArray) -> bytes:
    content = b"".join(np.ascontiguousarray(array, np.int64).tobytes() for array in arrays)
    return blake2b(content, digest_size=16).digest()


def _trailing_zeros(word: int) -> int:
    return (word & -word).bit_length() - 1


def _stripped(word: int, fraction: int) -> tuple[int, int]:
    """The same number with as few bits behind its point as can be."""
    if word == 0:
        return 0, 0
    spare = _trailing_zeros(word)
    return word >> spare, fraction - spare


def _on_grid(low: End, high: End, fraction: int, own: int) -> tuple[End, End, int]:
    """Both ends on the coarsest grid that holds them and multiples of ``2^-own``."""
    fractions = [_stripped(end, fraction)[1] for end in (low, high) if end]
    grid = max([own, *fractions])
    return _shifted(low, grid - fraction), _shifted(high, grid - fraction), grid


def _shifted(end: End, bits: int) -> End:
    """Shifted left; right only where nothing is lost."""
    if end is None:
        return None
    return end << bits if bits >= 0 else end >> -bits


def _clipped_twice(inner: tuple[End, End], outer: tuple[End, End]) -> tuple[End, End]:
    """The ends of one clip that does what two do, one after the other."""
    low, high = outer

    def clipped(end: int) -> int:
        end = end if low is None else max(end, low)
        return end if high is None else min(end, high)

    first, last = inner
    return low if first is None else clipped(first), high if last is None else clipped(last)


def _floor(number: int, cut: int) -> int:
    return number << -cut if cut <= 0 else number >> cut


def _rounded(word: int, cut: int, rounding: Rounding) -> int:
    return int(interpreter.rounded(np.array([word]), cut, rounding)[0])
