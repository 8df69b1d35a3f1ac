"""QKeras's quantisers, computed without QKeras: the very numbers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fpgac.network.imports.draft import UnsupportedError
from fpgac.network.imports.keras.quantisers import activation_of, parse, quantised
from fpgac.network.imports.numbers import exact_type, rounding_type
from fpgac.network.ops.quantise import Quantise
from fpgac.network.ops.relu import Relu
from fpgac.network.ops.squash import Squash
from fpgac.numbers import FixedPoint


@pytest.mark.heavy
def test_weights_are_what_qkeras_makes_of_them(old_files: Path) -> None:
    values, answers = json.loads((old_files / "quantisers.json").read_text())

    for text, expected in answers.items():
        found = quantised(parse(text), np.array(values))
        assert np.allclose(found.values, expected, rtol=1e-6, atol=1e-9), text
        if found.type is not None:
            assert np.array_equal(found.type.on_grid(found.values), found.values), text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("quantized_relu(6, 2)", Relu(FixedPoint.parse("ap_ufixed<6,2,RND_CONV,SAT>"))),
        ("quantized_bits(8, 3, alpha=1)", Quantise(FixedPoint.parse("ap_fixed<8,4,RND_CONV,SAT>"))),
        (
            "quantized_bits(8, 3, 1, alpha=1.0)",
            Quantise(FixedPoint.parse("ap_fixed<8,4,RND_CONV,SAT_SYM>")),
        ),
        ("quantized_tanh(6)", Squash.of_bits("tanh", 6)),
        ("quantized_sigmoid(bits=7)", Squash.of_bits("sigmoid", 7)),
    ],
)
def test_activations(text: str, expected: object) -> None:
    quantiser = parse(text)
    assert quantiser is not None
    assert activation_of(quantiser) == expected


@pytest.mark.parametrize(
    "text",
    [
        "quantized_relu(6, 2, 1)",
        "quantized_bits(8, 0, alpha='auto')",
        "quantized_po2(4)",
        "quantized_tanh(6, symmetric=True)",
    ],
)
def test_activations_without_an_exact_form_are_refused(text: str) -> None:
    quantiser = parse(text)
    assert quantiser is not None
    with pytest.raises(UnsupportedError):
        activation_of(quantiser)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "quantized_bits(8).__class__",
        "quantized_bits(open('x'))",
        "quantized_bits(8, qnoise_factor=0.5)",
        "quantized_bits(8, colour=1)",
        "stranger(1)",
        "1 +",
    ],
)
def test_what_is_no_quantiser_is_refused_and_never_evaluated(text: str) -> None:
    with pytest.raises(UnsupportedError):
        parse(text)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.5, -1.25], "ap_fixed<4,2>"),
        ([0.0, 3.0], "ap_ufixed<2,2>"),
        ([4.0, 8.0], "ap_ufixed<2,4>"),
        ([-8.0, 0.0], "ap_fixed<1,4>"),
        ([0.0], "ap_ufixed<1,1>"),
    ],
)
def test_the_narrowest_type_that_holds_numbers(values: list[float], expected: str) -> None:
    found = exact_type(np.array(values))

    assert str(found) == expected
    assert found is not None
    assert np.array_equal(found.on_grid(values), values)


def test_numbers_of_too_many_bits_have_no_exact_type() -> None:
    assert exact_type(np.array([1.0, 2.0**-60])) is None


@pytest.mark.parametrize("greatest", [0.1, 0.99, 1.0, 3.97, 4.0, 100.0])
def test_a_type_by_the_range_does_not_saturate(greatest: float) -> None:
    type_ = rounding_type(8, np.array([-greatest, greatest]))

    assert abs(type_.on_grid(greatest) - greatest) <= type_.step / 2
    narrower = FixedPoint(8, type_.integer - 1)
    assert greatest > narrower.highest * narrower.step + narrower.step / 2
