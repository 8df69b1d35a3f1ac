"""Layers that take each number by itself: ReLUs, thresholds, and functions kept in tables."""

from __future__ import annotations

from dataclasses import replace
from math import gcd

import numpy as np

from fpgac.numbers import FixedPoint, IntArray, Rounding
from fpgac.program.builder import Builder, interval
from fpgac.program.program import Value
from fpgac.rules.layer import BIT, Layer, words_in, words_of
from fpgac.rules.sums import factors
from fpgac.rules.tables import FUNCTIONS, table_of

__all__ = [
    "binary_tanh",
    "centred_table",
    "elu",
    "hard_sigmoid",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "normalise",
    "prelu",
    "relu",
    "relu_to",
    "selu",
    "ternary_tanh",
    "thresholded_relu",
]

# What hls4ml's C++ converts to before it looks into a table: C's int.
INT = FixedPoint(32, 32, rounding=Rounding.TRN_ZERO)


def linear(layer: Layer) -> Value:
    """``nnet::linear`` and all that only copies numbers into another type."""
    return layer.assign(layer.x, layer.x_type)


def relu(layer: Layer) -> Value:
    """``nnet::relu``."""
    return layer.cast(layer.build.at_least(layer.x, 0))


def relu_to(layer: Layer, highest: int) -> Value:
    """``nnet::relu_max``: no more than ``highest``."""
    x = layer.build.with_fraction(layer.x, 0)
    return layer.cast(layer.build.clip(x, 0, highest << x.fraction))


def leaky_relu(layer: Layer) -> Value:
    """``nnet::leaky_relu``."""
    slope, type_ = layer.parameter("activ_param", "param_t")
    return _sloped(layer, np.array(slope), type_.fraction)


def prelu(layer: Layer) -> Value:
    """``nnet::prelu``: a slope for each element."""
    slopes, type_ = layer.constant("param")
    return _sloped(layer, slopes.reshape(-1), type_.fraction)


def _sloped(layer: Layer, slope: IntArray, fraction: int) -> Value:
    build, x = layer.build, layer.x
    return build.select(x, layer.cast(x), layer.cast(build.scaled(x, slope, fraction)))


def thresholded_relu(layer: Layer) -> Value:
    """``nnet::thresholded_relu``."""
    word, type_ = layer.parameter("activ_param", "param_t")
    x = layer.build.with_fraction(layer.x, type_.fraction)
    above = layer.build.scaled(x, 1, plus=-words_in(np.array(word), type_.fraction, _grid(x)))
    x = layer.assign(layer.x, layer.x_type)
    return layer.build.select(above, x, _zeros(layer.build, x))


def _grid(x: Value) -> FixedPoint:
    """A type with the fraction of ``x`` that holds all that fits 62 bits."""
    return FixedPoint(62, 62 - x.fraction)


def _zeros(build: Builder, like: Value) -> Value:
    return build.gather([like], np.full(like.size, -1))


def hard_sigmoid(layer: Layer) -> Value:
    """``nnet::hard_sigmoid``."""
    return layer.cast(_hard(layer))


def hard_tanh(layer: Layer) -> Value:
    """``nnet::hard_tanh``: twice the hard sigmoid, less one."""
    hard = _hard(layer)
    return layer.cast(layer.build.scaled(hard, 2, plus=-(1 << hard.fraction)))


def _hard(layer: Layer) -> Value:
    """A straight line from zero to one."""
    slope, slope_type = layer.parameter("slope", "slope_t")
    shift, shift_type = layer.parameter("shift", "shift_t")
    x = layer.build.with_fraction(
        layer.x, max(shift_type.fraction - slope_type.fraction, -slope_type.fraction)
    )
    fraction = x.fraction + slope_type.fraction
    line = layer.build.scaled(
        x, slope, slope_type.fraction, plus=shift << (fraction - shift_type.fraction)
    )
    return layer.build.clip(line, 0, 1 << fraction)


def centred_table(layer: Layer) -> Value:
    """``nnet::sigmoid`` and its like: a table around zero."""
    size, span = layer.number("table_size"), int(FUNCTIONS[layer.node.function][1])
    index = _whole(layer, size, span)
    half = span // 2 * size // span
    index = layer.build.clip(index, -half, size - 1 - half)
    return _looked_up(layer, layer.build.scaled(index, 1, plus=half), _table(layer, size))


def elu(layer: Layer) -> Value:
    """``nnet::elu``: the number itself, or below zero a table's entry times a parameter."""
    alpha, type_ = 1, BIT
    if "param_t" in layer.node.types:
        alpha, type_ = layer.parameter("activ_param", "param_t")
    size, table_type = layer.number("table_size"), layer.type("table_t")
    table = table_of("elu", size, table_type) * alpha
    below = _below_zero(layer, size, table, table_type.fraction + type_.fraction)
    return layer.build.select(layer.x, layer.cast(layer.x), below)


def selu(layer: Layer) -> Value:
    """``nnet::selu``."""
    type_ = layer.x_type if layer.streams else FixedPoint(16, 1, signed=False)
    slope = words_of(np.array(1.0507009873554804934193349852946), type_)
    above = layer.build.scaled(layer.x, slope, type_.fraction)
    size, table_type = layer.number("table_size"), layer.type("table_t")
    below = _below_zero(layer, size, table_of("selu", size, table_type), table_type.fraction)
    return layer.build.select(layer.x, layer.cast(above), below)


def _below_zero(layer: Layer, size: int, table: IntArray, fraction: int) -> Value:
    """A table from zero downwards, which spans eight."""
    index = layer.build.clip(_whole(layer, size, 8), 1 - size, 0)
    words = words_in(table[::-1], fraction, layer.result)
    return layer.build.lookup(
        layer.build.scaled(index, 1, plus=size - 1), words, layer.result.fraction
    )


def _table(layer: Layer, size: int) -> IntArray:
    """The layer's own table, in the layer's result."""
    type_ = layer.type("table_t")
    return words_in(table_of(layer.node.function, size, type_), type_.fraction, layer.result)


def _looked_up(layer: Layer, index: Value, table: IntArray) -> Value:
    return layer.build.lookup(index, table, layer.result.fraction)


def _whole(layer: Layer, size: int, span: int) -> Value:
    """``x · size / span`` as C's int: first the quotient, then the number, is cut off."""
    if layer.x_type.integer + INT.width < 1:
        raise layer.refusal("reads numbers far below one, which hls4ml's C++ converts wrongly")
    common = gcd(size, span)
    factor, divisor = size // common, span // common
    if divisor == 1 and factor & (factor - 1) == 0:
        bits = factor.bit_length() - 1
        whole = layer.build.cast(layer.x, replace(INT, integer=INT.width - bits))
    else:
        product = layer.build.scaled(layer.x, factor)
        whole = layer.build.cast(layer.build.quotient(product, 0, divisor), INT)
    if not interval(whole).within(INT.lowest + size, INT.highest - size):
        raise layer.refusal("looks numbers up that are too great for C's int")
    return whole


def binary_tanh(layer: Layer) -> Value:
    """``nnet::binary_tanh``: one, or minus one below zero."""
    if layer.result == BIT:
        raise layer.refusal("makes single bits")
    sign = layer.build.clip(layer.build.scaled(layer.x, 1, plus=1), 0, 1)
    return _looked_up(layer, sign, words_in(np.array([-1, 1]), 0, layer.result))


def ternary_tanh(layer: Layer) -> Value:
    """``nnet::ternary_tanh``: one above one, minus one up to minus one, zero between."""
    build, x = layer.build, layer.x
    if not layer.streams:
        x = build.cast(build.scaled(x, 2), layer.x_type)
    x = build.with_fraction(x, 0)
    one = 1 << x.fraction
    above = build.clip(build.scaled(x, 1, plus=-one), 0, 1)
    below = build.clip(build.scaled(x, 1, plus=one), 0, 1)
    both = build.dot(
        build.gather([above, below], np.arange(2 * x.size)),
        np.arange(2 * x.size).reshape(2, -1).T,
        np.ones((1, 2, 1), np.int64),
        np.zeros((1, 1), np.int64),
        fraction=0,
    )
    return _looked_up(layer, both, words_in(np.array([-1, 0, 1]), 0, layer.result))


def normalise(layer: Layer) -> Value:
    """``nnet::normalize``, a batch normalisation: a factor and a shift for each channel."""
    scale, fraction = factors(layer, "scale")
    words, type_ = layer.constant("bias")
    x = layer.build.with_fraction(layer.x, type_.fraction - fraction)
    grid = FixedPoint(62, 62 - x.fraction - fraction)
    bias = words_in(words.reshape(-1), type_.fraction, grid)
    return layer.cast(layer.build.scaled(x, scale.reshape(-1), fraction, plus=bias))
