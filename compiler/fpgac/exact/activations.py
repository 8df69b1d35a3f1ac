"""Layers that take each number by itself: the ReLUs."""

from __future__ import annotations

from fpgac.exact.layer import Layer
from fpgac.exact.program import Value

__all__ = ["linear", "relu"]


def linear(layer: Layer) -> Value:
    """``nnet::linear``: the number in another type."""
    return layer.build.cast(layer.x, layer.result)


def relu(layer: Layer) -> Value:
    """``nnet::relu``."""
    return layer.build.cast(layer.build.at_least(layer.x, 0), layer.result)
