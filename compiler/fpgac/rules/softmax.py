"""The softmax in hls4ml's ways of computing it."""

from __future__ import annotations

from fpgac.numbers import FixedPoint, IntArray
from fpgac.program.activations import Table
from fpgac.program.program import Value
from fpgac.program.softmax import (
    SoftmaxTables,
    below_greatest,
    first_greatest,
    slices_of,
    softmax_by_differences,
)
from fpgac.program.softmax import softmax as by_tables
from fpgac.rules.layer import Layer

__all__ = ["softmax"]


_LEGACY = FixedPoint(18, 8)


def softmax(layer: Layer) -> Value:
    """``nnet::softmax`` and ``nnet::softmax_multidim``."""
    build, slices, to = layer.build, _slices(layer), layer.result
    match layer.text("implementation"):
        case "latency":
            return by_tables(build, layer.x, layer.x_type, slices, _tables(layer), to)
        case "stable":
            norm = layer.type("inp_norm_t")
            below = below_greatest(build, layer.x, slices, norm)
            return by_tables(build, below, norm, slices, _tables(layer), to, negative=True)
        case "legacy":
            sums, inverses = _tables_of_differences(layer)
            return softmax_by_differences(build, layer.x, layer.x_type, slices, sums, inverses, to)
        case "argmax":
            return first_greatest(build, layer.x, slices, to)
    raise layer.refusal(f"is a softmax of the kind {layer.text('implementation')}")


def _slices(layer: Layer) -> IntArray:
    """The elements that are to add up to one, shape (slices, elements)."""
    if layer.streams:
        return slices_of((layer.x.size // layer.x_shape[-1], layer.x_shape[-1]))
    inner, outer = layer.number("n_inner"), layer.number("n_outer")
    return slices_of((outer, layer.x.size // (inner * outer), inner), axis=1)


def _tables_of_differences(layer: Layer) -> tuple[Table, Table]:
    """hls4ml's struct names neither their type nor, for streams, their size: defaults hold."""
    if layer.streams:
        return Table(1024, _LEGACY), Table(1024, _LEGACY)
    sizes = layer.number("exp_table_size"), layer.number("inv_table_size")
    return Table(sizes[0], _LEGACY), Table(sizes[1], _LEGACY)


def _tables(layer: Layer) -> SoftmaxTables:
    return SoftmaxTables(
        exponential=layer.type("exp_table_t"),
        exponential_size=layer.number("exp_table_size"),
        sum=layer.type("accum_t"),
        total=layer.type("inv_inp_t"),
        inverse=layer.type("inv_table_t"),
        inverse_size=layer.number("inv_table_size"),
        scale=layer.real("exp_scale", 1.0),
    )
