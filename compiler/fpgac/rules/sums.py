"""Layers that add products up: in an accumulator of their own type, in hls4ml's own order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fpgac.core.graph import Constant
from fpgac.numbers import FixedPoint, IntArray, Rounding
from fpgac.program import alternatives, sums
from fpgac.program.alternatives import Factors, Powers
from fpgac.program.program import Value
from fpgac.program.sums import Products, UnknownOrderError
from fpgac.program.words import Words
from fpgac.rules.layer import BIT, Layer

__all__ = ["Kernel", "dense", "factors"]


def dense(layer: Layer) -> Value:
    """``nnet::dense``, whatever its strategy."""
    inputs, outputs = layer.number("n_in"), layer.number("n_out")
    if layer.x.size != inputs:
        raise layer.refusal("is applied to several rows at once")
    kernel = Kernel.of(layer)
    weights = kernel.matrix(inputs, outputs)
    return kernel.multiply(np.arange(inputs)[None], weights, kernel.order(inputs))


@dataclass(frozen=True, eq=False)
class Kernel:
    """One of a layer's products with constants, as hls4ml's struct describes it.

    Args:
        layer: the layer.
        x: what is multiplied; words of ``x_type``.
        x_type: its type.
        weights: the constants, in the order of the C++ array.
        bias: what is added, likewise.
        product: which function of ``nnet::product`` multiplies.
        accumulator: the type of products and sums.
        result: the type of what comes out.
        reuse: the reuse factor.
        inputs: how many products hls4ml thinks are added.
    """

    layer: Layer
    x: Value
    x_type: FixedPoint
    weights: Constant
    bias: Words
    product: str
    accumulator: FixedPoint
    result: FixedPoint
    reuse: int
    inputs: int

    @classmethod
    def of(cls, layer: Layer) -> Kernel:
        """The only one of a layer."""
        return cls(
            layer,
            layer.x,
            layer.x_type,
            layer.array("weight"),
            layer.constant("bias"),
            layer.text("product"),
            layer.type("accum_t"),
            layer.result,
            layer.number("reuse_factor"),
            layer.number("n_in", 0),
        )

    def matrix(self, taps: int, filters: int) -> IntArray:
        """The weights' words in the shape (1, taps, filters), however the strategy keeps them."""
        words, strategy = self.layer.words(self.weights), self.layer.text("strategy")
        match strategy:
            case "latency":
                return words.reshape(1, taps, filters)
            case "resource" | "resource_unrolled":
                return words.reshape(filters, taps).T[None]
        raise self.layer.refusal(f"has a strategy without an exact form, {strategy}")

    def order(self, taps: int) -> IntArray | None:
        """In which order the products are added; None where that is not known."""
        if self.layer.text("strategy") == "latency":
            return np.arange(taps)
        if self.reuse > taps and self.reuse % taps == 0:
            return np.arange(taps)
        if taps % self.reuse:
            return None
        return np.arange(taps).reshape(-1, self.reuse).T.reshape(-1)

    def multiply(self, windows: IntArray, weights: IntArray, order: IntArray | None) -> Value:
        """Products and bias added up, as words of the result.

        Args:
            windows: as in a Dot.
            weights: words of the weights' type, as in a Dot.
            order: in which order the taps are added; None where that is not known.
        """
        build = self.layer.build
        given = factors(
            self.layer, self.x, self.x_type, self.product, self.weights, windows, weights, order
        )
        counts = self.x_type == self.weights.type == BIT
        try:
            total = sums.weighted(
                build,
                given.x,
                given.products,
                self.bias,
                self.accumulator,
                self.accumulator if counts else self.result,
                given.order,
            )
        except UnknownOrderError:
            raise self.layer.refusal(
                f"adds up in an order that is not known, with the strategy "
                f"{self.layer.text('strategy')} and a reuse factor of {self.reuse}, in an "
                "accumulator that rounds or saturates",
                "program.unknown-order",
            ) from None
        return self._difference(total) if counts else total

    def _difference(self, count: Value) -> Value:
        """How many more of the products of single bits are one than zero, as ``nnet::cast``."""
        build = self.layer.build
        count = build.with_fraction(count, 0)
        bits = max(1, (self.inputs - 1).bit_length()) + 2
        whole = FixedPoint(bits, bits, rounding=Rounding.TRN_ZERO)
        more = build.scaled(count, 2, plus=-self.inputs << count.fraction)
        return build.cast(build.cast(more, whole), self.result)


def factors(
    layer: Layer,
    x: Value,
    x_type: FixedPoint,
    product: str,
    constant: Constant,
    windows: IntArray,
    weights: IntArray,
    order: IntArray | None,
) -> Factors:
    """What ``nnet::product`` multiplies, as plain products.

    Args:
        layer: the layer.
        x: what is multiplied; words of ``x_type``.
        x_type: its type.
        product: the name of the function.
        constant: the weights, whose words are in ``weights``.
        windows: as in a Dot.
        weights: as in a Dot.
        order: in which order the taps are added; None where that is not known.
    """
    if product == "weight_exponential":
        powers = Powers(weights >> 1, weights & 1, constant.exponent_bits)
        return alternatives.shifted(layer.build, x, x_type, windows, powers, order)
    fraction = layer.known(constant.type, "its weights").fraction
    given = Factors(x, Products(windows, _counted(product, weights), fraction), order)
    match product:
        case "mult" | "weight_ternary" | "weight_binary":
            return given
        case "data_binary":
            return alternatives.signs(layer.build, given)
        case "both_binary":
            return alternatives.equal_bits(layer.build, given)
    raise layer.refusal(f"multiplies in a way of its own, {product}")


def _counted(product: str, words: IntArray) -> IntArray:
    """What a word of the weights counts as."""
    match product:
        case "weight_ternary":
            # Of the four words of two bits, -2 counts as one here.
            return np.where(words == -2, 1, words)
        case "weight_binary":
            return 2 * words - 1
    return words
