"""Numbers put in other places, and two tensors put together."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from fpgac.numbers import FixedPoint, IntArray
from fpgac.program.builder import Builder
from fpgac.program.program import Combination, Value

__all__ = ["average", "combined", "concatenated", "nearest", "places"]


def places(shape: Sequence[int]) -> IntArray:
    """Every element's place in a tensor of that shape."""
    return np.arange(prod(shape)).reshape(shape)


def nearest(size: int, new: int) -> IntArray:
    """Which of ``size`` lines each of ``new`` lines shows, as hls4ml resizes images."""
    return np.arange(new) * ((size << 16) // new + 1) >> 16


def concatenated(
    build: Builder, parts: Sequence[Value], shapes: Sequence[Sequence[int]], axis: int
) -> Value:
    """Tensors of one type, one after the other along an axis."""
    ends = np.cumsum([0, *(part.size for part in parts)])
    shaped = [places(shape) + start for shape, start in zip(shapes, ends, strict=False)]
    return build.gather(parts, np.concatenate(shaped, axis=axis).reshape(-1))


def combined(build: Builder, a: Value, b: Value, how: Combination) -> Value:
    """Two tensors element by element, the shorter one over and over; nothing rounds."""
    size = max(a.size, b.size)
    a, b = (build.gather([value], np.arange(size) % value.size) for value in (a, b))
    return build.combine(a, b, how)


def average(build: Builder, a: Value, b: Value, to: FixedPoint) -> Value:
    """Half the sum."""
    total = combined(build, a, b, Combination.ADD)
    return build.cast(build.scaled(total, 1, 1), to)
