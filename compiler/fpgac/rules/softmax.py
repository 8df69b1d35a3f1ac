"""The softmax in hls4ml's ways of computing it, tables included."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fpgac.numbers import FixedPoint, IntArray
from fpgac.program.program import Combination, Value
from fpgac.rules.layer import Layer, words_in
from fpgac.rules.sums import in_pairs
from fpgac.rules.tables import exponentials, inverses

__all__ = ["softmax"]


def softmax(layer: Layer) -> Value:
    """``nnet::softmax`` and ``nnet::softmax_multidim``."""
    slices = _slices(layer)
    match layer.text("implementation"):
        case "latency":
            return _scaled(layer, slices, layer.x, layer.x_type, negative=False)
        case "stable":
            norm = layer.type("inp_norm_t")
            below = _below_greatest(layer, slices)
            return _scaled(layer, slices, layer.build.cast(below, norm), norm, negative=True)
        case "argmax":
            return _greatest(layer, slices)
    raise layer.refusal(f"is a softmax of the kind {layer.text('implementation')}")


def _slices(layer: Layer) -> IntArray:
    """The elements that are to add up to one, shape (slices, elements)."""
    places = np.arange(layer.x.size)
    if layer.streams:
        return places.reshape(-1, layer.x_shape[-1])
    inner, outer = layer.number("n_inner"), layer.number("n_outer")
    return places.reshape(outer, -1, inner).transpose(0, 2, 1).reshape(outer * inner, -1)


def _each(layer: Layer, slices: IntArray, one: Value) -> Value:
    """What there is one of for each slice, for each element."""
    index = np.empty(layer.x.size, np.int64)
    index[slices] = np.arange(len(slices))[:, None]
    return layer.build.gather([one], index)


def _below_greatest(layer: Layer, slices: IntArray) -> Value:
    """How far each element is below its slice's greatest."""
    greatest = _each(layer, slices, layer.build.maximum(layer.x, slices))
    return layer.build.combine(greatest, layer.x, Combination.SUBTRACT)


def _scaled(
    layer: Layer, slices: IntArray, x: Value, x_type: FixedPoint, *, negative: bool
) -> Value:
    """Exponentials times the inverse of their sum."""
    build, accumulator = layer.build, layer.type("accum_t")
    exp_type, inv_type = layer.type("exp_table_t"), layer.type("inv_table_t")
    address = _Address.of(layer, "exp_table_size", x_type)
    places = address.numbers().astype(np.float32) * np.float32(layer.real("exp_scale", 1.0))
    words = exponentials(-places if negative else places, exp_type)
    table = words_in(words, exp_type.fraction, accumulator)
    each = build.lookup(address.of_value(layer, x), table, accumulator.fraction)

    total_type = layer.type("inv_inp_t")
    total = build.cast(in_pairs(build, each, slices, accumulator), total_type)
    address = _Address.of(layer, "inv_table_size", total_type)
    inverse_table = inverses(address.numbers(), inv_type)
    inverse = build.lookup(address.of_value(layer, total), inverse_table, inv_type.fraction)
    product = build.combine(each, _each(layer, slices, inverse), Combination.MULTIPLY)
    return layer.cast(product)


def _greatest(layer: Layer, slices: IntArray) -> Value:
    """One for the first of the greatest elements of each slice, zero for all others."""
    build, x = layer.build, layer.x
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
    table = words_in(np.array([0, 1]), 0, layer.result)
    return build.lookup(build.clip(won, 0, 1), table, layer.result.fraction)


@dataclass(frozen=True)
class _Address:
    """The first ``bits`` bits of a number's word, read as a table's address."""

    bits: int
    type: FixedPoint

    @classmethod
    def of(cls, layer: Layer, size: str, type_: FixedPoint) -> _Address:
        entries = layer.number(size)
        bits = entries.bit_length() - 1
        if entries != 1 << bits or not 1 <= bits <= type_.width:
            raise layer.refusal(f"has a table of {entries} entries for numbers of {type_}")
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

    def of_value(self, layer: Layer, x: Value) -> Value:
        """The address of each element of ``x``."""
        fraction = self.type.fraction - self._cut
        return layer.build.cast(x, FixedPoint(self.bits, self.bits - fraction, signed=False))
