"""The greatest element, or the average, of each window."""

from __future__ import annotations

import numpy as np

from fpgac.numbers import FixedPoint, IntArray
from fpgac.program.builder import Builder
from fpgac.program.program import Value

__all__ = ["averaged", "greatest"]


def greatest(build: Builder, x: Value, of: FixedPoint, windows: IntArray) -> Value:
    """Each window's greatest element; ``x`` holds words of ``of``, and is padded with its least.

    hls4ml's least word is the first bit alone: of a type without a sign it is a great one.
    """
    found = build.maximum(x, windows)
    if of.signed or (windows >= 0).all():
        return found
    padding = 1 << (of.width - 1)
    clipped = build.clip(found, padding, max(padding, found.interval[1]))
    places = np.arange(len(windows))
    index = np.where((windows < 0).any(axis=1), places + len(windows), places)
    return build.gather([found, clipped], index)


def averaged(build: Builder, total: Value, divisors: IntArray, to: FixedPoint) -> Value:
    """Each sum over its own divisor, cut off towards zero, as words of ``to``."""
    kinds, index = np.unique(divisors, return_inverse=True)
    parts = [build.quotient(total, 0, int(kind)) for kind in kinds]
    if len(parts) > 1:
        parts = [build.gather(parts, index * total.size + np.arange(total.size))]
    return build.cast(parts[0], to)
