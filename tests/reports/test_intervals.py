"""Intervals hold what they promise, and shrink with the number of samples."""

from __future__ import annotations

import numpy as np
import pytest

from fpgac.reports.intervals import of_auc, of_fraction, of_root_mean_square


def test_wilsons_interval_is_the_published_one() -> None:
    """Newcombe, Statistics in Medicine 17 (1998) 857, table I: 81 of 263, 15 of 148, 0 of 20."""
    assert of_fraction(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert of_fraction(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert of_fraction(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_without_samples_anything_is_possible() -> None:
    assert of_fraction(0, 0) == (0.0, 1.0)
    assert of_auc(float("nan"), 0, 5) == (0.0, 1.0)


def test_an_area_is_better_known_with_more_samples() -> None:
    widths = [high - low for low, high in (of_auc(0.8, n, n) for n in (20, 200, 2000))]
    assert widths == sorted(widths, reverse=True)
    assert widths[1] == pytest.approx(widths[0] / np.sqrt(10), rel=0.02)


def test_the_root_mean_square_of_a_normal_distribution() -> None:
    """Its relative standard error is one over the root of twice the number of samples."""
    errors = np.random.default_rng(2).normal(0, 3, 5000)
    low, high = of_root_mean_square(errors)
    assert low < 3 < high
    assert (high - low) / 3 == pytest.approx(2 * 1.96 / np.sqrt(10_000), rel=0.15)
