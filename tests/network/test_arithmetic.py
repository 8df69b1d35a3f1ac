"""The integers against fractions, worked out by the book, one number at a time."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from fpgac.network.arithmetic import check_range, outputs

from fpgac.errors import NetworkError
from fpgac.network.network import DenseLayer, Network, ReluLayer
from fpgac.numbers import FixedPoint
from tests.network.samples import MakeNetwork, any_words

FORMATS = {
    "the usual": {},
    "biases finer than products": {"bias_type": "ap_fixed<24,1,RND_CONV,SAT>"},
    "weights all below one eighth": {"weight_type": "ap_fixed<6,-2,RND_CONV,SAT>"},
    "numbers in steps of four": {"weight_type": "ap_fixed<4,6,RND_CONV,SAT>"},
    "a relu of one bit": {"relu_type": "ap_ufixed<1,1,RND_CONV,SAT>"},
    "a relu finer than its sums": {"relu_type": "ap_ufixed<24,2,RND_CONV,SAT>"},
    "unsigned inputs": {"input_type": "ap_ufixed<8,0>"},
}


def by_the_book(network: Network, sample: list[int]) -> list[Fraction]:
    x = [fraction(network.input_type, word) for word in sample]
    for layer in network.layers:
        if isinstance(layer, DenseLayer):
            weights, type_ = layer.weights.tolist(), layer.weight_type
            x = [
                sum(
                    (a * fraction(type_, row[column]) for a, row in zip(x, weights, strict=True)),
                    fraction(layer.bias_type, bias),
                )
                for column, bias in enumerate(layer.bias.tolist())
            ]
        elif isinstance(layer, ReluLayer):
            x = [relu(layer, value) for value in x]
    return x


def fraction(type_: FixedPoint, word: int) -> Fraction:
    return word * Fraction(2) ** -type_.fraction


def relu(layer: ReluLayer, value: Fraction) -> Fraction:
    # Python's round() is to the nearest, and of two equally near to the even one: RND_CONV.
    word = round(max(value, Fraction(0)) * Fraction(2) ** layer.type.fraction)
    return fraction(layer.type, min(word, 2**layer.type.width - 1))


@pytest.mark.parametrize("formats", FORMATS.values(), ids=FORMATS)
def test_every_output_is_the_exact_number(make_network: MakeNetwork, formats: Any) -> None:
    network = make_network((4, 5, 6, 2), **formats)
    words = any_words(network, 40)
    expected = [by_the_book(network, sample) for sample in words.tolist()]
    assert outputs(network, words).tolist() == expected


def test_sums_that_a_float64_might_round_are_refused(make_network: MakeNetwork) -> None:
    fits = make_network(input_type="ap_fixed<31,4>", weight_type="ap_fixed<20,1,RND_CONV,SAT>")
    check_range(fits.input_type, fits.layers)
    wide = make_network(input_type="ap_fixed<40,4>", weight_type="ap_fixed<20,1,RND_CONV,SAT>")
    with pytest.raises(NetworkError, match="sums of layer 'dense_1' are too wide") as caught:
        outputs(wide, any_words(wide, 2))
    assert "from 41 bits, 36 of them behind the point, to" in str(caught.value)


def test_the_words_may_come_as_padded_memory(make_network: MakeNetwork) -> None:
    network = make_network()
    words = any_words(network, 9)
    padded = words.astype(network.input_type.dtype)
    assert np.array_equal(outputs(network, padded), outputs(network, words))


def test_no_samples_give_no_outputs(make_network: MakeNetwork) -> None:
    assert outputs(make_network(), np.empty((0, 4), np.int64)).shape == (0, 3)
