"""Layers that sweep a window over an image: convolutions, poolings, and what pads or crops."""

from __future__ import annotations

import numpy as np

from fpgac.numbers import FixedPoint, IntArray, Rounding
from fpgac.program.pooling import averaged, greatest
from fpgac.program.program import Value
from fpgac.program.sums import in_pairs, in_turn
from fpgac.program.windows import Sweep, by_channel, spread
from fpgac.rules.layer import Layer
from fpgac.rules.sums import Kernel

__all__ = ["convolution", "depthwise_convolution", "global_pooling", "pooling"]


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
        raise layer.faulty("skips rows, which hls4ml's streams do not")
    windows, kernel = spread(sweep.pixels(), channels), Kernel.of(layer)
    taps = windows.shape[1]
    reused = not layer.streams and layer.text("strategy") != "latency"
    if reused and taps % layer.number("reuse_factor"):
        raise layer.faulty("has a reuse factor with which hls4ml's C++ aborts")
    return kernel.multiply(windows, kernel.matrix(taps, layer.number("n_filt")), kernel.order(taps))


def depthwise_convolution(layer: Layer) -> Value:
    """``nnet::depthwise_conv_1d_cl`` and ``nnet::depthwise_conv_2d_cl``: a filter a channel."""
    sweep, channels = _convolving(layer), layer.number("n_chan")
    if layer.number("n_filt") != channels:
        raise layer.refusal("has several filters for each channel")
    if layer.streams and sweep.size[0] == 1 and sweep.stride[0] > 1:
        raise layer.faulty("skips rows, which hls4ml's streams do not")
    kernel, windows = Kernel.of(layer), by_channel(sweep.pixels(), channels)
    taps = windows.shape[1]
    filters = layer.words(kernel.weights).reshape(taps, channels).T[:, :, None]
    strategy, reuse = layer.text("strategy"), layer.number("reuse_factor")
    if strategy not in {"latency", "resource"}:
        raise layer.refusal(f"has a strategy without an exact form, {strategy}")
    if strategy == "resource" and not layer.streams:
        raise layer.faulty("has a strategy with which hls4ml's C++ aborts")
    in_order = strategy == "latency" or channels % reuse == 0
    return kernel.multiply(windows, filters, np.arange(taps) if in_order else None)


def pooling(layer: Layer) -> Value:
    """``nnet::pooling1d_cl`` and ``nnet::pooling2d_cl``."""
    sweep = _pooling(layer)
    pixels = sweep.pixels()
    if (pixels < 0).all(axis=1).any():
        raise layer.faulty("pools padding alone")
    windows = by_channel(pixels, layer.number("n_filt"))
    if layer.text("pool_op") == "max":
        return _greatest(layer, windows)
    divisors = np.full(len(windows), windows.shape[1])
    if not layer.number("count_pad"):
        divisors = (windows >= 0).sum(axis=1)
    accumulator = _averaging(layer)
    if layer.streams:
        x = layer.build.assign(layer.x, layer.x_type, accumulator)
        total = in_pairs(layer.build, x, windows, accumulator)
    else:
        total = in_turn(layer.build, layer.x, windows, accumulator)
    return averaged(layer.build, total, divisors, layer.result)


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
        raise layer.faulty("pools windows that overlap, which hls4ml's streams do not")
    return sweep


def global_pooling(layer: Layer) -> Value:
    """``nnet::global_pooling1d_cl`` and ``nnet::global_pooling2d_cl``."""
    channels = layer.number("n_filt")
    windows = np.arange(layer.x.size).reshape(-1, channels).T
    if layer.text("pool_op") == "max":
        return _greatest(layer, windows)
    accumulator = _averaging(layer)
    x = layer.x
    if layer.streams:
        x = layer.build.assign(x, layer.x_type, accumulator)
    total = in_turn(layer.build, x, windows, accumulator)
    divisors = np.full(channels, windows.shape[1])
    return averaged(layer.build, total, divisors, layer.result)


def _averaging(layer: Layer) -> FixedPoint:
    """The accumulator of an average."""
    accumulator = layer.type("accum_t")
    if accumulator.fraction == 0 and accumulator.rounding is Rounding.TRN_ZERO:
        raise layer.faulty("averages in whole numbers, whose division is another in C++")
    return accumulator


def _greatest(layer: Layer, windows: IntArray) -> Value:
    """Each window's greatest element; streams hold words of the accumulator."""
    build, accumulator = layer.build, layer.type("accum_t")
    if layer.streams:
        x = build.assign(layer.x, layer.x_type, accumulator)
        return layer.assign(build.maximum(x, windows), accumulator)
    found = greatest(build, layer.x, layer.x_type, windows)
    return layer.assign(build.assign(found, layer.x_type, accumulator), accumulator)
