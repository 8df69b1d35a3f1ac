"""Products that are no plain products: with powers of two by shifts, and with single bits.

hls4ml computes these in forms of their own. Each is a sum of plain products again once the weights
choose between several versions of what they multiply.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fpgac.numbers import FixedPoint, IntArray
from fpgac.program.builder import Builder
from fpgac.program.program import Value
from fpgac.program.ranges import WIDEST, NotExact
from fpgac.program.sums import Products

__all__ = ["Factors", "Powers", "equal_bits", "shifted", "signs"]


@dataclass(frozen=True, eq=False)
class Factors:
    """What is multiplied with ``products``, and the ``order`` in which they are added."""

    x: Value
    products: Products
    order: IntArray | None


@dataclass(frozen=True, eq=False)
class Powers:
    """Powers of two: exponents of ``bits`` bits, and which of them are ``negative``; one shape."""

    exponents: IntArray
    negative: IntArray
    bits: int


def signs(build: Builder, given: Factors) -> Factors:
    """Single bits that count as one and as minus one; so does what pads, a zero."""
    x, windows = _padded(build, given)
    x = build.scaled(x, 2, plus=-1)
    return replace(given, x=x, products=replace(given.products, windows=windows))


def equal_bits(build: Builder, given: Factors) -> Factors:
    """One wherever two single bits are equal, and zero elsewhere; what pads is a zero."""
    x, windows = _padded(build, given)
    weights = given.products.weights
    versions = [x, build.scaled(x, -1, plus=1)]
    padded = replace(given, products=Products(windows, np.ones_like(weights), 0))
    return _chosen(build, padded, versions, 1 - weights)


def shifted(
    build: Builder,
    x: Value,
    of: FixedPoint,
    windows: IntArray,
    powers: Powers,
    order: IntArray | None,
) -> Factors:
    """Products with powers of two, in a type of twice the bits of both factors.

    A number, a word of ``of``, is first cast to that type and then shifted in it; whatever leaves
    it on the right is lost.

    Raises:
        NotExact: a number may leave that type on the left.
    """
    half, exponents, fraction = of.width + powers.bits, powers.exponents, of.fraction
    size = max(abs(end) for end in x.interval)
    farthest = size * 2.0 ** (max(0, int(exponents.max())) - fraction)
    if fraction > half or farthest >= 2.0 ** (half - 1):
        reason = "it shifts numbers out of the type of hls4ml's products"
        raise NotExact(reason, "program.faulty-cpp")
    lost = np.where(exponents < fraction - half, exponents, 0)
    kinds = np.unique(lost[lost < 0])
    # What is cut off has the weight of that type's last bit.
    shifts = np.where(lost < 0, fraction - half, exponents)
    behind = max(0, -int(shifts.min()))
    if behind + int(shifts.max()) > WIDEST:
        raise NotExact("its powers of two are too far from each other")
    weights = np.where(powers.negative, -1, 1) << (shifts + behind)
    given = Factors(x, Products(windows, weights, behind), order)
    if not kinds.size:
        return given
    versions = [x, *(_cut_off(build, x, half + int(kind)) for kind in kinds)]
    which = np.where(lost < 0, np.searchsorted(kinds, lost) + 1, 0)
    return _chosen(build, given, versions, which)


def _cut_off(build: Builder, x: Value, fraction: int) -> Value:
    """The words of ``x`` with so many bits behind the point, as if they had those of ``x``."""
    words = build.cast(x, FixedPoint(WIDEST, WIDEST - fraction))
    ones, nothing = np.ones((1, 1, 1), np.int64), np.zeros((1, 1), np.int64)
    return build.dot(words, np.arange(x.size)[:, None], ones, nothing, fraction=x.fraction)


def _padded(build: Builder, given: Factors) -> tuple[Value, IntArray]:
    """``x`` with a zero at its end where windows need one, and the windows that read it."""
    x, windows = given.x, given.products.windows
    if (windows >= 0).all():
        return x, windows
    padded = build.gather([x], np.append(np.arange(x.size), -1))
    return padded, np.where(windows < 0, x.size, windows)


def _chosen(build: Builder, given: Factors, versions: list[Value], which: IntArray) -> Factors:
    """Each weight multiplies one of several versions of ``x``, and all others with zero."""
    products, order, count = given.products, given.order, len(versions)
    size, places = versions[0].size, np.arange(count)
    windows = products.windows[:, :, None] + places * size
    windows = np.where(products.windows[:, :, None] < 0, -1, windows)
    weights = products.weights[:, :, None, :] * (which[:, :, None, :] == places[:, None])
    groups, _, _, filters = weights.shape
    return Factors(
        build.gather(versions, np.arange(count * size)),
        replace(
            products,
            windows=windows.reshape(len(windows), -1),
            weights=weights.reshape(groups, -1, filters),
        ),
        None if order is None else (order[:, None] * count + places).reshape(-1),
    )
