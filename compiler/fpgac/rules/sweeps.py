"""Layers that sweep a window over an image: convolutions, poolings, and what pads or crops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fpgac.numbers import FixedPoint, IntArray, Rounding
from fpgac.program.program import Value
from fpgac.rules.layer import Layer
from fpgac.rules.sums import (
    Products,
    factors,
    in_pairs,
    in_turn,
    matrix,
    order_of,
    weighted,
)

__all__ = ["convolution", "depthwise_convolution", "global_pooling", "pooling"]


@dataclass(frozen=True)
class Sweep:
    """A window of ``size`` over an image of ``image``, both (height, width), with its ``stride``.

    ``before`` is how much padding stands above and left of the image, ``places`` how many windows
    there are. An image without a height has the height 1.
    """

    image: tuple[int, int]
    size: tuple[int, int]
    stride: tuple[int, int]
    before: tuple[int, int]
    places: tuple[int, int]

    def pixels(self) -> IntArray:
        """The pixels in each window, shape (windows, pixels); -1 stands for padding."""
        rows, columns = (self._along(axis) for axis in (0, 1))
        pixels = np.where(
            (rows[:, None, :, None] < 0) | (columns[None, :, None, :] < 0),
            -1,
            rows[:, None, :, None] * self.image[1] + columns[None, :, None, :],
        )
        return pixels.reshape(len(rows) * len(columns), -1)

    def _along(self, axis: int) -> IntArray:
        starts = np.arange(self.places[axis]) * self.stride[axis] - self.before[axis]
        found = starts[:, None] + np.arange(self.size[axis])
        return np.where(found < self.image[axis], np.maximum(found, -1), -1)


def _convolving(layer: Layer) -> Sweep:
    """How a convolution sweeps."""
    if layer.number("dilation", 1) != 1:
        raise layer.refusal("is dilated")
    return Sweep(
        image=(layer.number("in_height", 1), layer.number("in_width")),
        size=(layer.number("filt_height", 1), layer.number("filt_width")),
        stride=(layer.number("stride_height", 1), layer.number("stride_width")),
        before=(layer.number("pad_top", 0), layer.number("pad_left")),
        places=(layer.number("out_height", 1), layer.number("out_width")),
    )


def convolution(layer: Layer) -> Value:
    """``nnet::conv_1d_cl``, ``nnet::conv_2d_cl`` and their pointwise kin."""
    sweep, channels = _convolving(layer), layer.number("n_chan")
    pointwise = layer.node.function.startswith("pointwise")
    if layer.streams and not pointwise and sweep.size[0] == 1 and sweep.stride[0] > 1:
        raise layer.refusal("skips rows, which hls4ml's streams do not")
    windows = _spread(sweep.pixels(), channels)
    windows = windows.transpose(0, 2, 1).reshape(len(windows), -1)
    weights, fraction = factors(layer, "weight")
    taps = windows.shape[1]
    reused = not layer.streams and layer.text("strategy") != "latency"
    if reused and taps % layer.number("reuse_factor"):
        raise layer.refusal("has a reuse factor with which hls4ml's C++ aborts")
    weights = matrix(layer, weights, taps, layer.number("n_filt"))
    return weighted(layer, Products(windows, weights, fraction), order_of(layer, taps))


def depthwise_convolution(layer: Layer) -> Value:
    """``nnet::depthwise_conv_1d_cl`` and ``nnet::depthwise_conv_2d_cl``: a filter a channel."""
    sweep, channels = _convolving(layer), layer.number("n_chan")
    if layer.number("n_filt") != channels:
        raise layer.refusal("has several filters for each channel")
    if layer.streams and sweep.size[0] == 1 and sweep.stride[0] > 1:
        raise layer.refusal("skips rows, which hls4ml's streams do not")
    weights, fraction = factors(layer, "weight")
    windows = _by_channel(sweep.pixels(), channels)
    taps = windows.shape[1]
    products = Products(windows, weights.reshape(taps, channels).T[:, :, None], fraction)
    strategy, reuse = layer.text("strategy"), layer.number("reuse_factor")
    if strategy not in {"latency", "resource"}:
        raise layer.refusal(f"has a strategy without an exact form, {strategy}")
    in_order = strategy == "latency" or channels % reuse == 0
    return weighted(layer, products, np.arange(taps) if in_order else None)


def _spread(pixels: IntArray, channels: int) -> IntArray:
    """The elements of pixels, shape (windows, channels, pixels)."""
    elements = pixels[:, None, :] * channels + np.arange(channels)[:, None]
    return np.where(pixels[:, None, :] < 0, -1, elements)


def _by_channel(pixels: IntArray, channels: int) -> IntArray:
    """The elements of each window's pixels, one channel a row: (windows · channels, pixels)."""
    return _spread(pixels, channels).reshape(-1, pixels.shape[1])


def pooling(layer: Layer) -> Value:
    """``nnet::pooling1d_cl`` and ``nnet::pooling2d_cl``."""
    sweep = _pooling(layer)
    pixels = sweep.pixels()
    if (pixels < 0).all(axis=1).any():
        raise layer.refusal("pools padding alone")
    windows = _by_channel(pixels, layer.number("n_filt"))
    if layer.text("pool_op") == "max":
        return layer.assign(_greatest(layer, windows), layer.type("accum_t"))
    divisors = np.full(len(windows), windows.shape[1])
    if not layer.number("count_pad"):
        divisors = (windows >= 0).sum(axis=1)
    accumulator = _averaging(layer)
    if layer.streams:
        x = layer.build.assign(layer.x, layer.x_type, accumulator)
        total = in_pairs(layer.build, x, windows, accumulator)
    else:
        total = in_turn(layer.build, layer.x, windows, accumulator)
    return layer.cast(_divided(layer, total, divisors))


def _pooling(layer: Layer) -> Sweep:
    """How a pooling sweeps."""
    one = "n_in" in layer.node.settings
    sweep = Sweep(
        image=(layer.number("in_height", 1), layer.number("n_in" if one else "in_width")),
        size=(layer.number("pool_height", 1), layer.number("pool_width")),
        stride=(layer.number("stride_height", 1), layer.number("stride_width")),
        before=(layer.number("pad_top", 0), layer.number("pad_left")),
        places=(layer.number("out_height", 1), layer.number("n_out" if one else "out_width")),
    )
    if layer.streams and not one and sweep.size != sweep.stride:
        raise layer.refusal("pools windows that overlap, which hls4ml's streams do not")
    return sweep


def global_pooling(layer: Layer) -> Value:
    """``nnet::global_pooling1d_cl`` and ``nnet::global_pooling2d_cl``."""
    channels = layer.number("n_filt")
    windows = np.arange(layer.x.size).reshape(-1, channels).T
    if layer.text("pool_op") == "max":
        return layer.assign(_greatest(layer, windows), layer.type("accum_t"))
    accumulator = _averaging(layer)
    x = layer.x
    if layer.streams:
        x = layer.build.assign(x, layer.x_type, accumulator)
    total = in_turn(layer.build, x, windows, accumulator)
    return layer.cast(_divided(layer, total, np.full(channels, windows.shape[1])))


def _averaging(layer: Layer) -> FixedPoint:
    """The accumulator of an average."""
    accumulator = layer.type("accum_t")
    if accumulator.fraction == 0 and accumulator.rounding is Rounding.TRN_ZERO:
        raise layer.refusal("averages in whole numbers, whose division is another in C++")
    return accumulator


def _greatest(layer: Layer, windows: IntArray) -> Value:
    """Each window's greatest element, as a word of the accumulator."""
    build, accumulator = layer.build, layer.type("accum_t")
    if layer.streams:
        return build.maximum(build.assign(layer.x, layer.x_type, accumulator), windows)
    greatest = build.maximum(layer.x, windows)
    if not layer.x_type.signed and (windows < 0).any():
        greatest = _padded(layer, greatest, windows)
    return build.assign(greatest, layer.x_type, accumulator)


def _padded(layer: Layer, greatest: Value, windows: IntArray) -> Value:
    """hls4ml pads with the first bit alone: the least number, but without a sign a great one."""
    padding = 1 << (layer.x_type.width - 1)
    clipped = layer.build.clip(greatest, padding, max(padding, greatest.interval[1]))
    places = np.arange(len(windows))
    index = np.where((windows < 0).any(axis=1), places + len(windows), places)
    return layer.build.gather([greatest, clipped], index)


def _divided(layer: Layer, total: Value, divisors: IntArray) -> Value:
    """Each sum over its own divisor, cut off towards zero."""
    kinds, index = np.unique(divisors, return_inverse=True)
    parts = [layer.build.quotient(total, 0, int(kind)) for kind in kinds]
    if len(parts) == 1:
        return parts[0]
    return layer.build.gather(parts, index * total.size + np.arange(total.size))
