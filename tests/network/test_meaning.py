"""A network means a program: the one that hls4ml's graph of it makes, and what Keras answers.

The networks are those that fpgac comes with, and drawn graphs: branches, several inputs and
outputs, all kinds of operation, images of one and two axes, any formats.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from fpgac.core.core import Core
from fpgac.core.lowering import lower
from fpgac.core.settings import HlsSettings
from fpgac.engines.keras import keras_outputs
from fpgac.errors import CoreError, NetworkError
from fpgac.native.engine import Engine
from fpgac.network.file import read_network
from fpgac.network.meaning import meaning, outputs
from fpgac.network.network import Network
from fpgac.network.ops import OPERATIONS
from fpgac.network.ops.weighted import Weighted
from fpgac.numbers import FixedPoint, IntArray
from fpgac.program.comparison import Verdict
from fpgac.program.interpreter import interpret
from fpgac.rules.claim import check_claim
from fpgac.rules.core_program import exact_program
from fpgac.spec.loader import load_spec
from fpgac.spec.models import IoType
from tests.cores import Simulated
from tests.network.book import by_the_book
from tests.network.graphs import IMPORTED, TOGETHER, UNSTREAMED, drawn, together
from tests.network.samples import MakeNetwork, any_words

SPECS = Path(__file__).parents[2] / "specs"
SHIPPED = sorted(path.name.partition(".")[0] for path in SPECS.glob("*.network.json"))
SAMPLES = 100

QUICK, MANY = 2 * TOGETHER, 10 * TOGETHER


def batches(first: int, last: int, size: int = 2 * TOGETHER) -> list[range]:
    return [range(start, start + size) for start in range(first, last, size)]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_network_means_what_hls4ml_makes_of_it(name: str) -> None:
    file = load_spec(SPECS / f"{name}.toml")
    network = read_network(file.network_path)
    types = file.spec.output_types(output.name for output in network.outputs)
    core = lower(network, HlsSettings(), types=types)
    assert meaning(network, types).digest == exact_program(core).digest
    assert meaning(network, types).output_layout.tensors == tuple(
        replace(tensor, type=types.get(tensor.name, tensor.type))
        for tensor in network.output_tensors
    )


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_network_means_what_keras_recorded(name: str) -> None:
    network = read_network(SPECS / f"{name}.network.json")
    assert network.recording is not None
    answers, exact = outputs(network, network.recording.inputs), ~np.array(network.approximate)
    assert np.array_equal(answers[:, exact], network.recording.outputs[:, exact])


def test_the_drawn_graphs_have_branches_ends_and_every_kind_of_operation() -> None:
    networks = [drawn(seed) for seed in range(MANY)]
    nodes = [node for network in networks for node in network.nodes]
    assert {node.operation.kind for node in nodes} == set(OPERATIONS)
    assert len({network.digest for network in networks}) == MANY
    for count, least in (
        (sum(len(network.inputs) > 1 for network in networks), MANY / 3),
        (sum(len(network.outputs) > 1 for network in networks), MANY / 2),
        (sum(_branches(network) for network in networks), MANY / 2),
    ):
        assert count > least


def _branches(network: Network) -> bool:
    read = [name for node in network.nodes for name in node.inputs]
    return len(set(read)) < len(read)


@pytest.mark.parametrize("seeds", batches(0, MANY, MANY // 4), ids=str)
def test_a_drawn_graph_means_what_the_book_says(seeds: range) -> None:
    for network in map(drawn, seeds):
        words = any_words(network, SAMPLES)
        assert np.array_equal(outputs(network, words), by_the_book(network, words)), network.name


# What keras.layers and hls4ml do with an element is known to the last bit; fractions are slower.
@pytest.mark.parametrize("seed", range(0, MANY, MANY // 12))
def test_floats_are_exact_in_the_book(seed: int) -> None:
    network = drawn(seed, without={"softmax", "curve", "argmax"})
    words = any_words(network, 3)
    answers = by_the_book(network, words, Fraction)
    assert outputs(network, words).tolist() == answers.tolist()


@pytest.mark.parametrize("seeds", batches(0, QUICK), ids=str)
def test_a_drawn_graph_means_what_hls4ml_makes_of_it(seeds: range, simulate_all: Simulated) -> None:
    assert_same(seeds, simulate_all)


@pytest.mark.heavy
@pytest.mark.parametrize("seeds", batches(QUICK, MANY), ids=str)
def test_many_drawn_graphs_mean_what_hls4ml_makes_of_them(
    seeds: range, simulate_all: Simulated
) -> None:
    assert_same(seeds, simulate_all)


def assert_same(seeds: range, simulate_all: Simulated) -> None:
    """The program of every network is hls4ml's to the letter, and the C simulation's words too."""
    networks = [drawn(seed) for seed in seeds]
    cores = [lowered(network) for network in networks]
    for network, core in zip(networks, cores, strict=True):
        assert meaning(network).digest == exact_program(core).digest, network.name
    assert_simulated(networks, cores, simulate_all)


def lowered(network: Network, io_type: IoType = "io_parallel") -> Core:
    """The core, by turns with all multipliers and with few."""
    rng = np.random.default_rng(len(network.nodes))
    if rng.random() < 0.5:
        return lower(network, HlsSettings(io_type=io_type))
    factors = {
        node.name: int(rng.choice(_divisors(node.operation.terms)))
        for node in network.nodes
        if isinstance(node.operation, Weighted)
    }
    return lower(network, HlsSettings(io_type=io_type, strategy="resource", reuse_factors=factors))


def _divisors(number: int) -> list[int]:
    return [factor for factor in range(1, number + 1) if number % factor == 0]


def assert_simulated(
    networks: Sequence[Network], cores: Sequence[Core], simulate_all: Simulated
) -> None:
    """The C simulation gives the words that the networks mean; g++ runs twice at a time."""
    words = [any_words(network, SAMPLES) for network in networks]
    half = len(cores) // 2
    parts = [slice(0, half), slice(half, None)]

    def answers(part: slice) -> list[IntArray]:
        return simulate_all(cores[part], words[part])

    with ThreadPoolExecutor(2) as pool:
        found = [answer for part in pool.map(answers, parts) for answer in part]
    for network, given, answer in zip(networks, words, found, strict=True):
        assert np.array_equal(interpret(meaning(network), given), answer), network.name


def test_a_drawn_graph_means_what_hls4mls_streams_make_of_it(simulate_all: Simulated) -> None:
    assert_streamed(range(TOGETHER), simulate_all)


@pytest.mark.heavy
@pytest.mark.parametrize("seeds", batches(TOGETHER, 5 * TOGETHER), ids=str)
def test_many_drawn_graphs_mean_what_hls4mls_streams_make_of_them(
    seeds: range, simulate_all: Simulated
) -> None:
    assert_streamed(seeds, simulate_all)


def assert_streamed(seeds: range, simulate_all: Simulated) -> None:
    """Streams pad and copy in layers of their own; what they cannot do is refused."""
    networks, cores = [], []
    for network in (drawn(seed, UNSTREAMED) for seed in seeds):
        core = lowered(network, "io_stream")
        try:
            assert check_claim(meaning(network), core).verdict is not Verdict.DIFFERENT
        except CoreError as refused:
            (problem,) = refused.problems
            assert problem.code == "core.faulty-cpp"
            assert "skips rows" in problem.what
        else:
            networks.append(network)
            cores.append(core)
    assert len(networks) > 0.8 * len(seeds)
    assert_simulated(networks, cores, simulate_all)


@pytest.mark.parametrize(
    "seeds", [range(12), pytest.param(range(100, 150), marks=pytest.mark.heavy)], ids=str
)
def test_a_drawn_graph_means_what_keras_answers(seeds: range) -> None:
    network = together([drawn(seed, IMPORTED) for seed in seeds])
    words, exact = any_words(network, SAMPLES), ~np.array(network.approximate)
    answers, means = keras_outputs(network, words), outputs(network, words)
    wrong = np.flatnonzero((answers != means).any(axis=0) & exact)
    assert not wrong.size, [_output_at(network, column) for column in wrong[:5]]
    assert exact.mean() > 0.8


def _output_at(network: Network, column: int) -> str:
    ends = np.cumsum([tensor.size for tensor in network.output_tensors])
    return network.output_tensors[int(np.searchsorted(ends, column, "right"))].name


@pytest.mark.heavy
def test_a_drawn_graph_means_what_the_native_engine_computes() -> None:
    network = together([drawn(seed) for seed in range(TOGETHER)])
    program, words = meaning(network), any_words(network, SAMPLES)
    assert np.array_equal(Engine.of(program).words(words), interpret(program, words))


def test_an_output_may_have_a_type_of_its_own(make_network: MakeNetwork) -> None:
    network = make_network()
    narrow = FixedPoint.parse("ap_fixed<6,3,RND,SAT>")
    program, words = meaning(network, {"dense_2": narrow}), any_words(network, 50)
    assert [output.tensor.type for output in program.outputs] == [narrow]
    expected = narrow.raw(outputs(network, words))
    assert np.array_equal(interpret(program, words), expected)


def test_numbers_beyond_62_bits_have_no_program(make_network: MakeNetwork) -> None:
    wide = make_network(input_type="ap_fixed<40,4>", weight_type="ap_fixed<30,1,RND_CONV,SAT>")
    with pytest.raises(NetworkError) as caught:
        meaning(wide)
    (problem,) = caught.value.problems
    assert problem.code == "network.too-wide"
    assert problem.where is not None
    assert problem.where.key == "layers.dense_1"


def test_the_words_may_come_as_padded_memory(make_network: MakeNetwork) -> None:
    network = make_network()
    words = any_words(network, 9)
    padded = words.astype(network.input_layout.dtype)
    assert np.array_equal(outputs(network, padded), outputs(network, words))


def test_no_samples_give_no_outputs(make_network: MakeNetwork) -> None:
    assert outputs(make_network(), np.empty((0, 4), np.int64)).shape == (0, 3)
