"""Layers that take each number by itself: ReLUs, thresholds, and functions kept in tables."""

from __future__ import annotations

import numpy as np

from fpgac.numbers import FixedPoint
from fpgac.program import activations
from fpgac.program.activations import Table
from fpgac.program.normalisation import Roots, layer_normalised
from fpgac.program.program import Value
from fpgac.program.words import Words
from fpgac.rules.layer import BIT, Layer
from fpgac.rules.sums import factors

__all__ = [
    "binary_tanh",
    "centred_table",
    "elu",
    "hard_sigmoid",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "normalise",
    "normalise_rows",
    "normalised_bits",
    "normalised_signs",
    "prelu",
    "relu",
    "relu_to",
    "selu",
    "ternary_tanh",
    "thresholded_relu",
]


def linear(layer: Layer) -> Value:
    """``nnet::linear`` and all that only copies numbers into another type."""
    return layer.assign(layer.x, layer.x_type)


def relu(layer: Layer) -> Value:
    """``nnet::relu``."""
    return activations.relu(layer.build, layer.x, layer.result)


def relu_to(layer: Layer, highest: int) -> Value:
    """``nnet::relu_max``: no more than ``highest``."""
    return activations.relu_to(layer.build, layer.x, highest, layer.result)


def leaky_relu(layer: Layer) -> Value:
    """``nnet::leaky_relu``."""
    slope = layer.parameter("activ_param", "param_t")
    return activations.sloped(layer.build, layer.x, slope, layer.result)


def prelu(layer: Layer) -> Value:
    """``nnet::prelu``: a slope for each element."""
    constant = layer.constant("param")
    slopes = Words(constant.words.reshape(-1), constant.fraction)
    return activations.sloped(layer.build, layer.x, slopes, layer.result)


def thresholded_relu(layer: Layer) -> Value:
    """``nnet::thresholded_relu``."""
    threshold = layer.parameter("activ_param", "param_t")
    return activations.thresholded(layer.build, layer.x, layer.x_type, threshold, layer.result)


def hard_sigmoid(layer: Layer) -> Value:
    """``nnet::hard_sigmoid``."""
    return activations.hard_sigmoid(layer.build, layer.x, *_line(layer), layer.result)


def hard_tanh(layer: Layer) -> Value:
    """``nnet::hard_tanh``."""
    return activations.hard_tanh(layer.build, layer.x, *_line(layer), layer.result)


def _line(layer: Layer) -> tuple[Words, Words]:
    return layer.parameter("slope", "slope_t"), layer.parameter("shift", "shift_t")


def centred_table(layer: Layer) -> Value:
    """``nnet::sigmoid`` and its like: a table around zero."""
    function, table = layer.node.function, _table(layer)
    return activations.centred_table(
        layer.build, layer.x, layer.x_type, function, table, layer.result
    )


def elu(layer: Layer) -> Value:
    """``nnet::elu``."""
    alpha = Words(np.array(1), 0)
    if "param_t" in layer.node.types:
        alpha = layer.parameter("activ_param", "param_t")
    return activations.elu(layer.build, layer.x, layer.x_type, alpha, _table(layer), layer.result)


def selu(layer: Layer) -> Value:
    """``nnet::selu``."""
    type_ = layer.x_type if layer.streams else FixedPoint(16, 1, signed=False)
    slope = Words.of(1.0507009873554804934193349852946, type_)
    return activations.selu(layer.build, layer.x, layer.x_type, slope, _table(layer), layer.result)


def _table(layer: Layer) -> Table:
    return Table(layer.number("table_size"), layer.type("table_t"))


def binary_tanh(layer: Layer) -> Value:
    """``nnet::binary_tanh``."""
    if layer.result == BIT:
        return activations.reached(layer.build, layer.x, Words(np.zeros(1, np.int64), 0))
    return activations.binary_tanh(layer.build, layer.x, layer.result)


def normalised_bits(layer: Layer) -> Value:
    """``nnet::normalize_binary_tanh``, whose thresholds hold a batch normalisation."""
    return activations.reached(layer.build, layer.x, layer.constant("threshold"))


def normalised_signs(layer: Layer) -> Value:
    """``nnet::normalize_ternary_tanh``, whose thresholds hold a batch normalisation."""
    high, low = layer.constant("threshold_hi"), layer.constant("threshold_lo")
    return activations.between(layer.build, layer.x, high, low)


def ternary_tanh(layer: Layer) -> Value:
    """``nnet::ternary_tanh``; without streams it compares twice the number."""
    x = layer.x
    if not layer.streams:
        x = layer.build.cast(layer.build.scaled(x, 2), layer.x_type)
    return activations.ternary_tanh(layer.build, x, layer.result)


def normalise_rows(layer: Layer) -> Value:
    """``nnet::layernormalize``."""
    if layer.text("product") != "mult":
        raise layer.refusal(f"multiplies in a way of its own, {layer.text('product')}")
    epsilon = 10.0 ** -layer.number("epsilon_power_of_10")
    roots = Roots(_table(layer), epsilon, layer.number("table_range_power2"))
    return layer_normalised(
        layer.build,
        layer.x,
        layer.number("seq_len"),
        layer.type("accum_t"),
        roots,
        layer.constant("scale"),
        layer.constant("bias"),
        layer.result,
    )


def normalise(layer: Layer) -> Value:
    """``nnet::normalize``, a batch normalisation."""
    scale, windows = layer.array("scale"), np.arange(layer.x.size)[:, None]
    words, order = layer.words(scale).reshape(-1, 1, 1), np.zeros(1, np.int64)
    given = factors(
        layer, layer.x, layer.x_type, layer.text("product"), scale, windows, words, order
    )
    if given.products.weights.shape != words.shape:
        raise layer.faulty("loses bits of its products with powers of two")
    factor = Words(given.products.weights, given.products.fraction)
    bias = layer.constant("bias")
    return activations.normalised(layer.build, given.x, factor, bias, layer.result)
