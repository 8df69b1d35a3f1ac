"""What a network's numbers mean, as a spec says it, and as hosts are rendered to say it."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from fpgac.decoding import Decoding

Y = np.array([[-3.0, 0.5, 2.0], [0.0, 0.0, 40.0], [-1000.0, 1000.0, 999.0]])

WRITTEN = [
    "exponential(base=2.0, factor=16.0)",
    "linear(factor=2.5, offset=-1.0)",
    "linear(factor=[2.5, 1.0, 3.0], offset=-1.0)",
    "sigmoid",
    "softmax",
    "argmax",
]


@pytest.mark.parametrize("text", WRITTEN)
def test_a_decoding_is_read_as_it_is_written(text: str) -> None:
    assert str(Decoding.parse(text)) == text


@pytest.mark.parametrize("base", [2.0, 0.25, float(np.e), 10.0, 1.0, 1e300, 1e-300])
def test_a_power_is_right_but_for_its_last_bits(base: float) -> None:
    y = np.random.default_rng(1).integers(-(2**20), 2**20, 1000) / 2**17
    decoded = Decoding.parse(f"exponential(base={base!r})").apply(y)
    exact = [Decimal(base) ** Decimal(float(each)) for each in y]
    errors = [
        abs(float((Decimal(float(got)) - right) / right))
        for got, right in zip(decoded, exact, strict=True)
        if 1e-300 < right < Decimal("1e300")
    ]
    assert len(errors) > 10
    assert max(errors) < 2**-52


def test_what_no_float_holds_is_infinite_or_zero() -> None:
    decoded = Decoding.parse("exponential").apply([710.0, 1e9, 2.0**40, -746.0, -1e9, -(2.0**40)])
    np.testing.assert_array_equal(decoded, [np.inf, np.inf, np.inf, 0, 0, 0])


def test_each_kind_computes_what_its_name_says() -> None:
    results = {text: Decoding.parse(text).apply(Y) for text in WRITTEN}
    exponential, linear, listed, sigmoid, softmax, argmax = results.values()
    np.testing.assert_array_max_ulp(exponential[0], np.array([2.0, 16 * np.sqrt(2), 64.0]))
    np.testing.assert_array_equal(linear[0], [-8.5, 0.25, 4.0])
    np.testing.assert_array_equal(listed[0], [-8.5, -0.5, 5.0])
    np.testing.assert_allclose(sigmoid[1], [0.5, 0.5, 1.0])
    np.testing.assert_allclose(softmax.sum(axis=-1), 1)
    np.testing.assert_allclose(softmax[2], [0, np.e / (1 + np.e), 1 / (1 + np.e)])
    np.testing.assert_array_equal(argmax, [2, 2, 1])


def test_parameters_may_be_left_out() -> None:
    assert Decoding.parse("exponential").apply([1.0])[0] == np.e
    np.testing.assert_array_equal(Decoding.parse("linear( offset = 3 )").apply([1.0]), [4.0])


@pytest.mark.parametrize("text", WRITTEN)
def test_shape_and_type_are_known_before(text: str) -> None:
    decoding = Decoding.parse(text)
    result = decoding.apply(Y)
    assert result.shape[1:] == decoding.shape((3,))
    assert result.dtype == decoding.dtype


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("exponental(base=2)", "did you mean 'exponential'"),
        ("exponential(bases=2)", "did you mean 'base'"),
        ("exponential(base=two)", "no parameter"),
        ("exponential(base=inf)", "no parameter"),
        ("exponential(base=0)", "above 0"),
        ("exponential(base=[2, 3])", "a single number"),
        ("linear(factor=[])", "no parameter"),
        ("sigmoid(2)", "no parameter"),
        ("y * 2; import os", "no decoding"),
    ],
)
def test_what_is_no_decoding(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Decoding.parse(text)
