"""HGQ's quantizers, which give each element a type of its own, and its tables."""

from __future__ import annotations

from fpgac.numbers import FixedPoint
from fpgac.program.formats import Formats
from fpgac.program.program import Value
from fpgac.rules.layer import Layer

__all__ = ["quantise", "unary_table"]


def quantise(layer: Layer, formats: Formats) -> Value:
    """The function that hls4ml generates for a quantizer: a cast of its own for each element."""
    of, x = layer.x_type, layer.x
    if of in formats.types and x.interval[0] < of.lowest:
        raise layer.refusal("copies words that the overflow mode of their type never gives")
    return layer.cast(layer.build.cast_each(x, formats))


def unary_table(layer: Layer) -> Value:
    """``nnet::unary_lut``: a table whose places are the words of the input, sign and all."""
    of, table = layer.x_type, layer.constant("table")
    address = layer.build.cast(layer.x, FixedPoint(of.width, of.integer, signed=False))
    if address.interval[1] >= len(table.words):
        raise layer.faulty(f"has a table of {len(table.words)} entries for numbers of {of}")
    return layer.build.lookup(address, table.within(layer.result), layer.result.fraction)
