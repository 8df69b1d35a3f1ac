"""Layers that put numbers in other places, or two tensors together."""

from __future__ import annotations

import numpy as np

from fpgac.numbers import IntArray
from fpgac.program import arrangements
from fpgac.program.arrangements import nearest, places
from fpgac.program.program import Combination, Value
from fpgac.program.sums import Products, accumulated
from fpgac.rules.layer import Layer

__all__ = [
    "average",
    "broadcast",
    "combined",
    "concatenate",
    "crop",
    "dot_product",
    "pad",
    "repack",
    "resize",
    "transpose",
]


def _placed(layer: Layer, index: IntArray) -> Value:
    placed = layer.build.gather([layer.x], index.reshape(-1))
    return layer.assign(placed, layer.x_type)


def repack(layer: Layer) -> Value:
    """``nnet::repack_stream``: the same numbers in items of another size."""
    lanes = sorted((layer.tensors[0].lanes, layer.node.outputs[0].lanes))
    if lanes[1] % lanes[0]:
        raise layer.faulty(f"repacks a stream of {lanes[0]} lanes and one of {lanes[1]}")
    return layer.assign(layer.x, layer.x_type)


def transpose(layer: Layer) -> Value:
    """``nnet::transpose``."""
    order = layer.node.settings.get("perm")
    if not isinstance(order, tuple):
        raise layer.refusal("has no order of its axes")
    if layer.streams and order == (0, 1):
        raise layer.faulty("transposes nothing, where hls4ml's streams exchange rows and columns")
    return _placed(layer, places(layer.x_shape).transpose(order))


def pad(layer: Layer) -> Value:
    """``nnet::zeropad1d_cl`` and ``nnet::zeropad2d_cl``."""
    above, below = layer.number("pad_top", 0), layer.number("pad_bottom", 0)
    left, right = layer.number("pad_left"), layer.number("pad_right")
    sides = ((above, below), (left, right), (0, 0))
    return _placed(layer, np.pad(_image(layer), sides, constant_values=-1))


def crop(layer: Layer) -> Value:
    """``nnet::cropping1d_cl`` and ``nnet::cropping2d_cl``."""
    top, left = layer.number("crop_top", 0), layer.number("crop_left")
    height, width = layer.number("out_height", 1), layer.number("out_width")
    return _placed(layer, _image(layer)[top : top + height, left : left + width])


def resize(layer: Layer) -> Value:
    """``nnet::resize_nearest``."""
    image = _image(layer)
    rows, columns = (
        nearest(size, layer.number(name, 1))
        for size, name in zip(image.shape, ("out_height", "out_width"), strict=False)
    )
    return _placed(layer, image[rows][:, columns])


def _image(layer: Layer) -> IntArray:
    """Every element's place, shape (height, width, channels)."""
    shape = (layer.number("in_height", 1), layer.number("in_width"), layer.number("n_chan"))
    return places(shape)


def broadcast(layer: Layer) -> Value:
    """``nnet::broadcast_stream``."""
    before, after = (
        tuple(layer.number(f"{side}_{axis}") for axis in ("height", "width", "chan"))
        for side in ("in", "out")
    )
    return _placed(layer, np.broadcast_to(places(before), after))


def concatenate(layer: Layer) -> Value:
    """``nnet::concatenate1d`` to ``nnet::concatenate3d``."""
    parts = [layer.assign(x, layer.type_of(place)) for place, x in enumerate(layer.values)]
    axis = layer.number("axis")
    shapes = [tensor.shape for tensor in layer.tensors]
    return arrangements.concatenated(layer.build, parts, shapes, axis - 1 if axis > 0 else axis)


def combined(layer: Layer, how: Combination) -> Value:
    """``nnet::add`` and its like, the shorter tensor over and over."""
    result = arrangements.combined(layer.build, *_both(layer), how)
    if how in {Combination.MAXIMUM, Combination.MINIMUM} and layer.x_type == layer.type_of(1):
        return layer.assign(result, layer.x_type)
    return layer.cast(result)


def average(layer: Layer) -> Value:
    """``nnet::average``: half the sum."""
    return arrangements.average(layer.build, *_both(layer), layer.result)


def _both(layer: Layer) -> tuple[Value, Value]:
    a, b = layer.values
    return a, b


def dot_product(layer: Layer) -> Value:
    """``nnet::dot1d``: the sum of the products of two tensors' elements."""
    if layer.text("product") != "mult":
        raise layer.refusal(f"multiplies in a way of its own, {layer.text('product')}")
    accumulator = layer.type("accum_t")
    product = layer.build.combine(*_both(layer), Combination.MULTIPLY)
    ones = Products.ones(np.arange(product.size)[None])
    nothing = np.zeros((1, 1), np.int64)
    total = accumulated(layer.build, product, ones, nothing, accumulator, np.arange(product.size))
    return layer.cast(total)
