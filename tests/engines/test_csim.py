"""The C simulation is exact: ours, hls4ml's own and plain integers give the same words."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fpgac.core.core import Core
from fpgac.core.lowering import lower
from fpgac.core.settings import HlsSettings
from fpgac.engines.csim import simulate
from fpgac.network.network import Network
from fpgac.network.ops.dense import Dense
from fpgac.network.ops.relu import Relu
from fpgac.numbers import FixedPoint, IntArray
from tests.core.networks import compiled, network, random_words
from tests.core.reference import answers
from tests.design import cores as design_cores
from tests.design.cores import SEVERAL

SAMPLES = 300


@dataclass(frozen=True)
class Case:
    """A network, and how it is lowered."""

    network: Network
    hls: HlsSettings
    output: str | None = None

    @property
    def core(self) -> Core:
        types = {self.network.outputs[0].name: FixedPoint.parse(self.output)} if self.output else {}
        return lower(self.network, self.hls, types=types)


CASES = {
    "parallel, latency": Case(
        network("tiny", "ap_fixed<16,6,RND,SAT>", (5, 6, 3)),
        HlsSettings(reuse_factor=2),
    ),
    "stream, latency; integer bits beyond the width and below zero; unsigned input": Case(
        network(
            "odd",
            "ap_ufixed<7,-2,TRN,WRAP>",
            (4, 5, 4, 2),
            weights="ap_fixed<5,7>",
            biases="ap_fixed<6,-1>",
            activations="ap_fixed<9,6,RND_INF,SAT_SYM>",
        ),
        HlsSettings(io_type="io_stream"),
        output="ap_fixed<9,4,RND_ZERO,SAT_SYM>",
    ),
    "parallel, resource; more reuse than inputs; wide words": Case(
        network(
            "wide",
            "ap_fixed<24,12,RND_CONV,SAT>",
            (6, 4, 3),
            weights="ap_fixed<12,3>",
            biases="ap_ufixed<20,2>",
            activations="ap_ufixed<17,9,RND_MIN_INF,SAT_ZERO>",
        ),
        HlsSettings(strategy="resource", reuse_factor=12, reuse_factors={"dense_2": 4}),
    ),
    "stream, resource; everything wraps": Case(
        network(
            "wrapping",
            "ap_fixed<6,2>",
            (8, 6, 4),
            weights="ap_ufixed<3,1>",
            biases="ap_fixed<1,1>",
            activations="ap_ufixed<4,1,TRN_ZERO,WRAP>",
        ),
        HlsSettings(io_type="io_stream", strategy="resource", reuse_factor=2),
        output="ap_ufixed<5,3,RND,WRAP>",
    ),
}


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture(scope="module")
def library(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(case.core, tmp_path_factory.mktemp(case.network.name))


def words_for(core: Core, samples: int = SAMPLES) -> IntArray:
    return random_words(
        core.inputs[0].type, (samples, core.inputs[0].size), np.random.default_rng(7)
    )


def hls4mls_own(case: Case, folder: Path) -> Any:
    """The same network as a user of hls4ml would build, write and compile it."""
    import hls4ml
    from hls4ml.model.graph import ModelGraph

    config = hls4ml.utils.config.create_config(
        output_dir=str(folder), project_name="own", backend="Vitis", io_type=case.hls.io_type
    )
    (entry,) = case.network.inputs
    layers: list[dict[str, Any]] = [
        {"name": "x", "class_name": "InputLayer", "input_shape": [entry.size]}
    ]
    names: dict[str, Any] = {"x": {"Precision": {"result": entry.type.cpp}}}
    inputs = entry.size
    for node in case.network.nodes:
        layer = node.operation
        if isinstance(layer, Dense):
            weights = layer.weight_type.number(layer.weights)
            biases = layer.bias_type.number(layer.bias)
            layers.append(
                {
                    "name": node.name,
                    "class_name": "Dense",
                    "n_in": inputs,
                    "n_out": len(biases),
                    "weight_data": weights,
                    "bias_data": biases,
                }
            )
            precision = {
                "weight": layer.weight_type.cpp,
                "bias": layer.bias_type.cpp,
                "accum": "auto",
                "result": "auto",
            }
            factor = case.hls.reuse_factors.get(node.name, case.hls.reuse_factor)
            names[node.name] = {"Precision": precision, "ReuseFactor": factor}
            inputs = len(biases)
        elif isinstance(layer, Relu):
            layers.append(
                {
                    "name": node.name,
                    "class_name": "Activation",
                    "activation": "relu",
                    "n_in": inputs,
                }
            )
            names[node.name] = {"Precision": {"result": layer.grid.cpp}}
    if case.output:
        last = names[case.network.outputs[0].node]["Precision"]
        last["result"] = FixedPoint.parse(case.output).cpp
    model = {"Precision": "ap_fixed<16,6>", "ReuseFactor": 1, "Strategy": case.hls.strategy}
    config["HLSConfig"] = {"Model": model, "LayerName": names}
    return ModelGraph.from_layer_list(config, layers)


def test_raw_words_are_those_of_hls4mls_own_simulation_and_of_plain_integers(
    case: Case, library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    core = case.core
    words = words_for(core)
    got = simulate(library, core, words)
    assert got.dtype == core.outputs[0].type.dtype
    np.testing.assert_array_equal(got, answers(case.network, words, core.outputs[0].type))

    monkeypatch.setitem(__import__("sys").modules, "keras", None)  # or it imports TensorFlow
    with contextlib.redirect_stdout(io.StringIO()):
        graph = hls4mls_own(case, tmp_path)
        graph.compile()
        numbers = graph.predict(core.inputs[0].type.number(words))
    expected = numbers.reshape(got.shape) / core.outputs[0].type.step
    np.testing.assert_array_equal(got, expected)


def test_the_answer_does_not_depend_on_how_many_processes_share_the_samples(
    case: Case, library: Path
) -> None:
    words, done = words_for(case.core), list[int]()
    alone = simulate(library, case.core, words, processes=1)
    together = simulate(library, case.core, words, processes=3, progress=done.append)
    np.testing.assert_array_equal(alone, together)
    assert done == sorted(done)
    assert done[-1] == SAMPLES


def test_no_samples_have_no_answers(case: Case, library: Path) -> None:
    nothing = np.zeros((0, case.core.inputs[0].size), dtype=np.int64)
    assert simulate(library, case.core, nothing).shape == (0, case.core.outputs[0].size)


CORE = CASES["parallel, latency"].core


def test_the_compiled_core_is_the_same_in_every_folder(tmp_path: Path) -> None:
    once, again = (compiled(CORE, tmp_path / place) for place in ("one", "another"))
    for name in ("core.o", "simulation.so"):
        made = once.with_name(name).read_bytes()
        assert made == again.with_name(name).read_bytes()
        assert str(tmp_path).encode() not in made


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (np.zeros((4, 6), dtype=np.int64), r"expected shape \(samples, 5\)"),
        (np.zeros(5, dtype=np.int64), r"expected shape \(samples, 5\)"),
        (np.full((4, 5), 40_000), "-32768 to 32767"),
    ],
)
def test_words_that_the_input_cannot_hold_are_refused(words: IntArray, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        simulate(Path("never-loaded.so"), CORE, words)


@pytest.mark.parametrize("core", SEVERAL.values(), ids=SEVERAL)
def test_several_inputs_and_outputs_are_rows(core: Core, tmp_path: Path) -> None:
    words = design_cores.random_words(core, SAMPLES)
    got = simulate(compiled(core, tmp_path), core, words)
    assert got.dtype == core.output_layout.dtype
    np.testing.assert_array_equal(got, design_cores.answers(core, words))


def test_each_tensor_s_words_are_checked_by_its_own_type() -> None:
    core = SEVERAL["two and two"]
    words = design_cores.random_words(core, 4)
    for column, least in ((0, -(2**15)), (15, 0)):
        words[0, column] = least - 1
        with pytest.raises(ValueError, match=f"{least} to "):
            simulate(Path("never-loaded.so"), core, words)
        words[0, column] = least
