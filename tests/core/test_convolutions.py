"""Convolutions in hls4ml's C simulation: the words of the network's own integers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fpgac.core.lowering import lower
from fpgac.core.settings import HlsSettings
from fpgac.engines.csim import simulate
from fpgac.errors import CoreError, NetworkError
from fpgac.network.meaning import outputs
from fpgac.network.network import Network
from fpgac.numbers import FixedPoint
from fpgac.tensors import Tensor
from tests.core.networks import compiled, random_words
from tests.problems import coded

CASES = {
    "pictures, parallel, latency": ("pictures", {"reuse_factor": 2}, {}),
    "pictures, stream, resource": (
        "pictures",
        {"io_type": "io_stream", "strategy": "resource", "reuse_factor": 12},
        {"last": 4},
    ),
    "sequences, parallel, resource": (
        "sequences",
        {"strategy": "resource", "reuse_factor": 4},
        {"last": 6},
    ),
    "sequences, stream, latency": ("sequences", {"io_type": "io_stream"}, {}),
}


@pytest.mark.parametrize(("name", "hls", "factors"), CASES.values(), ids=CASES)
def test_raw_words_are_those_of_the_integers(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    name: str,
    hls: dict[str, Any],
    factors: dict[str, int],
) -> None:
    network: Network = request.getfixturevalue(name)
    core = lower(network, HlsSettings(**hls, reuse_factors=factors))
    ((x,), (entry,)) = core.inputs, network.inputs
    assert (x.name, x.shape, x.type) == (entry.name, entry.shape, entry.type)
    words = random_words(x.type, (300, x.size), np.random.default_rng(7))
    got = simulate(compiled(core, tmp_path), core, words)
    np.testing.assert_array_equal(got, core.output_layout.raw(outputs(network, words)))


def test_a_stream_carries_the_channels_of_one_place_in_each_item(pictures: Network) -> None:
    (x,) = lower(pictures, HlsSettings(io_type="io_stream")).inputs
    assert (x.shape, x.size, x.lanes) == ((6, 7, 2), 84, 2)


def test_reuse_factors_are_those_of_the_kernel_at_one_place(pictures: Network) -> None:
    """12 products in each of the first layer's 4 sums."""

    def resource(factor: int) -> HlsSettings:
        return HlsSettings(strategy="resource", reuse_factors={"first": factor})

    assert lower(pictures, resource(24)).initiation_interval == 24
    refused = coded("core.reuse-factor", got="5", key="layers.first.reuse_factor")
    with pytest.raises(CoreError, check=refused) as caught:
        lower(pictures, resource(5))
    (problem,) = caught.value.problems
    assert problem.expected == "a divisor of its inputs, 12, or 12 x a divisor of its outputs, 4"


def test_pools_have_no_reuse_factor(pictures: Network) -> None:
    with pytest.raises(CoreError, check=coded("core.unknown-layer")):
        lower(pictures, HlsSettings(reuse_factors={"pool": 2}))


def test_results_may_have_a_type_of_their_own(pictures: Network) -> None:
    narrow = FixedPoint.parse("ap_fixed<9,4,RND,SAT>")
    (result,) = lower(pictures, HlsSettings(), types={"last": narrow}).outputs
    assert result.type == narrow


def test_layers_that_do_not_fit_are_an_error(pictures: Network) -> None:
    narrow = Tensor("x", (6, 6, 2), pictures.inputs[0].type)
    operations = [(node.name, node.operation) for node in pictures.nodes]
    with pytest.raises(NetworkError, check=coded("network.misfit", key="nodes[4].pool")):
        Network.chain("tiny", narrow, operations)
