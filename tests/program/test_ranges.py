"""Intervals are proven: what does not surely fit is refused, and never silently wrong."""

from __future__ import annotations

import numpy as np
import pytest

from fpgac.numbers import FixedPoint
from fpgac.program.ranges import Interval, NotExact, products, sums


def interval(*ends: tuple[int, int]) -> Interval:
    lowest, highest = np.array(ends, np.int64).T
    return Interval(lowest, highest)


def test_a_sum_is_bounded_by_its_weights_signs() -> None:
    taps = interval((-3, 5), (0, 7))
    weights = np.array([[[2], [-1]]])
    ends = sums(Interval(taps.lowest[None, None], taps.highest[None, None]), weights)
    assert (ends.lowest.item(), ends.highest.item()) == (-6 - 7, 10)


def test_partial_sums_are_bounded_whatever_their_order() -> None:
    taps = Interval(np.array([[[3, 2]]]), np.array([[[5, 4]]]))
    ends = sums(taps, np.array([[[1], [-1]]]), partial=True)
    assert (ends.lowest.item(), ends.highest.item()) == (-4, 5)


@pytest.mark.parametrize("bits", [40, 52, 58])
def test_sums_beyond_float64_are_still_exact(bits: int) -> None:
    taps = Interval(np.full((1, 1, 2), -(1 << bits) + 1), np.full((1, 1, 2), (1 << bits) - 1))
    ends = sums(taps, np.array([[[1], [1]]]))
    assert ends.highest.item() == 2 * ((1 << bits) - 1)


def test_sums_that_might_pass_62_bits_are_refused() -> None:
    taps = Interval(np.full((1, 1, 8), 0), np.full((1, 1, 8), 1 << 58))
    with pytest.raises(NotExact, match="does not fit 62 bits"):
        sums(taps, np.ones((1, 8, 1), np.int64))


def test_products_that_might_pass_62_bits_are_refused() -> None:
    with pytest.raises(NotExact, match="does not fit 62 bits"):
        products(interval((0, 1 << 40)), interval((0, 1 << 30)))


def test_a_shift_out_of_62_bits_is_refused_unless_all_is_zero() -> None:
    with pytest.raises(NotExact):
        interval((0, 1)).shifted(80)
    assert interval((0, 0)).shifted(80).highest.item() == 0


def test_a_type_wider_than_62_bits_holds_what_needs_no_more() -> None:
    wide = FixedPoint(80, 40)
    assert interval((-3, 3)).cast(30, wide).highest.item() == 3 << 10
    with pytest.raises(NotExact, match="does not fit 62 bits"):
        interval((0, 1 << 52)).cast(30, wide)
    with pytest.raises(NotExact, match="may need more than 62 bits"):
        interval((-1, 1)).cast(40, FixedPoint(80, 40, signed=False))
