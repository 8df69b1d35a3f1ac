"""Types that hold given floats, word for word."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fpgac.network.imports.draft import Numbers
from fpgac.numbers import WIDEST, FixedPoint, Overflow, Rounding

__all__ = ["exact_type", "on_type", "rounding_type"]

Floats = npt.NDArray[np.float64]


def exact_type(values: Floats) -> FixedPoint | None:
    """The narrowest type that holds all values as they are; None where none is narrow enough.

    >>> str(exact_type(np.array([0.5, -1.25])))
    'ap_fixed<4,2>'
    """
    fraction = _fraction(values)
    if fraction is None:
        return None
    lowest, highest = float(values.min(initial=0)), float(values.max(initial=0))
    signed = lowest < 0
    scaled = max(highest * 2.0**fraction, -lowest * 2.0**fraction - 1)
    bits = max(int(scaled).bit_length(), 1 - signed)
    width = bits + signed
    return FixedPoint(width, width - fraction, signed) if width <= WIDEST else None


def _fraction(values: Floats) -> int | None:
    """The bits behind the point that all values need; None beyond 64."""
    if not np.isfinite(values).all():
        return None
    nonzero = values[values != 0]
    if not nonzero.size:
        return 0
    mantissas, exponents = np.frexp(nonzero)
    odd = (mantissas * 2.0**53).astype(np.int64)
    trailing = np.log2((odd & -odd).astype(np.float64)).astype(np.int64)
    fraction = int((53 - trailing - exponents).max())
    return fraction if abs(fraction) <= 64 else None


def on_type(values: Floats) -> Numbers:
    """Values that a quantiser gave, with the type that holds them, if there is one."""
    return Numbers(values, exact_type(values))


def rounding_type(bits: int, values: Floats) -> FixedPoint:
    """The type of so many bits, with a sign, that holds the values' range best: rounding to the
    nearest even, saturating.
    """
    greatest = float(np.abs(values).max(initial=0))
    integer = _integer(greatest, bits) if greatest else 1
    return FixedPoint(bits, integer, True, Rounding.RND_CONV, Overflow.SAT)


def _integer(greatest: float, bits: int) -> int:
    """The bits before the point with which ``greatest`` does not saturate, the sign included."""
    integer = int(np.ceil(np.log2(greatest))) + 1
    # The greatest word is a step less than a power of two.
    while np.rint(np.ldexp(greatest, bits - integer)) > 2 ** (bits - 1) - 1:
        integer += 1
    return integer
