"""Einsum, of two tensors and of a tensor with weights, and look-ups of rows of weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fpgac.core.graph import Setting
from fpgac.numbers import Rounding
from fpgac.program.contractions import Contraction, contracted, turned
from fpgac.program.program import Value
from fpgac.rules.layer import Layer
from fpgac.rules.sums import Kernel

__all__ = ["einsum", "einsum_dense", "embedding"]


def einsum(layer: Layer) -> Value:
    """``nnet::einsum``."""
    if layer.text("product") != "mult":
        raise layer.refusal(f"multiplies in a way of its own, {layer.text('product')}")
    build, (a, b) = layer.build, layer.values
    a = build.gather([a], turned(_axes(layer, "inp0_shape"), _axes(layer, "inp0_tpose_idxs")))
    b = build.gather([b], turned(_axes(layer, "inp1_shape"), _axes(layer, "inp1_tpose_idxs")))
    numbers = (layer.number(name) for name in ("n_inplace", "n_free0", "n_free1", "n_contract"))
    total = contracted(build, a, b, Contraction(*numbers), layer.type("accum_t"))
    shape, order = _axes(layer, "out_interpert_shape"), _axes(layer, "out_tpose_idxs")
    return build.gather([layer.cast(total)], turned(shape, order))


def einsum_dense(layer: Layer) -> Value:
    """``nnet::einsum_dense``: a matrix product for each place along the axes of a batch."""
    batch, rows = layer.number("n_inplace"), layer.number("n_free_data")
    columns, summed = layer.number("n_free_kernel"), layer.number("n_contract")
    places = turned(_axes(layer, "inp_shape"), _axes(layer, "inp_tpose_idxs"))
    windows = places.reshape(batch, rows, summed).transpose(1, 0, 2).reshape(-1, summed)
    kernel = Kernel.of(layer)
    weights = layer.words(kernel.weights).reshape(batch, summed, columns)
    bias = kernel.bias.words.reshape(batch, rows, columns).transpose(1, 0, 2)
    if (bias == bias[0]).all():
        bias = bias[0]
    else:
        weights = np.tile(weights, (rows, 1, 1))
    kernel = replace(kernel, bias=replace(kernel.bias, words=bias))
    total = kernel.multiply(windows, weights, kernel.order(summed))
    # Sums come row by row, batch by batch; hls4ml's come the other way round.
    sums = np.arange(total.size).reshape(rows, batch, columns).transpose(1, 0, 2)
    shape, order = _axes(layer, "out_interpert_shape"), _axes(layer, "out_tpose_idxs")
    return layer.build.gather([total], sums.reshape(-1)[turned(shape, order)])


def embedding(layer: Layer) -> Value:
    """``nnet::embedding``: for each number, the row of weights that it names."""
    build, of, length = layer.build, layer.x_type, layer.number("n_out")
    if of.fraction or of.rounding is not Rounding.TRN_ZERO:
        raise layer.refusal("looks up rows by numbers that are no ap_int")
    lowest, highest = layer.x.interval
    if lowest < 0 or highest >= layer.number("vocab_size"):
        raise layer.faulty("may look up rows that there are not")
    numbers = build.gather([layer.x], np.repeat(np.arange(layer.x.size), length))
    places = build.scaled(numbers, length, plus=np.arange(length))
    words = layer.constant("embeddings").within(layer.result).reshape(-1)
    return build.lookup(places, words, layer.result.fraction)


def _axes(layer: Layer, name: str) -> tuple[int, ...]:
    axes: Setting | None = layer.node.settings.get(name)
    if not isinstance(axes, tuple):
        raise layer.refusal(f"has no whole numbers as its {name}", "program.no-fixed-point")
    return axes
