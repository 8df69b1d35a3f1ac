"""Real QKeras, rebuilt from plain data, against the integers: equal to the last bit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fpgac.network.arithmetic import outputs
from fpgac.network.keras_engine import keras_is_installed, keras_outputs
from tests.network.samples import MakeNetwork, any_words

FORMATS: dict[str, dict[str, Any]] = {
    # Sums of up to 27 bits: Keras's usual float32 would round them.
    "sixteen bits in": {"sizes": (12, 9, 4, 1), "input_type": "ap_fixed<16,6,RND,SAT>"},
    # Sums whose relu needs more than quantized_relu's float32.
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


def test_a_weight_that_is_one_step_off_shows(make_network: MakeNetwork) -> None:
    network = make_network()
    first, *others = network.layers
    weights = network.dense_layers[0].weights.copy()
    weights[0, 0] ^= 1
    other = replace(network, layers=(replace(network.dense_layers[0], weights=weights), *others))
    words = any_words(network, 300)
    assert not np.array_equal(keras_outputs(network, words), outputs(other, words))
    assert first is network.dense_layers[0]


def test_keras_is_found_without_importing_it() -> None:
    assert keras_is_installed()
