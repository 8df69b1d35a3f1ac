"""Lowering: exact edge types, the same bytes everywhere, and errors instead of silent changes."""

from __future__ import annotations

import json
import os
import pickle
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpgac.core.core import Table
from fpgac.core.lowering import lower
from fpgac.core.reuse import valid_reuse_factors
from fpgac.errors import CoreError
from fpgac.network.network import DenseLayer, Network, ReluLayer
from fpgac.numbers import FixedPoint, Overflow, Rounding
from fpgac.spec.models import HlsSection
from tests.core.networks import network
from tests.drawing import examples

LATENCY = HlsSection()
TINY = network("tiny", "ap_fixed<16,6,RND,SAT>", (5, 6, 3))


def test_the_edges_are_what_the_cpp_declares() -> None:
    core = lower(TINY, LATENCY)
    defines = core.files["defines.h"].decode()
    assert (core.top, core.io_type, core.clock_mhz) == ("tiny", "io_parallel", 200.0)
    assert (core.input.shape, core.output.shape) == ((5,), (3,))
    assert (core.input.lanes, core.output.lanes) == (1, 1)
    assert core.input.type == TINY.input_type
    assert f"typedef {core.input.type.cpp} {core.input.cpp_type};" in defines
    assert f"typedef ap_fixed<{core.output.type.width},{core.output.type.integer}>" in defines
    header = core.files["tiny.h"].decode()
    assert re.search(rf"void tiny\(\s*input_t {core.input.name}\[5\],", header)


def test_a_stream_carries_a_whole_sample_in_each_item() -> None:
    core = lower(TINY, HlsSection(io_type="io_stream"))
    assert (core.input.lanes, core.output.lanes) == (5, 3)
    assert (
        "typedef nnet::array<ap_fixed<16,6,AP_RND,AP_SAT,0>, 5*1> input_t;"
        in core.files["defines.h"].decode()
    )


def test_without_an_output_type_every_bit_of_the_sums_is_kept() -> None:
    # 8 bits of activations, 8 of weights, 3 for the sum of six, 1 for the bias.
    assert lower(TINY, LATENCY).output.type == FixedPoint.parse("ap_fixed<20,7>")


def test_an_output_type_is_the_last_layers() -> None:
    wanted = FixedPoint.parse("ap_fixed<10,4,RND_CONV,SAT_SYM>")
    assert lower(TINY, LATENCY, output=wanted).output.type == wanted


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
    hls = HlsSection(strategy="resource", reuse_factor=6)
    core = lower(TINY, hls, reuse_factors={"dense_1": 5})
    factors = re.findall(rb"reuse_factor = (\d+);", core.files["parameters.h"])
    assert factors[0] == b"5"
    assert b"6" in factors
    assert core.initiation_interval == 6


def test_a_pipeline_aims_at_the_interval_of_its_reuse_factor() -> None:
    assert b"#pragma HLS PIPELINE\n" in lower(TINY, LATENCY).files["tiny.cpp"]
    core = lower(TINY, HlsSection(reuse_factor=3))
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
from fpgac.spec.models import HlsSection
core = lower(pickle.loads(pathlib.Path("network.pickle").read_bytes()), HlsSection())
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
        lower(TINY, HlsSection(clock_mhz=250.0)),
        lower(TINY, HlsSection(io_type="io_stream")),
        lower(TINY, LATENCY, output=FixedPoint.parse("ap_fixed<10,4>")),
        lower(replace(TINY, name="other"), LATENCY),
        lower(network("tiny", "ap_fixed<16,6,RND,SAT>", (5, 6, 3), seed=2), LATENCY),
    ]
    assert len({core.digest for core in asked}) == len(asked)


def test_lowering_leaves_stdout_clean(capfd: pytest.CaptureFixture[str]) -> None:
    lower(TINY, HlsSection(io_type="io_stream", strategy="resource"))
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
    strategy: str,
) -> None:
    """lower() itself checks that hls4ml's graph says the same and that its sums keep every bit.

    Formats far apart give sums too wide for a float64, which are refused and nothing else is.
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
        core = lower(tiny, HlsSection.model_validate({"strategy": strategy}))
    except CoreError as refused:
        (problem,) = refused.problems
        assert "does not fit a host's numbers" in problem.what
        assert int(problem.got.removesuffix(" bits")) > 53
        return
    assert core.input.type == x
    product = relu.fraction + weights.fraction
    assert core.output.type.fraction == max(product, biases.fraction)


def problem(network: Network, hls: HlsSection = LATENCY, **options: object) -> str:
    with pytest.raises(CoreError) as caught:
        lower(network, hls, **options)  # type: ignore[arg-type]
    return str(caught.value)


def test_a_reuse_factor_that_a_layer_cannot_have_is_an_error_with_the_nearest() -> None:
    text = problem(TINY, HlsSection(strategy="resource", reuse_factor=4))
    assert text == (
        "[hls.reuse_factor]: layer 'dense_1' cannot have this reuse factor with the strategy "
        "'resource'\n"
        "  expected: a divisor of its inputs, 5, or 5 x a divisor of its outputs, 6\n"
        "  got:      4\n"
        "  hint:     the nearest is 1 or 5; each layer may have a reuse_factor of its own\n"
        "[hls.reuse_factor]: layer 'dense_2' cannot have this reuse factor with the strategy "
        "'resource'\n"
        "  expected: a divisor of its inputs, 6, or 6 x a divisor of its outputs, 3\n"
        "  got:      4\n"
        "  hint:     the nearest is 3 or 6; each layer may have a reuse_factor of its own"
    )


def test_a_layer_cannot_share_more_multiplications_than_it_has() -> None:
    text = problem(TINY, reuse_factors={"dense_2": 19})
    assert "layer 'dense_2'" in text
    assert "1 to 18" in text
    assert "the nearest is 18" in text


def test_a_reuse_factor_for_no_layer_is_an_error() -> None:
    assert "did you mean 'dense_1'?" in problem(TINY, reuse_factors={"dens_1": 1})


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
    assert repr(name) in problem(replace(TINY, name=name))


def test_names_that_differ_in_capitals_only_are_an_error() -> None:
    first, relu, second = TINY.layers
    same = replace(TINY, layers=(first, relu, replace(second, name="Dense_1")))
    assert "'dense_1'" in problem(same)


def test_a_layer_may_be_named_like_the_input() -> None:
    first, relu, second = TINY.layers
    named = replace(TINY, layers=(replace(first, name="tiny_input"), relu, second))
    assert lower(named, LATENCY).input.size == 5


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
    text = problem(network, output=output)
    assert "does not fit a host's numbers" in text
    assert "at most 53 bits" in text


def test_wide_sums_may_have_a_narrow_output_type() -> None:
    wide = network("tiny", "ap_fixed<32,6>", (5, 3), weights="ap_fixed<24,1>")
    narrow = FixedPoint.parse("ap_fixed<16,8,RND,SAT>")
    assert lower(wide, LATENCY, output=narrow).output.type == narrow


def test_constants_that_cpp_cannot_write_are_an_error() -> None:
    assert "C++ constants" in problem(
        network("tiny", "ap_fixed<8,6>", (5, 3), weights="ap_fixed<8,70>")
    )


def with_first_layer(**changes: object) -> Network:
    first, *others = TINY.layers
    assert isinstance(first, DenseLayer)
    return replace(TINY, layers=(replace(first, **changes), *others))  # type: ignore[arg-type]


def test_weights_outside_their_format_are_an_error() -> None:
    text = problem(with_first_layer(weights=np.full((5, 6), 200)))
    assert "raw words from -128 to 127" in text
    assert "the network is damaged" in text


def test_weights_of_the_wrong_shape_are_an_error() -> None:
    assert "of shape 4x6, not 5x6" in problem(
        with_first_layer(weights=np.zeros((4, 6), dtype=np.int64))
    )


def test_a_relu_at_the_end_already_has_its_format() -> None:
    ending = replace(TINY, layers=(*TINY.layers, ReluLayer("last", FixedPoint(8, 2, signed=False))))
    assert lower(ending, LATENCY).output.type == FixedPoint(8, 2, signed=False)
    assert "'ap_ufixed<8,2>'" in problem(ending, output=FixedPoint(8, 2))


def test_a_network_without_layers_is_an_error() -> None:
    assert "no layers" in problem(replace(TINY, layers=()))


def test_what_hls4ml_refuses_is_an_error_with_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    from hls4ml.model.graph import ModelGraph

    def refuse(*_: object) -> None:
        raise RuntimeError("no such layer")

    monkeypatch.setattr(ModelGraph, "from_layer_list", refuse)
    assert "RuntimeError: no such layer" in problem(TINY)


def test_what_hls4ml_warns_of_is_an_error_and_not_printed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from hls4ml.writer.vitis_writer import VitisWriter

    def warn(*_: object) -> None:
        sys.stdout.write("WARNING: something else instead")

    monkeypatch.setattr(VitisWriter, "write_defines", warn)
    assert "something else instead" in problem(TINY)
    assert capfd.readouterr() == ("", "")


def test_sums_that_hls4ml_would_cut_short_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from hls4ml.model.optimizer.passes.infer_precision import InferPrecisionTypes
    from hls4ml.model.types import FixedPrecisionType

    monkeypatch.setattr(
        InferPrecisionTypes, "_get_maximum_precision", lambda *_: FixedPrecisionType(14, 6)
    )
    assert "hls4ml's sums of 'dense_1' lose bits" in problem(TINY)


def test_a_full_temporary_folder_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from hls4ml.writer.vitis_writer import VitisWriter

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(VitisWriter, "write_parameters", full)
    assert "set TMPDIR" in problem(TINY)
