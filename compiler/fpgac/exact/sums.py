"""Layers that add products up: in an accumulator of their own type, in hls4ml's own order."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fpgac.exact.builder import Builder, taps_of
from fpgac.exact.layer import Layer, words_in
from fpgac.exact.program import Value
from fpgac.exact.ranges import WIDEST, Interval, NotExact, sums
from fpgac.numbers import FixedPoint, IntArray, Overflow

__all__ = ["Products", "accumulated", "dense", "factors", "order_of"]

BIT = FixedPoint(1, 1, signed=False)


@dataclass(frozen=True, eq=False)
class Products:
    """What is multiplied: windows and weights as in a Dot, and the weights' fraction bits."""

    windows: IntArray
    weights: IntArray
    fraction: int

    def without_spare_bits(self) -> Products:
        """The same numbers with fewer bits, where the last bits of all weights are zero."""
        spare = _trailing_zeros(self.weights)
        return replace(self, weights=self.weights >> spare, fraction=self.fraction - spare)

    def in_order(self, order: IntArray) -> Products:
        """The same taps in another order."""
        return replace(self, windows=self.windows[:, order], weights=self.weights[:, order])


def dense(layer: Layer) -> Value:
    """``nnet::dense``, whatever its strategy."""
    inputs, outputs = layer.number("n_in"), layer.number("n_out")
    if layer.x.size != inputs:
        raise layer.refusal("is applied to several rows at once")
    products = Products(np.arange(inputs)[None], *factors(layer, "weight", inputs, outputs))
    accumulator = layer.type("accum_t")
    bias = words_in(*_bias(layer), accumulator)[None]
    order = order_of(layer, inputs)
    total = accumulated(layer.build, layer.x, products, bias, accumulator, order)
    return layer.build.cast(total, layer.result)


def factors(layer: Layer, name: str, taps: int, filters: int) -> tuple[IntArray, int]:
    """The weights as factors of a product, shape (1, taps, filters), and their fraction bits."""
    words, type_ = layer.constant(name)
    if type_ == layer.x_type == BIT:
        raise layer.refusal("multiplies single bits")
    if layer.text("strategy") in ("resource", "resource_unrolled"):
        words = words.reshape(filters, taps).T
    words = words.reshape(1, taps, filters)
    match layer.text("product"):
        case "mult":
            return words, type_.fraction
        case "weight_ternary":
            # Of the four words of two bits, -2 counts as one here.
            return np.where(words == -2, 1, words), type_.fraction
    raise layer.refusal(f"multiplies in a way of its own, {layer.text('product')}")


def _bias(layer: Layer) -> tuple[IntArray, int]:
    words, type_ = layer.constant("bias")
    return words.reshape(-1), type_.fraction


def order_of(layer: Layer, taps: int) -> IntArray:
    """In which order the products are added."""
    reuse = layer.number("reuse_factor")
    match layer.text("strategy"):
        case "latency":
            return np.arange(taps)
        case "resource" | "resource_unrolled" if reuse > taps and reuse % taps == 0:
            return np.arange(taps)
        case "resource" | "resource_unrolled" if taps % reuse == 0:
            return np.arange(taps).reshape(-1, reuse).T.reshape(-1)
    raise layer.refusal(f"has the strategy {layer.text('strategy')} with a reuse factor of {reuse}")


def accumulated(
    build: Builder,
    x: Value,
    products: Products,
    bias: IntArray,
    accumulator: FixedPoint,
    order: IntArray,
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
        order: in which order the taps are added.
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
    ordered = products.in_order(order)
    return build.accumulate(
        x,
        ordered.windows,
        ordered.weights,
        bias,
        product_fraction=x.fraction + products.fraction,
        accumulator=accumulator,
    )


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
