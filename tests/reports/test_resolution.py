"""Resolution figures against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from fpgac.reports.resolution import (
    Classification,
    Efficiency,
    Estimates,
    ResolutionBin,
    Spread,
    classification,
    comparison_table,
    residuals,
    resolution,
)


def estimates(
    truth: npt.ArrayLike, threshold: float | None = None, **by: npt.ArrayLike
) -> Estimates:
    arrays = {name: np.array(values, dtype=np.float64) for name, values in by.items()}
    return Estimates(
        "energy",
        "E",
        "MeV",
        np.array(truth, dtype=np.float64),
        arrays,
        (1.0, 10.0, 100.0),
        threshold,
    )


def test_residuals_are_relative_to_the_truth() -> None:
    np.testing.assert_allclose(
        residuals(np.array([15.0, 8.0]), np.array([10.0, 10.0])), [0.5, -0.2], rtol=1e-12
    )


def test_the_figures_of_a_few_residuals() -> None:
    """Mean 1/2, variance (2.25 + 0.25 + 0.25 + 2.25) / 4; quantiles are interpolated."""
    spread = Spread.of(np.array([-1.0, 0.0, 1.0, 2.0]))
    assert spread.samples == 4
    assert spread.bias == spread.median == 0.5
    assert spread.standard_deviation == pytest.approx(math.sqrt(5) / 2)
    # At 16 % of three steps: -1 + 0.48; at 84 %: -1 + 2.52.
    assert spread.width_68 == pytest.approx((1.52 - -0.52) / 2)
    assert spread.tail == 0.25  # 2; not 1 and -1, which lie on the border


def test_a_normal_distribution_has_its_sigma_as_both_widths() -> None:
    spread = Spread.of(np.random.default_rng(1).normal(0.1, 0.2, 400_000))
    assert spread.bias == pytest.approx(0.1, abs=2e-3)
    assert spread.standard_deviation == pytest.approx(0.2, rel=0.01)
    assert spread.width_68 == pytest.approx(0.2 * 0.99446, rel=0.01)  # the 84 % quantile


def test_an_outlier_moves_the_standard_deviation_and_not_the_width() -> None:
    inliers = np.linspace(-0.1, 0.1, 999)
    outlier = np.append(inliers, 50.0)
    assert Spread.of(outlier).standard_deviation > 10 * Spread.of(inliers).standard_deviation
    assert Spread.of(outlier).width_68 == pytest.approx(Spread.of(inliers).width_68, rel=0.01)


def test_bins_hold_what_lies_between_their_edges() -> None:
    """The lower edge belongs to a bin; 100 is beyond the last one."""
    (result,) = resolution(estimates([1, 9, 10, 100], it=[2, 9, 15, 100]))
    first, second = result.bins
    assert (first.low, first.high, first.spread.samples) == (1.0, 10.0, 2)
    assert first.spread.bias == pytest.approx(0.5)
    assert second.spread.samples == 1
    assert second.spread.bias == pytest.approx(0.5)
    assert result.overall.samples == 4


def test_an_empty_bin_has_no_figures_but_does_no_harm() -> None:
    (result,) = resolution(estimates([2.0, 3.0], it=[2.0, 3.0]))
    assert result.bins[1].spread.samples == 0
    assert math.isnan(result.bins[1].spread.width_68)


def test_the_turn_on_counts_what_passes_by_true_value() -> None:
    """Threshold 16: true 16 and 17 in the bin above it, 15.9 in the one below."""
    (result,) = resolution(estimates([15.9, 16, 17, 64, 3.9], 16.0, it=[16, 15, 18, 60, 99]))
    at = {(round(e.low, 3), round(e.high, 3)): e for e in result.turn_on}
    above = at[16.0, round(16 * 2**0.125, 3)]
    below = at[round(16 * 2**-0.125, 3), 16.0]
    assert (above.samples, above.passed, above.value) == (2, 1, 0.5)
    assert (below.samples, below.passed, below.value) == (1, 1, 1.0)
    assert (result.turn_on[0].low, result.turn_on[-1].high) == (4.0, 64.0)
    assert result.turn_on[-1].passed == 1
    assert sum(e.samples for e in result.turn_on) == 4  # 3.9 is out of range


def test_a_perfect_estimate_turns_on_as_a_step() -> None:
    truth = np.geomspace(2, 90, 5000)
    (result,) = resolution(estimates(truth.tolist(), 16.0, it=truth.tolist()))
    assert [e.value for e in result.turn_on] == [float(e.low >= 16) for e in result.turn_on]


def test_without_threshold_there_is_no_turn_on() -> None:
    (result,) = resolution(estimates([2.0], it=[2.0]))
    assert result.turn_on == ()
    assert math.isnan(Efficiency(1, 2, samples=0, passed=0).value)


def test_the_table_prints_both_figures_for_each_estimate() -> None:
    table = comparison_table(
        resolution(estimates([10.0] * 4, net=[0, 10, 20, 30], lut=[10, 10, 10, 10]))
    )
    assert table == (
        ("relative residual", "net", "lut"),
        ("bias", "+50.0 %", "+0.0 %"),
        ("standard deviation", "111.8 %", "0.0 %"),
        ("68 % width", "102.0 %", "0.0 %"),
        ("beyond ±100 %", "25.00 %", "0.00 %"),
    )


def test_classes_are_compared_by_the_greatest_output() -> None:
    outputs = np.array([[3.0, 1, 2], [0, 5, 0], [0, 1, 0], [-1, -3, -2]])
    targets = np.eye(3)[[0, 1, 2, 2]]
    figures = classification(outputs, targets, ("a", "b", "c"))
    assert figures == Classification(("a", "b", "c"), ((1, 0, 0), (0, 1, 0), (1, 1, 0)))
    assert figures.accuracy == 0.5
    assert figures.samples == 4


def test_among_equal_outputs_the_first_class_counts() -> None:
    figures = classification(np.array([[1.0, 1.0]]), np.array([[0.0, 1.0]]), ("a", "b"))
    assert figures.confusion == ((0, 0), (1, 0))


@pytest.mark.parametrize(
    ("low", "high", "limits", "cut_off"),
    [
        (10.0, 20.0, None, False),
        (10.0, 20.0, (3.0, 200.0), False),
        (140.0, 200.0, (3.0, 200.0), True),
        (3.0, 4.0, (3.0, 200.0), True),
    ],
)
def test_near_the_last_estimate_that_there_can_be_widths_say_little(
    low: float, high: float, limits: tuple[float, float] | None, cut_off: bool
) -> None:
    spread = Spread(100, 0.0, 0.0, 0.3, 0.25, 0.0)
    assert ResolutionBin(low, high, spread).is_cut_off(limits) == cut_off
