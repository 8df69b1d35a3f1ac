"""Softmax by tables, and its stand-in that marks the greatest element."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fpgac.numbers import FixedPoint, IntArray
from fpgac.program.activations import Table, whole_place
from fpgac.program.arrangements import places
from fpgac.program.builder import Builder
from fpgac.program.program import Combination, Value
from fpgac.program.ranges import NotExact
from fpgac.program.sums import in_pairs, in_turn
from fpgac.program.tables import exponentials, inverses, inverses_from_zero
from fpgac.program.words import words_in, words_of

__all__ = [
    "SoftmaxTables",
    "below_greatest",
    "first_greatest",
    "slices_of",
    "softmax",
    "softmax_by_differences",
]


@dataclass(frozen=True)
class SoftmaxTables:
    """The tables of a softmax, and the types of what goes in and out of them.

    Args:
        exponential: the type of the exponentials, of which there are ``exponential_size``.
        sum: the type of every sum of exponentials on the way.
        total: the type of the whole sum, which is looked up in the table of inverses.
        inverse: the type of the inverses, of which there are ``inverse_size``.
        scale: by which a number is multiplied before its exponential is taken.
    """

    exponential: FixedPoint
    exponential_size: int
    sum: FixedPoint
    total: FixedPoint
    inverse: FixedPoint
    inverse_size: int
    scale: float = 1.0


def slices_of(shape: tuple[int, ...], axis: int = -1) -> IntArray:
    """The elements that are to add up to one, shape (slices, elements)."""
    return np.moveaxis(places(shape), axis, -1).reshape(-1, shape[axis])


def softmax(
    build: Builder,
    x: Value,
    of: FixedPoint,
    slices: IntArray,
    tables: SoftmaxTables,
    to: FixedPoint,
    *,
    negative: bool = False,
) -> Value:
    """Exponentials times the inverse of their sum, slice by slice.

    ``x`` holds words of ``of``; with ``negative``, of how far a number lies below zero.
    """
    address = _Address.of(tables.exponential_size, of)
    numbers = address.numbers().astype(np.float32) * np.float32(tables.scale)
    words = exponentials(-numbers if negative else numbers, tables.exponential)
    table = words_in(words, tables.exponential.fraction, tables.sum)
    each = build.lookup(address.of_value(build, x), table, tables.sum.fraction)

    total = build.cast(in_pairs(build, each, slices, tables.sum), tables.total)
    address = _Address.of(tables.inverse_size, tables.total)
    inverse_table = inverses(address.numbers(), tables.inverse)
    inverse = build.lookup(address.of_value(build, total), inverse_table, tables.inverse.fraction)
    inverse = _each(build, slices, inverse)
    return build.cast(build.combine(each, inverse, Combination.MULTIPLY), to)


def softmax_by_differences(
    build: Builder,
    x: Value,
    of: FixedPoint,
    slices: IntArray,
    sums: Table,
    inverses: Table,
    to: FixedPoint,
) -> Value:
    """One over the sum of the exponentials of all differences to an element, slice by slice.

    ``sums`` describes the table of exponentials and ``inverses`` that of inverses; both have the
    type of every sum on the way. Their entries are apart by 16 and 64 over their sizes.
    """
    others = np.tile(slices[:, None, :], (1, slices.shape[1], 1)).reshape(-1)
    selves = np.repeat(slices.reshape(-1), slices.shape[1])
    difference = build.combine(
        build.gather([x], others), build.gather([x], selves), Combination.SUBTRACT
    )
    wider = replace(of, width=of.width + 1, integer=of.integer + 1, signed=True)
    place = whole_place(build, difference, wider, sums.size, 16)
    half = sums.size // 2
    place = build.clip(place, -half, sums.size - 1 - half)
    # The difference to itself is no number of the table, but one.
    itself = others == selves
    place = build.scaled(place, np.where(itself, 0, 1), plus=np.where(itself, sums.size, half))
    entries = np.append(sums.words("exponential").words, words_of(np.ones(1), sums.type))
    each = build.lookup(place, entries, sums.type.fraction)
    windows = np.arange(others.size).reshape(slices.size, -1)
    total = in_turn(build, each, windows, sums.type)
    place = whole_place(build, total, sums.type, inverses.size, 64)
    place = build.clip(place, 0, inverses.size - 1)
    words = inverses_from_zero(inverses.size, 64.0, inverses.type)
    found = build.lookup(place, words_in(words, inverses.type.fraction, to), to.fraction)
    return build.gather([found], np.argsort(slices.reshape(-1)))


def below_greatest(build: Builder, x: Value, slices: IntArray, to: FixedPoint) -> Value:
    """How far each element is below its slice's greatest."""
    greatest = _each(build, slices, build.maximum(x, slices))
    return build.cast(build.combine(greatest, x, Combination.SUBTRACT), to)


def _each(build: Builder, slices: IntArray, one: Value) -> Value:
    """What there is one of for each slice, for each element."""
    index = np.empty(slices.size, np.int64)
    index[slices] = np.arange(len(slices))[:, None]
    return build.gather([one], index)


def first_greatest(build: Builder, x: Value, slices: IntArray, to: FixedPoint) -> Value:
    """One for the first of the greatest elements of each slice, zero for all others."""
    size = slices.shape[1]
    # Nothing stands before the first element: it is compared with itself, and wins.
    place, other = np.arange(size)[:, None], np.arange(size)
    before = np.where(other < place, other, 0)
    after = np.where(other > place, other, place)
    earlier = np.empty((x.size, size), np.int64)
    later = np.empty((x.size, size), np.int64)
    for row in slices:
        earlier[row], later[row] = row[before], row[after]
    first = np.zeros(x.size, np.int64)
    first[slices[:, 0]] = 1  # by which the first element wins
    above = build.combine(x, build.maximum(x, earlier), Combination.SUBTRACT)
    level = build.combine(x, build.maximum(x, later), Combination.SUBTRACT)
    won = build.combine(
        build.scaled(above, 1, plus=first), build.scaled(level, 1, plus=1), Combination.MINIMUM
    )
    table = words_in(np.array([0, 1]), 0, to)
    return build.lookup(build.clip(won, 0, 1), table, to.fraction)


@dataclass(frozen=True)
class _Address:
    """The first ``bits`` bits of a number's word, read as a table's address."""

    bits: int
    type: FixedPoint

    @classmethod
    def of(cls, entries: int, type_: FixedPoint) -> _Address:
        bits = entries.bit_length() - 1
        if entries != 1 << bits or not 1 <= bits <= type_.width:
            reason = f"it has a table of {entries} entries for numbers of {type_}"
            raise NotExact(reason, "program.faulty-cpp")
        return cls(bits, type_)

    @property
    def _cut(self) -> int:
        return self.type.width - self.bits

    def numbers(self) -> npt.NDArray[np.float64]:
        """The number of each address, all other bits zero."""
        words = np.arange(1 << self.bits)
        if self.type.signed:
            words = np.where(words >> (self.bits - 1), words - (1 << self.bits), words)
        return words * 2.0 ** (self._cut - self.type.fraction)

    def of_value(self, build: Builder, x: Value) -> Value:
        """The address of each element of ``x``."""
        fraction = self.type.fraction - self._cut
        return build.cast(x, FixedPoint(self.bits, self.bits - fraction, signed=False))
