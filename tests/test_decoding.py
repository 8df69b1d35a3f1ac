"""What a network's numbers mean, as a spec says it, and as hosts are rendered to say it."""

from __future__ import annotations

import numpy as np
import pytest

from fpgac.decoding import Decoding

Y = np.array([[-3.0, 0.5, 2.0], [0.0, 0.0, 40.0], [-1000.0, 1000.0, 999.0]])

WRITTEN = [
    "exponential(base=2.0, factor=16.0)",
    "linear(factor=2.5, offset=-1.0)",
    "sigmoid",
    "softmax",
    "argmax",
]


@pytest.mark.parametrize("text", WRITTEN)
def test_a_decoding_is_read_as_it_is_written(text: str) -> None:
    assert str(Decoding.parse(text)) == text


@pytest.mark.parametrize("text", WRITTEN)
@pytest.mark.filterwarnings("ignore:overflow")
def test_the_formula_of_hosts_gives_the_same_bits(text: str) -> None:
    decoding = Decoding.parse(text)
    rendered = eval(decoding.formula, {"np": np, "y": Y})
    np.testing.assert_array_equal(decoding.apply(Y), rendered)


def test_each_kind_computes_what_its_name_says() -> None:
    results = {text: Decoding.parse(text).apply(Y) for text in WRITTEN}
    exponential, linear, sigmoid, softmax, argmax = results.values()
    np.testing.assert_array_equal(exponential[0], [2.0, 16 * np.sqrt(2), 64.0])
    np.testing.assert_array_equal(linear[0], [-8.5, 0.25, 4.0])
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
        ("sigmoid(2)", "no parameter"),
        ("y * 2; import os", "no decoding"),
    ],
)
def test_what_is_no_decoding(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Decoding.parse(text)
