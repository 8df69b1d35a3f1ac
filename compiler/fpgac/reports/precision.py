"""The range and the precision of each layer: what its format offers, and what is used and lost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fpgac.reports.html import table_html
from fpgac.reports.resolution import Table

__all__ = ["LayerPrecision", "Trace", "precision_table"]


@dataclass(frozen=True)
class LayerPrecision:
    """One layer's results over all samples and elements.

    Its words have ``bits`` bits, including the sign if they are ``signed``, of which ``fraction``
    are fraction bits. ``lowest`` and ``highest`` are the numbers seen, and ``leading[k]`` is the
    fraction of the words whose magnitude needs ``k`` bits, so that ``leading[0]`` are the zeros.

    ``wrapped`` and ``saturated`` are the fractions of the words that were out of range of the
    layer's formats. ``signal`` is the root mean square of the results in real arithmetic
    throughout (except that formats that saturate still do), ``error`` that of the chip's
    difference from them, and ``own_error`` that of the difference that this layer alone adds.
    """

    name: str
    bits: int
    fraction: int
    signed: bool
    lowest: float
    highest: float
    leading: tuple[float, ...]
    wrapped: float
    saturated: float
    signal: float
    error: float
    own_error: float

    @property
    def top(self) -> int:
        """The power of two just above the format's range."""
        return self.bits - self.signed - self.fraction

    @property
    def idle_bits(self) -> int:
        """Leading bits that no word needed."""
        used = max((k for k, part in enumerate(self.leading) if part), default=0)
        return self.bits - self.signed - used

    @property
    def precise_bits(self) -> float:
        """The bits of the results that are above their error: log2(signal / error)."""
        return _ratio_bits(self.signal, self.error)

    @property
    def own_precise_bits(self) -> float:
        """The same for the error that this layer alone adds."""
        return _ratio_bits(self.signal, self.own_error)


@dataclass(frozen=True)
class Trace:
    """Where a network's bits go: its ``layers`` in order, shown as a table in notebooks."""

    layers: tuple[LayerPrecision, ...]

    def _repr_html_(self) -> str:
        titles, *rows = precision_table(self.layers)
        return table_html(titles, rows)


def _ratio_bits(signal: float, error: float) -> float:
    if error == 0:
        return math.inf
    return math.log2(signal / error) if signal else -math.inf


def precision_table(layers: Sequence[LayerPrecision]) -> Table:
    """The table to print: rows of text, the first one the titles."""
    titles = (
        *("layer", "format", "range seen", "idle bits", "zeros", "wrapped", "saturated"),
        *("precise bits", "of this layer"),
    )
    return (titles, *(_row(layer) for layer in layers))


def _row(layer: LayerPrecision) -> tuple[str, ...]:
    kind = "fixed" if layer.signed else "ufixed"
    return (
        layer.name,
        f"{kind}<{layer.bits},{layer.bits - layer.fraction}>",
        f"{layer.lowest:.4g} to {layer.highest:.4g}",
        str(layer.idle_bits),
        _percent(layer.leading[0]),
        _percent(layer.wrapped),
        _percent(layer.saturated),
        _bits(layer.precise_bits),
        _bits(layer.own_precise_bits),
    )


def _percent(part: float) -> str:
    if part == 0:
        return "0"
    return "< 0.001 %" if part < 1e-5 else f"{100 * part:.3g} %"


def _bits(bits: float) -> str:
    return "exact" if bits == math.inf else f"{bits:.1f}"
