"""Real QKeras, rebuilt from plain data, against the integers: equal to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fpgac.engines.keras import keras_is_installed, keras_outputs
from fpgac.network.meaning import outputs
from fpgac.network.network import Network
from fpgac.network.ops.dense import Dense
from fpgac.network.ops.relu import Relu
from fpgac.numbers import FixedPoint
from fpgac.tensors import Tensor
from tests.network.samples import MakeNetwork, any_words

FORMATS: dict[str, dict[str, Any]] = {
    "sixteen bits in": {"sizes": (12, 9, 4, 1), "input_type": "ap_fixed<16,6,RND,SAT>"},
    # Keras's usual float32 gives other answers for three samples in four.
    "fine": {
        "sizes": (6, 7, 2),
        "input_type": "ap_fixed<18,2>",
        "weight_type": "ap_fixed<14,1,RND_CONV,SAT>",
        "bias_type": "ap_fixed<6,3,RND_CONV,SAT>",
        "relu_type": "ap_ufixed<12,0,RND_CONV,SAT>",
    },
}


@pytest.mark.parametrize("formats", FORMATS.values(), ids=FORMATS)
def test_qkeras_and_integers_agree_to_the_last_bit(
    make_network: MakeNetwork, formats: dict[str, Any]
) -> None:
    network = make_network(**formats)
    words = any_words(network, 3000)
    answers = keras_outputs(network, words)
    assert answers.dtype == np.float64
    assert answers.tobytes() == outputs(network, words).tobytes()


def test_a_sum_just_over_a_tie_is_rounded_up() -> None:
    # 8.5/16 + 2^-30 is nearer to 9/16; a float32 drops the 2^-30, and a tie goes to the even 8.
    fine, weight = (
        FixedPoint.parse("ap_fixed<24,1>"),
        FixedPoint.parse("ap_fixed<8,1,RND_CONV,SAT>"),
    )
    one, tie, most, zero = np.array([[1]]), np.array([68]), np.array([[127]]), np.array([0])
    operations = (
        ("fc1", Dense(one, weight, tie, weight)),
        ("relu1", Relu(FixedPoint.parse("ap_ufixed<4,0,RND_CONV,SAT>"))),
        ("fc2", Dense(most, weight, zero, weight)),
    )
    network = Network.chain("tie", Tensor("x", (1,), fine), operations)
    expected = [[8 / 16 * 127 / 128], [9 / 16 * 127 / 128]]
    words = np.array([[0], [1]])
    assert keras_outputs(network, words).tolist() == expected
    assert outputs(network, words).tolist() == expected


def test_keras_is_found_without_importing_it() -> None:
    assert keras_is_installed()
