"""The C simulation is exact: our road, hls4ml's own and plain integers give the same words."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fpgac.core.core import Core
from fpgac.core.lowering import lower
from fpgac.engines import csim
from fpgac.engines.csim import simulate
from fpgac.errors import EmulationError
from fpgac.network.network import DenseLayer, Network, ReluLayer
from fpgac.numbers import FixedPoint, IntArray
from fpgac.spec.models import HlsSection
from tests.core.networks import compiled, network, random_words
from tests.core.reference import answers

SAMPLES = 300


@dataclass(frozen=True)
class Case:
    """A network, and how it is lowered."""

    network: Network
    hls: HlsSection
    output: str | None = None
    reuse_factors: tuple[tuple[str, int], ...] = ()

    @property
    def core(self) -> Core:
        output = FixedPoint.parse(self.output) if self.output else None
        return lower(self.network, self.hls, output=output, reuse_factors=dict(self.reuse_factors))


CASES = {
    "parallel, latency": Case(
        network("tiny", "ap_fixed<16,6,RND,SAT>", (5, 6, 3)),
        HlsSection(reuse_factor=2),
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
        HlsSection(io_type="io_stream"),
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
        HlsSection(strategy="resource", reuse_factor=12),
        reuse_factors=(("dense_2", 4),),
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
        HlsSection(io_type="io_stream", strategy="resource", reuse_factor=2),
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
    return random_words(core.input.type, (samples, core.input.size), np.random.default_rng(7))


def hls4mls_own(case: Case, folder: Path) -> Any:
    """The same network as a user of hls4ml would build, write and compile it."""
    import hls4ml
    from hls4ml.model.graph import ModelGraph

    config = hls4ml.utils.config.create_config(
        output_dir=str(folder), project_name="own", backend="Vitis", io_type=case.hls.io_type
    )
    layers: list[dict[str, Any]] = [
        {"name": "x", "class_name": "InputLayer", "input_shape": [case.network.input_size]}
    ]
    names: dict[str, Any] = {"x": {"Precision": {"result": case.network.input_type.cpp}}}
    inputs = case.network.input_size
    for layer in case.network.layers:
        if isinstance(layer, DenseLayer):
            weights = layer.weight_type.number(layer.weights)
            biases = layer.bias_type.number(layer.bias)
            layers.append(
                {
                    "name": layer.name,
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
            factor = dict(case.reuse_factors).get(layer.name, case.hls.reuse_factor)
            names[layer.name] = {"Precision": precision, "ReuseFactor": factor}
            inputs = len(biases)
        elif isinstance(layer, ReluLayer):
            layers.append(
                {
                    "name": layer.name,
                    "class_name": "Activation",
                    "activation": "relu",
                    "n_in": inputs,
                }
            )
            names[layer.name] = {"Precision": {"result": layer.type.cpp}}
    if case.output:
        last = names[case.network.layers[-1].name]["Precision"]
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
    assert got.dtype == core.output.type.dtype
    np.testing.assert_array_equal(got, answers(case.network, words, core.output.type))

    monkeypatch.setitem(__import__("sys").modules, "keras", None)  # or it imports TensorFlow
    with contextlib.redirect_stdout(io.StringIO()):
        graph = hls4mls_own(case, tmp_path)
        graph.compile()
        numbers = graph.predict(core.input.type.number(words))
    expected = numbers.reshape(got.shape) / core.output.type.step
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
    nothing = np.zeros((0, case.core.input.size), dtype=np.int64)
    assert simulate(library, case.core, nothing).shape == (0, case.core.output.size)


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


def made_of(body: str, folder: Path) -> Path:
    """A library whose simulation does nothing but ``body``."""
    (folder / "fake.cpp").write_text(
        f'#include <cstdlib>\n#include <iostream>\nextern "C" void tiny_simulate() {{ {body} }}\n'
    )
    subprocess.run(
        ["g++", "-shared", "-fPIC", "-o", "fake.so", "fake.cpp"], cwd=folder, check=True, timeout=60
    )
    return folder / "fake.so"


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("std::abort();", "crashed with SIGABRT"),
        ("*static_cast<volatile int *>(nullptr) = 1;", "crashed with SIGSEGV"),
        ('std::cerr << "no weights\\n"; std::exit(3);', r"exit code 3(.|\n)*no weights"),
        (
            "std::cout << \"WARNING: Hls::stream 'x' is read while empty\" << std::endl;",
            r"used its streams wrongly(.|\n)*read while empty",
        ),
    ],
)
def test_a_crash_is_an_error_not_the_end_of_the_caller(
    body: str, complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(EmulationError, match=complaint):
        simulate(made_of(body, tmp_path), CORE, words_for(CORE))


def test_a_simulation_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csim, "PATIENCE", 0.5)
    with pytest.raises(EmulationError, match="hangs"):
        simulate(made_of("for (volatile int i = 0;; i = 1);", tmp_path), CORE, words_for(CORE))
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_library_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EmulationError, match="exit code 1"):
        simulate(tmp_path / "missing.so", CORE, words_for(CORE))


def test_a_full_disk_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(EmulationError, match="set TMPDIR"):
        simulate(Path("never-loaded.so"), CORE, words_for(CORE))
