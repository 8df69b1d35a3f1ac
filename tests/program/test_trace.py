"""A trace tells of every layer what its format offers, what is used, and what is lost."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from fpgac.errors import DataError
from fpgac.numbers import FixedPoint
from fpgac.program import ideal
from fpgac.program.program import (
    Accumulate,
    Cast,
    Clip,
    Combination,
    Combine,
    Dot,
    Gather,
    Lookup,
    Maximum,
    Operation,
    Program,
    Quotient,
    Select,
)
from fpgac.program.trace import trace
from fpgac.reports.precision import LayerPrecision
from tests.programs import bounded, one_to_one

INPUT = FixedPoint.parse("ap_fixed<8,4,RND,SAT>")


X = bounded("x", INPUT.fraction, INPUT.lowest, INPUT.highest)


def one_layer(to: str, weight: int = 3, fraction: int = 2) -> Program:
    """``y = cast(x · weight · 2^-fraction)``: one weight, one format."""
    sums = bounded("sums", X.fraction + fraction, -128 * weight, 127 * weight)
    format_ = FixedPoint.parse(to)
    result = bounded("y", format_.fraction, format_.lowest, format_.highest)
    window, weights, bias = np.array([[0]]), np.array([[[weight]]]), np.array([[0]])
    scale = Dot(sums, "layer", X, window, weights, bias)
    return one_to_one(INPUT, X, format_, result, scale, Cast(result, "layer", sums, format_))


def traced(program: Program, *batches: np.ndarray) -> tuple[LayerPrecision, ...]:  # type: ignore[type-arg]
    """Of a program whose output is its only layer."""
    return trace(program, batches, {"layer": program.outputs[0].tensor.type})


def column(*numbers: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.array(numbers)[:, None]


def test_a_format_that_holds_everything_loses_nothing() -> None:
    given, scale = traced(one_layer("ap_fixed<16,8>"), column(-8, -0.5, 0, 1, 2.5))
    assert (given.error, scale.error, scale.own_error) == (0, 0, 0)
    assert scale.precise_bits == math.inf
    assert (scale.lowest, scale.highest) == (-6, 1.875)
    assert scale.signal == pytest.approx(np.sqrt(np.mean(np.square([6, 0.375, 0, 0.75, 1.875]))))


def test_the_bits_of_a_format_are_counted_from_its_leading_one() -> None:
    _, scale = traced(one_layer("ap_fixed<16,8>"), column(0, 0, 1, 4))
    # Of 15 bits of magnitude: 0.75 = 192 / 256 needs 8, 3 = 768 / 256 needs 10.
    expected = [0.5, *[0.0] * 7, 0.25, 0, 0.25, *[0.0] * 5]
    assert scale.leading == tuple(expected)
    assert scale.idle_bits == 5
    assert (scale.bits, scale.fraction, scale.top) == (16, 8, 7)


def test_rounding_is_the_layers_own_error() -> None:
    _, scale = traced(one_layer("ap_fixed<6,4>"), column(0.5, 1))  # 0.375 and 0.75, in quarters
    assert scale.error == scale.own_error == pytest.approx(0.125 / math.sqrt(2))
    assert scale.precise_bits == pytest.approx(
        math.log2(math.hypot(0.375, 0.75) / 0.125), abs=1e-12
    )


def test_an_error_of_the_input_is_not_the_layers_own() -> None:
    given, scale = traced(one_layer("ap_fixed<16,8>"), column(0.03, 1))  # 0 on the grid, and 1
    assert given.error == given.own_error == pytest.approx(0.03 / math.sqrt(2))
    assert scale.error == pytest.approx(0.75 * given.error)
    assert scale.own_error == 0


def test_what_saturates_is_counted_and_no_error() -> None:
    _, scale = traced(one_layer("ap_fixed<9,2,RND,SAT>"), column(0, 1, 2, 4))  # up to 1.99
    assert (scale.saturated, scale.wrapped, scale.error) == (0.25, 0, 0)


def test_what_wraps_is_counted_and_an_error() -> None:
    _, scale = traced(one_layer("ap_fixed<9,2>"), column(0, 1, 2, 4))
    assert (scale.saturated, scale.wrapped) == (0, 0.25)
    assert scale.error == 4 / math.sqrt(4)  # 3 became -1


def test_an_input_out_of_range_is_counted() -> None:
    given, _ = traced(one_layer("ap_fixed<16,8>"), column(7.9, 8.1, -8.1, np.nan, np.inf))
    assert given.saturated == 3 / 5


def test_numbers_beyond_all_bounds_leave_the_figures_finite_or_are_refused() -> None:
    given, scale = traced(one_layer("ap_fixed<16,8>"), column(1, 1e308, -np.inf))
    assert (given.error, scale.error) == (0, 0)
    with pytest.raises(DataError, match="too long"):
        traced(one_layer("ap_fixed<16,8>"), np.array([[2**60 + 1]]))


def test_a_type_that_is_not_given_is_as_wide_as_the_values_need() -> None:
    _, scale = trace(one_layer("ap_fixed<16,8>"), [column(1)], {})
    assert (scale.bits, scale.fraction) == (16, 8)
    assert scale.idle_bits == 7


def test_bits_behind_those_of_the_values_are_below_the_leading_one() -> None:
    wider = {"layer": FixedPoint.parse("ap_fixed<20,8>")}
    _, scale = trace(one_layer("ap_fixed<16,8>"), [column(0, 1)], wider)
    assert (scale.leading[0], scale.leading[12]) == (0.5, 0.5)  # 0.75 = 3072 / 4096


def test_a_layer_that_passes_values_on_adds_no_error() -> None:
    program = one_layer("ap_fixed<6,4>")
    flat = replace(program, layers=(*program.layers, ("flatten", program.outputs[0].value)))
    _, scale, flatten = trace(flat, [column(0.5, 1)], {})
    assert flatten.error == scale.error > 0
    assert flatten.own_error == 0


def test_batches_add_up() -> None:
    numbers = np.random.default_rng(1).uniform(-9, 9, (1000, 1))
    program = one_layer("ap_fixed<6,3>")
    whole, parts = traced(program, numbers), traced(program, *np.split(numbers, [1, 400]))
    for one, other in zip(whole, parts, strict=True):
        assert one.leading == pytest.approx(other.leading)
        assert (one.lowest, one.highest, one.wrapped) == (
            other.lowest,
            other.highest,
            other.wrapped,
        )
        assert one.error == pytest.approx(other.error)


def test_an_accumulator_that_wraps_or_rounds_shows_too() -> None:
    accumulator = FixedPoint.parse("ap_fixed<6,4>")
    sums = bounded("sums", 2, -32, 31)
    x = bounded("x", INPUT.fraction, INPUT.lowest, INPUT.highest, size=2)
    operation = Accumulate(
        sums,
        "layer",
        x,
        np.array([[0, 1]]),
        np.array([[[1], [1]]]),
        np.array([[0]]),
        INPUT.fraction,
        accumulator,
    )
    program = one_to_one(INPUT, x, accumulator, sums, operation)
    _, layer = traced(program, np.array([[1.0, 1.0], [7.0, 7.0], [0.125, 0.125]]))
    assert layer.wrapped == 1 / 3
    assert layer.own_error == pytest.approx(math.sqrt((16**2 + 0.25**2) / 3))


NUMBERS = {
    bounded("a", 2, -9, 9): column(1.3, -2.1),
    bounded("b", 2, -9, 9): column(-0.4, 0.2),
}
A, B = NUMBERS
ONE = bounded("one", 2, -9, 9)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (Clip(ONE, "l", A, 0, 4), [1, 0]),
        (Gather(bounded("g", 2, -9, 9, 3), "l", (A, B), np.array([1, 0, -1])), [-0.4, 1.3, 0]),
        (Maximum(ONE, "l", A, np.array([[0, -1]])), [1.3, -2.1]),
        (Combine(ONE, "l", A, B, Combination.ADD), [0.9, -1.9]),
        (Combine(ONE, "l", A, B, Combination.SUBTRACT), [1.7, -2.3]),
        (Combine(bounded("m", 4, -81, 81), "l", A, B, Combination.MULTIPLY), [-0.52, -0.42]),
        (Combine(ONE, "l", A, B, Combination.MINIMUM), [-0.4, -2.1]),
        (Combine(ONE, "l", A, B, Combination.MAXIMUM), [1.3, 0.2]),
        (Select(ONE, "l", A, A, B), [1.3, 0.2]),
        (Lookup(bounded("t", 0, 0, 9), "l", bounded("i", 0, 0, 2), np.array([0, 1, 4])), [1, 2.5]),
        (Quotient(bounded("q", 5, -24, 24), "l", A, 3, 3), [1.3 / 3, -2.1 / 3]),
    ],
    ids=lambda case: type(case).__name__ if not isinstance(case, list) else "",
)
def test_in_real_numbers_an_operation_means_what_it_says(
    operation: Operation, expected: list[float]
) -> None:
    known = dict(NUMBERS)
    if isinstance(operation, Lookup):
        known = {operation.x: column(1, 1.5)}
    result = ideal.evaluate(operation, known)
    if isinstance(operation, Gather):
        result = result[:1].T
    np.testing.assert_allclose(result[:, 0], expected)
