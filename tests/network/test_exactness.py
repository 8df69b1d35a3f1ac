"""Whether float64 holds all that is on the way, and what then comes out: fractions, by the book."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from fpgac.errors import NetworkError
from fpgac.network.exactness import bounds, check_exact, with_extreme_parameters
from fpgac.network.meaning import outputs
from fpgac.network.network import Network
from fpgac.network.operation import Operation
from fpgac.network.ops.convolution import Convolution
from fpgac.network.ops.dense import Dense
from fpgac.network.ops.softmax import Softmax
from fpgac.numbers import FixedPoint
from fpgac.tensors import Tensor
from tests.network.book import by_the_book
from tests.network.samples import MakeNetwork, any_words
from tests.problems import coded

FORMATS = {
    "the usual": {},
    "biases finer than products": {"bias_type": "ap_fixed<24,1,RND_CONV,SAT>"},
    "weights all below one eighth": {"weight_type": "ap_fixed<6,-2,RND_CONV,SAT>"},
    "numbers in steps of four": {"weight_type": "ap_fixed<4,6,RND_CONV,SAT>"},
    "a relu of one bit": {"relu_type": "ap_ufixed<1,1,RND_CONV,SAT>"},
    "a relu finer than its sums": {"relu_type": "ap_ufixed<24,2,RND_CONV,SAT>"},
    "unsigned inputs": {"input_type": "ap_ufixed<8,0>"},
}


@pytest.mark.parametrize("formats", FORMATS.values(), ids=FORMATS)
def test_every_output_is_the_exact_number(make_network: MakeNetwork, formats: Any) -> None:
    network = make_network((4, 5, 6, 2), **formats)
    words = any_words(network, 40)
    assert outputs(network, words).tolist() == by_the_book(network, words, Fraction).tolist()


def test_the_words_may_come_as_padded_memory(make_network: MakeNetwork) -> None:
    network = make_network()
    words = any_words(network, 9)
    padded = words.astype(network.input_layout.dtype)
    assert np.array_equal(outputs(network, padded), outputs(network, words))


def test_no_samples_give_no_outputs(make_network: MakeNetwork) -> None:
    assert outputs(make_network(), np.empty((0, 4), np.int64)).shape == (0, 3)


@pytest.mark.parametrize("formats", FORMATS.values(), ids=FORMATS)
def test_no_number_exceeds_its_bound(make_network: MakeNetwork, formats: Any) -> None:
    network = make_network((4, 5, 2), **formats)
    known = bounds(network)
    words = any_words(network, 200)
    for node in network.nodes:
        until = replace(network, outputs=(replace(network.outputs[0], node=node.name),))
        assert np.abs(outputs(until, words)).max() <= known[node.name].reach


def test_sums_that_a_float64_might_round_are_refused(make_network: MakeNetwork) -> None:
    weights = "ap_fixed<20,1,RND_CONV,SAT>"
    check_exact(make_network(input_type="ap_fixed<31,4>", weight_type=weights))
    wide = make_network(input_type="ap_fixed<36,4>", weight_type=weights)
    with pytest.raises(NetworkError) as caught:
        check_exact(wide)
    (problem,) = caught.value.problems
    assert (problem.code, str(problem.where)) == ("network.too-wide", "[layers.dense_1]")
    assert int(problem.got.removesuffix(" bits")) > 53


def test_sums_that_no_program_holds_have_no_meaning(make_network: MakeNetwork) -> None:
    wide = make_network(input_type="ap_fixed<48,4>", weight_type="ap_fixed<20,1,RND_CONV,SAT>")
    with pytest.raises(NetworkError, check=coded("network.too-wide", key="layers.dense_1")):
        outputs(wide, any_words(wide, 2))


def test_the_widest_convolution_counts_every_place_of_its_kernel(pictures: Network) -> None:
    """12 products of 5-bit weights, at most: 4 bits more than the 48 of the input alone."""
    check_exact(part(pictures, "ap_fixed<44,3>", "first"))
    with pytest.raises(NetworkError, check=coded("network.too-wide", key="layers.first")):
        check_exact(part(pictures, "ap_fixed<53,3>", "first"))


def test_sums_too_fine_to_be_halved_are_refused(sequences: Network) -> None:
    """Up to 51 bits behind the point, a number between -1 and 1 has a half in 53 bits."""
    first = operation(sequences, "first")
    assert isinstance(first, Convolution)
    fine = FixedPoint.parse("ap_fixed<22,1,RND_CONV,SAT>")
    small = replace(first, weights=first.weights // 32, weight_type=fine)
    thin = sequences.with_operations({"first": small})
    check_exact(part(thin, "ap_fixed<30,0>", "first", "first_sigmoid"))
    with pytest.raises(NetworkError, check=coded("network.too-wide", key="layers.first_sigmoid")):
        check_exact(part(thin, "ap_fixed<30,-1>", "first", "first_sigmoid"))


def test_a_linear_layer_hands_its_sums_on_in_full(pictures: Network) -> None:
    """``second`` has no ReLU: the bound on ``next`` counts all bits of its sums."""
    following = operation(pictures, "next")
    assert isinstance(following, Dense)
    most = replace(following, weights=np.full_like(following.weights, 31))
    names = ("second", "pool_of_sums", "flat", "next")
    most_of_all = pictures.with_operations({"next": most})
    check_exact(part(most_of_all, "ap_fixed<7,3>", *names))
    with pytest.raises(NetworkError, check=coded("network.too-wide", key="layers.next")):
        check_exact(part(most_of_all, "ap_fixed<41,3>", *names))


def test_the_worst_parameters_are_the_least_words_of_their_types(make_network: MakeNetwork) -> None:
    network = make_network((4, 5, 2))
    worst = with_extreme_parameters(network)
    for node in worst.weighted:
        for parameter in node.operation.parameters.values():
            assert (parameter.words == parameter.type.lowest).all()
    known, most = bounds(network), bounds(worst)
    assert all(known[name].reach <= most[name].reach for name in known)


def test_tables_are_not_asked_to_be_exact(make_network: MakeNetwork) -> None:
    """A softmax is never Keras's to the last bit: its answers say so, and none is too wide."""
    plain = make_network((4, 3))
    operations = [(node.name, node.operation) for node in plain.nodes]
    softmax = Softmax(bits=8, table_bits=10)
    network = Network.chain("tiny", plain.inputs[0], [*operations, ("classes", softmax)])
    check_exact(network)
    assert plain.approximate == (False,) * 3
    assert network.approximate == (True,) * 3


def operation(network: Network, name: str) -> Operation:
    (found,) = (node.operation for node in network.nodes if node.name == name)
    return found


def part(network: Network, input_type: str, *names: str) -> Network:
    """The nodes of these names alone, which follow each other, with inputs of another type."""
    nodes = [node for node in network.nodes if node.name in names]
    (read,) = network.read_by(nodes[0])
    entry = Tensor("x", read.shape, FixedPoint.parse(input_type))
    return Network.chain("part", entry, [(node.name, node.operation) for node in nodes])
