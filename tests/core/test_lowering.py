"""Lowering: exact edge types, the same bytes everywhere, and errors instead of silent changes."""

from __future__ import annotations

import json
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpgac.core.core import Table
from fpgac.core.lowering import lower
from fpgac.core.reuse import reuse_factors, valid_reuse_factors
from fpgac.core.settings import HlsSettings
from fpgac.errors import CoreError, NetworkError, Problem
from fpgac.network.meaning import meaning
from fpgac.network.network import Network
from fpgac.network.operation import Operation
from fpgac.network.ops.dense import Dense
from fpgac.network.ops.relu import Relu
from fpgac.numbers import FixedPoint, IntArray, Overflow, Rounding
from fpgac.program.comparison import Verdict
from fpgac.rules.claim import check_claim
from fpgac.spec.models import Strategy
from scripts.taken_names import taken
from tests.core.networks import network
from tests.drawing import examples
from tests.problems import coded

LATENCY = HlsSettings()
TINY = network("tiny", "ap_fixed<16,6,RND,SAT>", (5, 6, 3))


def test_the_edges_are_what_the_cpp_declares() -> None:
    core = lower(TINY, LATENCY)
    defines = core.files["defines.h"].decode()
    assert (core.top, core.io_type, core.clock_mhz) == ("tiny", "io_parallel", 200.0)
    ((x,), (y,)) = core.inputs, core.outputs
    assert (x.name, x.shape, x.lanes) == ("x", (5,), 1)
    assert (y.name, y.shape, y.lanes) == ("dense_2", (3,), 1)
    assert x.type == TINY.inputs[0].type
    assert f"typedef {x.type.cpp} {x.cpp_type};" in defines
    assert f"typedef ap_fixed<{y.type.width},{y.type.integer}>" in defines
    assert re.search(r"void tiny\(\s*input_t tiny_input\[5\],", core.files["tiny.h"].decode())


def test_a_stream_carries_a_whole_sample_in_each_item() -> None:
    core = lower(TINY, HlsSettings(io_type="io_stream"))
    assert [port.lanes for port in (*core.inputs, *core.outputs)] == [5, 3]
    assert (
        "typedef nnet::array<ap_fixed<16,6,AP_RND,AP_SAT,0>, 5*1> input_t;"
        in core.files["defines.h"].decode()
    )


def test_without_an_output_type_every_bit_of_the_sums_is_kept() -> None:
    # 8 bits of activations, 8 of weights, 3 for the sum of six, 1 for the bias.
    assert result_type(TINY) == FixedPoint.parse("ap_fixed<20,7>")


def test_an_output_type_is_its_layers() -> None:
    wanted = FixedPoint.parse("ap_fixed<10,4,RND_CONV,SAT_SYM>")
    assert result_type(TINY, types={"dense_2": wanted}) == wanted


def result_type(network: Network, **options: Any) -> FixedPoint:
    (port,) = lower(network, LATENCY, **options).outputs
    return port.type


def test_the_files_stand_alone() -> None:
    core = lower(TINY, LATENCY)
    assert {"tiny.cpp", "tiny.h", "defines.h", "parameters.h"} <= set(core.files)
    assert not [path for path in core.files if "ap_types" in path or path.endswith(".txt")]
    assert core.tables == (
        Table("w2", "dense_1_weight_t"),
        Table("b2", "dense_1_bias_t"),
        Table("w4", "dense_2_weight_t"),
        Table("b4", "dense_2_bias_t"),
    )
    for table in core.tables:
        assert f"{table.cpp_type} {table.name}[" in core.files[f"weights/{table.name}.h"].decode()
    assert b"load_weights" not in core.files["tiny.cpp"]


def test_the_layers_reuse_factors_are_kept_and_the_slowest_sets_the_pace() -> None:
    hls = HlsSettings(strategy="resource", reuse_factor=6, reuse_factors={"dense_1": 5})
    core = lower(TINY, hls)
    factors = re.findall(rb"reuse_factor = (\d+);", core.files["parameters.h"])
    assert factors[0] == b"5"
    assert b"6" in factors
    assert core.initiation_interval == 6


def test_a_pipeline_aims_at_the_interval_of_its_reuse_factor() -> None:
    assert b"#pragma HLS PIPELINE\n" in lower(TINY, LATENCY).files["tiny.cpp"]
    core = lower(TINY, HlsSettings(reuse_factor=3))
    assert b"#pragma HLS PIPELINE II=3\n" in core.files["tiny.cpp"]


@pytest.mark.parametrize("layers", [3, 12])
def test_hls4ml_looks_at_each_layer_as_often_however_many_there_are(
    layers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hls4ml.model.optimizer.passes.infer_precision import InferPrecisionTypes

    seen: list[str] = []
    match = InferPrecisionTypes.match

    def watched(self: InferPrecisionTypes, node: Any) -> Any:
        seen.append(node.name)
        return match(self, node)

    monkeypatch.setattr(InferPrecisionTypes, "match", watched)
    lower(network("deep", "ap_fixed<16,6,RND,SAT>", (4,) * (layers + 1)), LATENCY)
    assert seen.count("dense_1") == 2  # at work, and once more in vain


ELSEWHERE = """
import json, pathlib, pickle, sys
from fpgac.core.lowering import lower
from fpgac.core.settings import HlsSettings
core = lower(pickle.loads(pathlib.Path("network.pickle").read_bytes()), HlsSettings())
frameworks = {"tensorflow", "keras", "tf_keras", "qkeras", "torch", "onnx"} & set(sys.modules)
told = {"digest": core.digest, "frameworks": sorted(frameworks), "files": sorted(core.files)}
pathlib.Path("told.json").write_text(json.dumps(told))
"""


def test_another_process_in_another_folder_makes_the_same_bytes_in_silence(
    tmp_path: Path,
) -> None:
    here = lower(TINY, LATENCY)
    for place, seed in (("a", "1"), ("b b", "2")):
        scratch = tmp_path / place / "scratch"
        scratch.mkdir(parents=True)
        (tmp_path / place / "network.pickle").write_bytes(pickle.dumps(TINY))
        ran = subprocess.run(
            [sys.executable, "-c", ELSEWHERE],
            cwd=tmp_path / place,
            env={**os.environ, "TMPDIR": str(scratch), "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            timeout=60,
        )
        assert (ran.stdout, ran.stderr) == (b"", b"")
        told = json.loads((tmp_path / place / "told.json").read_text())
        assert told == {
            "digest": here.digest,
            "frameworks": [],
            "files": sorted(here.files),
        }
        assert not list(scratch.iterdir())


def test_no_file_knows_where_or_when_it_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for content in lower(TINY, LATENCY).files.values():
        assert str(tmp_path).encode() not in content
        assert str(Path.home()).encode() not in content
        assert sys.prefix.encode() not in content


def test_the_digest_covers_what_the_core_is_asked_for() -> None:
    asked = [
        lower(TINY, LATENCY),
        lower(TINY, HlsSettings(clock_mhz=250.0)),
        lower(TINY, HlsSettings(io_type="io_stream")),
        lower(TINY, LATENCY, types={"dense_2": FixedPoint.parse("ap_fixed<10,4>")}),
        lower(replace(TINY, name="other"), LATENCY),
        lower(network("tiny", "ap_fixed<16,6,RND,SAT>", (5, 6, 3), seed=2), LATENCY),
    ]
    assert len({core.digest for core in asked}) == len(asked)


def test_lowering_leaves_stdout_clean(capfd: pytest.CaptureFixture[str]) -> None:
    lower(TINY, HlsSettings(io_type="io_stream", strategy="resource"))
    assert capfd.readouterr() == ("", "")


formats = st.builds(
    FixedPoint,
    width=st.integers(2, 20),
    integer=st.integers(-8, 24),
    signed=st.booleans(),
    rounding=st.sampled_from(Rounding),
    overflow=st.sampled_from(Overflow),
)


@settings(max_examples=examples(40))
@given(
    formats, formats, formats, formats, st.integers(1, 9), st.sampled_from(["latency", "resource"])
)
def test_every_format_is_lowered_exactly_as_it_is(
    x: FixedPoint,
    weights: FixedPoint,
    biases: FixedPoint,
    relu: FixedPoint,
    size: int,
    strategy: Strategy,
) -> None:
    """hls4ml's graph has every type as the network has it, and its program is what that means.

    Formats far apart give results too wide for a float64, which are refused and nothing else is,
    and sums too wide for a program, of which there is none to compare.
    """
    tiny = network(
        "tiny",
        str(x),
        (size, 3, 2),
        weights=str(weights),
        biases=str(biases),
        activations=str(relu),
    )
    try:
        core = lower(tiny, HlsSettings(strategy=strategy))
    except CoreError as refused:
        (problem,) = refused.problems
        assert problem.code == "core.format-too-wide"
        assert int(problem.got.removesuffix(" bits")) > 53
        return
    ((entry,), (result,)) = core.inputs, core.outputs
    assert entry.type == x
    product = relu.fraction + weights.fraction
    assert result.type.fraction == max(product, biases.fraction)
    assert core.graph is not None
    for node in core.graph.nodes[1:]:
        assert [made.type for made in node.outputs] == [tiny.tensors[node.name].type]
    try:
        program = meaning(tiny)
    except NetworkError:  # sums of more than 62 bits, under a result that a host takes
        return
    assert check_claim(program, core).verdict is Verdict.SAME


def problems(network: Network, hls: HlsSettings = LATENCY, **options: Any) -> tuple[Problem, ...]:
    with pytest.raises(CoreError) as caught:
        lower(network, hls, **options)
    return caught.value.problems


def problem(network: Network, hls: HlsSettings = LATENCY, **options: Any) -> Problem:
    (found,) = problems(network, hls, **options)
    return found


def code(network: Network, hls: HlsSettings = LATENCY, **options: Any) -> str:
    return problem(network, hls, **options).code


def test_a_reuse_factor_that_a_layer_cannot_have_is_an_error_with_the_nearest() -> None:
    first, second = problems(TINY, HlsSettings(strategy="resource", reuse_factor=4))
    for found in (first, second):
        assert (found.code, found.got) == ("core.reuse-factor", "4")
        assert str(found.where) == "[hls.reuse_factor]"
    assert first.expected == "a divisor of its inputs, 5, or 5 x a divisor of its outputs, 6"
    assert second.expected == "a divisor of its inputs, 6, or 6 x a divisor of its outputs, 3"
    assert "1 or 5" in first.hint
    assert "3 or 6" in second.hint


def test_a_layer_cannot_share_more_multiplications_than_it_has() -> None:
    found = problem(TINY, HlsSettings(reuse_factors={"dense_2": 19}))
    assert (found.code, found.got) == ("core.reuse-factor", "19")
    assert str(found.where) == "[layers.dense_2.reuse_factor]"
    assert "1 to 18" in found.expected
    assert "the nearest is 18" in found.hint


def test_a_reuse_factor_for_no_layer_is_an_error() -> None:
    found = problem(TINY, HlsSettings(reuse_factors={"dens_1": 1}))
    assert found.code == "core.unknown-layer"
    assert "'dense_1'" in found.hint


@pytest.mark.parametrize(
    ("strategy", "cycles", "factors"),
    [
        ("latency", 1, [1, 1]),
        ("latency", 7, [7, 7]),
        ("latency", 20, [20, 18]),  # the second layer has 18 multiplications
        ("resource", 7, [5, 6]),  # divisors of the inputs
    ],
)
def test_as_many_multiplications_share_a_multiplier_as_cost_no_rate(
    strategy: Strategy, cycles: int, factors: list[int]
) -> None:
    hls = HlsSettings(strategy=strategy, reuse_factor=None, free_cycles=cycles)
    assert list(reuse_factors(TINY, hls).values()) == factors


def test_a_layer_may_have_a_strategy_of_its_own() -> None:
    hls = HlsSettings(strategies={"dense_2": "resource"}, reuse_factors={"dense_2": 3})
    graph = lower(TINY, hls).graph
    assert graph is not None
    strategies = {node.name: node.settings.get("strategy") for node in graph.nodes}
    assert (strategies["dense_1"], strategies["dense_2"]) == ("latency", "resource")
    assert problem(TINY, replace(hls, reuse_factors={"dense_2": 4})).got == "4"


def test_valid_reuse_factors_are_hls4mls() -> None:
    import hls4ml

    backend = hls4ml.backends.get_backend("Vitis")
    for inputs in (1, 2, 6, 7, 12, 27, 35):
        for outputs in (1, 2, 5, 12, 16):
            expected = backend.get_valid_reuse_factors(inputs, outputs)
            assert valid_reuse_factors(inputs, outputs) == expected


@pytest.mark.parametrize(
    "name", ["defines", "nnet_types", "layer2_out", "config2", "w2", "input_t", "a-b", "_x", "ünit"]
)
def test_a_name_that_hls4mls_cpp_uses_itself_is_an_error(name: str) -> None:
    found = problem(replace(TINY, name=name))
    assert (found.code, str(found.where)) == ("core.reserved-name", "[name]")
    assert repr(name) in found.what


@pytest.mark.parametrize("name", ["time", "math", "EOF", "stdout"])
def test_a_name_of_a_header_or_a_macro_is_an_error(name: str) -> None:
    """``time.h`` would be the network's, and ``EOF`` a number."""
    assert code(replace(TINY, name=name)) == "core.reserved-name"


def test_all_names_of_this_compiler_s_headers_and_macros_are_taken() -> None:
    headers, macros = taken()
    assert {"time", "math"} <= headers
    assert "EOF" in macros
    for name in headers | macros:
        assert code(replace(TINY, name=name)) == "core.reserved-name", name


def test_a_layer_cannot_have_hls4mls_own_name_of_the_input() -> None:
    assert str(problem(named("input", "relu", "last")).where) == "[layers.input]"


def test_names_that_differ_in_capitals_only_are_an_error() -> None:
    found = problem(named("dense_1", "relu", "Dense_1"))
    assert found.code == "core.name-twice"
    assert "'dense_1'" in found.what


def test_a_layer_may_be_named_like_the_input() -> None:
    assert lower(named("tiny_input", "relu", "last"), LATENCY).input_layout.size == 5


def named(*names: str) -> Network:
    """The tiny network with other names of its layers."""
    operations = [node.operation for node in TINY.nodes]
    return chain(zip(names, operations, strict=True))


def chain(operations: Iterable[tuple[str, Operation]]) -> Network:
    """Another network of the tiny one's name and input."""
    return Network.chain("tiny", TINY.inputs[0], operations)


@pytest.mark.parametrize(
    ("network", "output"),
    [
        (network("tiny", "ap_fixed<54,6>", (5, 3)), None),
        (network("tiny", "ap_fixed<32,6>", (5, 3), weights="ap_fixed<24,1>"), None),
        (network("tiny", "ap_fixed<8,6>", (5, 3)), FixedPoint(60, 20)),
    ],
    ids=["input", "sums", "output"],
)
def test_words_too_wide_for_a_host_are_an_error(network: Network, output: FixedPoint) -> None:
    types = {network.outputs[0].name: output} if output else {}
    found = problem(network, types=types)
    assert found.code == "core.format-too-wide"
    assert int(found.got.removesuffix(" bits")) > 53
    assert "at most 53 bits" in found.expected


def test_wide_sums_may_have_a_narrow_output_type() -> None:
    wide = network("tiny", "ap_fixed<32,6>", (5, 3), weights="ap_fixed<24,1>")
    narrow = FixedPoint.parse("ap_fixed<16,8,RND,SAT>")
    assert result_type(wide, types={"dense_1": narrow}) == narrow


def test_constants_that_cpp_cannot_write_are_an_error() -> None:
    wide = network("tiny", "ap_fixed<8,6>", (5, 3), weights="ap_fixed<8,70>")
    assert code(wide, types={"dense_1": FixedPoint(16, 6)}) == "core.constant-too-wide"


def with_first_weights(words: IntArray) -> Network:
    first, *others = ((node.name, node.operation) for node in TINY.nodes)
    assert isinstance(first[1], Dense)
    return chain([(first[0], replace(first[1], weights=words)), *others])


def test_weights_outside_their_format_are_an_error() -> None:
    found = problem(with_first_weights(np.full((5, 6), 200)))
    assert found.code == "core.constant-outside"
    assert found.expected == "raw words from -128 to 127, for ap_fixed<8,1>"
    assert found.got == "200 to 200"


def test_weights_of_the_wrong_shape_make_no_network() -> None:
    with pytest.raises(NetworkError, check=coded("network.misfit", key="nodes[0].weights")):
        with_first_weights(np.zeros((4, 6), dtype=np.int64))


def test_a_relu_at_the_end_already_has_its_format() -> None:
    grid = FixedPoint(8, 2, signed=False)
    operations = [(node.name, node.operation) for node in TINY.nodes]
    ending = chain([*operations, ("last", Relu(grid))])
    assert result_type(ending) == grid
    found = problem(ending, types={"last": FixedPoint(8, 2)})
    assert (found.code, str(found.where)) == ("core.fixed-format", "[interface.output]")
    assert found.expected == "'auto' or 'ap_ufixed<8,2>'"
    assert found.got == "'ap_fixed<8,2>'"


def test_a_network_without_layers_is_an_error() -> None:
    assert code(replace(TINY, nodes=(), outputs=())) == "core.no-layers"


def test_what_hls4ml_refuses_is_an_error_with_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    from hls4ml.model.graph import ModelGraph

    def refuse(*_: object) -> None:
        raise RuntimeError("no such layer")

    monkeypatch.setattr(ModelGraph, "from_layer_list", refuse)
    found = problem(TINY)
    assert found.code == "core.refused"
    assert "RuntimeError: no such layer" in found.what


def test_what_hls4ml_warns_of_is_an_error_and_not_printed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from hls4ml.writer.vitis_writer import VitisWriter

    def warn(*_: object) -> None:
        sys.stdout.write("WARNING: something else instead")

    monkeypatch.setattr(VitisWriter, "write_defines", warn)
    found = problem(TINY)
    assert (found.code, found.got) == ("core.warned", "WARNING: something else instead")
    assert capfd.readouterr() == ("", "")


def test_a_full_temporary_folder_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from hls4ml.writer.vitis_writer import VitisWriter

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(VitisWriter, "write_parameters", full)
    assert code(TINY) == "core.cannot-write"
