"""Where a network's bits go, layer by layer: what a format offers, what of it is used, and what
is lost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fpgac.reports.resolution import Table

__all__ = ["LayerPrecision", "precision_table"]


@dataclass(frozen=True)
class LayerPrecision:
    """One layer's results over all samples and elements.

    ``fraction`` is how many bits lie behind the point of its words of ``bits`` bits, the sign's
    included where they are ``signed``. ``lowest`` and ``highest`` are the numbers seen, and
    ``leading[k]`` is the part of the words whose magnitude needs ``k`` bits, so that
    ``leading[0]`` are the zeros.

    ``wrapped`` and ``saturated`` are the parts of the words that were out of the range of the
    layer's formats. ``signal`` is the root mean square of what the results would be in real
    arithmetic throughout (where a format saturates, it still does), ``error`` that of the chip's
    distance from it, and ``own_error`` that of the distance which this layer alone adds.
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
        """The bits by which the results stand out of their error: log2 of signal over error."""
        return _ratio_bits(self.signal, self.error)

    @property
    def own_precise_bits(self) -> float:
        """The same for the error that this layer alone adds."""
        return _ratio_bits(self.signal, self.own_error)


def _ratio_bits(signal: float, error: float) -> float:
    if error == 0:
        return math.inf
    return math.log2(signal / error) if signal else -math.inf


def precision_table(layers: Sequence[LayerPrecision]) -> Table:
    """Rows of text for people, the first one the titles."""
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
