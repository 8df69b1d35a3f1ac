"""Layers that add products up: in an accumulator of their own type, in hls4ml's own order."""

from __future__ import annotations

import numpy as np

from fpgac.numbers import IntArray
from fpgac.program import sums
from fpgac.program.program import Value
from fpgac.program.sums import Products, UnknownOrderError
from fpgac.program.words import Words
from fpgac.rules.layer import BIT, Layer

__all__ = ["dense", "factors", "matrix", "order_of", "weighted"]


def dense(layer: Layer) -> Value:
    """``nnet::dense``, whatever its strategy."""
    inputs, outputs = layer.number("n_in"), layer.number("n_out")
    if layer.x.size != inputs:
        raise layer.refusal("is applied to several rows at once")
    weights = factors(layer, "weight")
    ordered = matrix(layer, weights.words, inputs, outputs)
    products = Products(np.arange(inputs)[None], ordered, weights.fraction)
    return weighted(layer, products, order_of(layer, inputs))


def weighted(layer: Layer, products: Products, order: IntArray | None) -> Value:
    """Products added to the layer's bias in its accumulator, and cast to its result.

    ``order`` is None where the order is not known.
    """
    accumulator, (words, type_) = layer.type("accum_t"), layer.constant("bias")
    bias = Words(words, type_.fraction)
    try:
        return sums.weighted(layer.build, layer.x, products, bias, accumulator, layer.result, order)
    except UnknownOrderError:
        reuse, strategy = layer.number("reuse_factor"), layer.text("strategy")
        raise layer.refusal(
            f"adds up in an order that is not known, with the strategy {strategy} and a reuse "
            f"factor of {reuse}, in an accumulator that rounds or saturates"
        ) from None


def factors(layer: Layer, name: str) -> Words:
    """Constants as the factors of products with the layer's input."""
    words, type_ = layer.constant(name)
    if type_ == layer.x_type == BIT:
        raise layer.refusal("multiplies single bits")
    match layer.text("product"):
        case "mult":
            return Words(words, type_.fraction)
        case "weight_ternary":
            # Of the four words of two bits, -2 counts as one here.
            return Words(np.where(words == -2, 1, words), type_.fraction)
    raise layer.refusal(f"multiplies in a way of its own, {layer.text('product')}")


def matrix(layer: Layer, weights: IntArray, taps: int, filters: int) -> IntArray:
    """The weights of a layer in the shape (1, taps, filters), however its strategy keeps them."""
    match layer.text("strategy"):
        case "latency":
            return weights.reshape(1, taps, filters)
        case "resource" | "resource_unrolled":
            return weights.reshape(filters, taps).T[None]
    raise layer.refusal(f"has a strategy without an exact form, {layer.text('strategy')}")


def order_of(layer: Layer, taps: int) -> IntArray | None:
    """In which order the products are added; None where that is not known."""
    reuse = layer.number("reuse_factor")
    if layer.text("strategy") == "latency" or (reuse > taps and reuse % taps == 0):
        return np.arange(taps)
    if taps % reuse:
        return None
    return np.arange(taps).reshape(-1, reuse).T.reshape(-1)
