"""The core's graph: what hls4ml's own graph says, as plain values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fpgac.core.graph import Graph, Node
from fpgac.core.lowering import lower
from fpgac.core.settings import HlsSettings
from fpgac.network.network import Network
from fpgac.network.ops.dense import Dense
from fpgac.network.ops.relu import Relu
from fpgac.numbers import FixedPoint, IntArray
from fpgac.tensors import Tensor

WEIGHTS = FixedPoint.parse("ap_fixed<8,1>")
DENSE = Dense(np.arange(-6, 6).reshape(4, 3), WEIGHTS, np.array([1, 2, 3]), WEIGHTS)
NETWORK = Network.chain(
    "tiny",
    Tensor("x", (4,), FixedPoint.parse("ap_fixed<10,4,RND,SAT>")),
    [("hidden", DENSE), ("relu", Relu(FixedPoint.parse("ap_ufixed<6,2,RND_CONV,SAT>")))],
)


def graph(network: Network = NETWORK, hls: HlsSettings | None = None) -> Graph:
    found = lower(network, hls or HlsSettings()).graph
    assert found is not None
    return found


def hidden(hls: HlsSettings) -> Node:
    return graph(hls=hls).nodes[1]


@pytest.mark.parametrize("hls", [HlsSettings(), HlsSettings(io_type="io_stream")])
def test_layers_say_what_they_read_and_make(hls: HlsSettings) -> None:
    entry, dense, relu = graph(hls=hls).nodes
    assert (entry.inputs, entry.function) == ((), "")
    assert (dense.kind, dense.function, dense.inputs) == ("Dense", "dense", ("tiny_input",))
    assert (relu.kind, relu.function, relu.inputs) == ("Activation", "relu", ("hidden",))
    (made,) = relu.outputs
    assert (made.shape, made.type) == ((3,), FixedPoint.parse("ap_ufixed<6,2,RND_CONV,SAT>"))


def test_types_and_settings_bear_hls4mls_names() -> None:
    dense = hidden(HlsSettings(strategy="resource", reuse_factor=2))
    assert dense.types["accum_t"] == FixedPoint.parse("ap_fixed<21,8>")
    assert dense.settings["reuse_factor"] == 2
    assert dense.settings["strategy"] == "resource"
    assert dense.settings["product"] == "mult"


@pytest.mark.parametrize(
    ("hls", "array"),
    [(HlsSettings(), DENSE.weights), (HlsSettings(strategy="resource"), DENSE.weights.T)],
    ids=["latency", "resource"],
)
def test_weights_are_words_in_the_order_of_the_cpp_array(hls: HlsSettings, array: IntArray) -> None:
    weights = hidden(hls).constants["weight"]
    assert weights.type == WEIGHTS
    assert weights.words is not None
    assert np.array_equal(weights.words, array)


def test_the_digest_covers_every_weight() -> None:
    other = replace(DENSE, weights=DENSE.weights + (np.arange(12).reshape(4, 3) == 5))
    changed = NETWORK.with_operations({"hidden": other})
    assert graph().digest == graph().digest
    assert graph(changed).digest != graph().digest
