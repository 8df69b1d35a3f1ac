"""Specs that leave topology and formats to a network's file, compiled and proven."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import onnx
import pytest

from fpgac.build.stage import Values
from fpgac.build.store import Store
from fpgac.decoding import Decoding
from fpgac.errors import FpgacError
from fpgac.network.imports import reading
from fpgac.network.imports.draft import Draft, DraftNode, Sums
from fpgac.network.imports.reading import draft_of
from fpgac.pipeline.checking import check_spec, chosen_target
from fpgac.pipeline.compiling import Report, Request, compile_spec
from fpgac.pipeline.sources import Sources
from fpgac.pipeline.stages import TargetStages
from fpgac.pipeline.training import train_network
from fpgac.plugins import load_plugins
from fpgac.spec.loader import load_spec
from tests.network.imports import onnx_files
from tests.problems import coded

SPECS = Path(__file__).parents[2] / "specs"


def spec_of(network: Path, *lines: str) -> Path:
    spec = network.with_suffix(".toml")
    text = ['name = "net"', f'network = "{network.name}"', *lines, "[targets.aws-f1]"]
    spec.write_text("\n".join(text) + "\n")
    return spec


def compiled(spec: Path) -> Report:
    plugins = load_plugins()
    file = check_spec(spec, plugins)
    return compile_spec(Request(file, "aws-f1", spec.with_suffix("")), plugins)


def with_reversed_kernels(path: Path, *, trust: bool) -> Draft:
    draft = draft_of(path)
    return replace(draft, nodes=tuple(map(with_reversed_kernel, draft.nodes)))


def with_reversed_kernel(node: DraftNode) -> DraftNode:
    if not isinstance(node.what, Sums) or node.what.kind != "convolution":
        return node
    weights = node.what.weights
    turned = replace(weights, values=weights.values[::-1, ::-1])
    return replace(node, what=replace(node.what, weights=turned))


def test_a_wrong_import_fails_the_compile_before_anything_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = onnx_files.quantised_convolutional(tmp_path / "net.onnx")
    monkeypatch.setattr(reading, "draft_of", with_reversed_kernels)

    with pytest.raises(FpgacError, check=coded("proof.unlike-original", key="layers.conv_2")):
        compiled(spec_of(network))
    assert not (tmp_path / "net" / "emulation").exists()


@pytest.mark.heavy
def test_floats_get_formats_by_data_which_stay(tmp_path: Path) -> None:
    writing = onnx_files.Writing(["batch", 4])
    x = writing.add("Gemm", "input", writing.floats(6, 4), writing.floats(6), transB=1)
    x = writing.add("Gemm", writing.add("Relu", x), writing.floats(6, 3), writing.floats(3))
    network = writing.write(tmp_path / "net.onnx", x)
    lines = ("[data]", 'source = "iris"', "[quantisation]", 'from = "data"', "bits = 10")
    report = compiled(spec_of(network, *lines))

    (original,) = (a for a in report.proof.agreements if "onnxruntime" in a.engine)
    (apart,) = original.approximations
    assert apart.vectors == "data"
    assert 0 < apart.greatest < 0.5
    formats = tmp_path / "net.formats"
    before = formats.read_text()
    assert compiled(spec_of(network, *lines[:-1], "bits = 12")).proof == report.proof
    assert formats.read_text() == before


def test_a_network_that_is_too_far_from_its_original_is_refused(tmp_path: Path) -> None:
    network = onnx_files.dense(tmp_path / "net.onnx")
    lines = (
        "[interface]",
        'input = "ap_fixed<8,4,RND,SAT>"',
        "[quantisation]",
        "bits = 3",
        "[proof]",
        "difference = 0.01",
    )
    with pytest.raises(FpgacError, check=coded("proof.too-far")):
        compiled(spec_of(network, *lines))


def test_other_weights_want_other_formats(tmp_path: Path) -> None:
    network = onnx_files.dense(tmp_path / "net.onnx")
    (tmp_path / "net.formats").write_text(
        'model = "net.onnx"\ndigest = "old"\nbits = 8\n[inputs]\n'
    )
    spec = spec_of(network, "[interface]", 'input = "ap_fixed<8,4,RND,SAT>"')

    with pytest.raises(FpgacError, check=coded("network.other-formats")):
        compiled(spec)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (("[interface.input]", 'other = "ap_fixed<8,4>"'), "network.unknown-input"),
        (("[data]", 'source = "wine"'), "spec.data-misfit"),
        (
            ('topology.inputs = 4\ntopology.layers = [{ kind = "dense", units = 1 }]',),
            "spec.missing-key",
        ),
    ],
)
def test_what_a_spec_says_must_agree(tmp_path: Path, lines: tuple[str, ...], code: str) -> None:
    network = onnx_files.quantised_dense(tmp_path / "net.onnx")

    with pytest.raises(FpgacError) as caught:
        check_spec(spec_of(network, *lines))
    assert caught.value.problems[0].code == code


@pytest.mark.parametrize(
    ("lines", "targets", "place"),
    [
        (("[hls]", 'strategy = "resource"', "reuse_factor = 5"), (), (5, "hls.reuse_factor")),
        ((), ("reuse_factor = 49",), (4, "targets.aws-f1.reuse_factor")),
        (
            (),
            ("[targets.aws-f1.layers.gemm_0]", "reuse_factor = 49"),
            (5, "targets.aws-f1.layers.gemm_0.reuse_factor"),
        ),
        (
            (),
            ('layers.gemm_1 = { strategy = "resource" }',),
            (4, "targets.aws-f1.layers.gemm_1"),
        ),
    ],
)
def test_reuse_factors_that_layers_of_a_file_cannot_have_are_found_at_their_place(
    tmp_path: Path, lines: tuple[str, ...], targets: tuple[str, ...], place: tuple[int, str]
) -> None:
    spec = spec_of(onnx_files.dense(tmp_path / "net.onnx"), *lines)
    spec.write_text(spec.read_text() + "\n".join(targets) + "\n")

    with pytest.raises(FpgacError) as caught:
        check_spec(spec)
    problems = caught.value.problems
    places = {(each.where.line, each.where.key) for each in problems if each.where}
    assert places == {place}
    assert all(problem.code.startswith("core.") for problem in problems)


def test_reuse_factors_that_layers_of_a_file_can_have_are_sound(tmp_path: Path) -> None:
    network = onnx_files.dense(tmp_path / "net.onnx")
    lines = ("[hls]", 'strategy = "resource"', "reuse_factor = 2")

    assert check_spec(spec_of(network, *lines)).spec.hls.reuse_factor == 2


def test_all_that_stands_in_the_way_is_told_before_anything_is_built(tmp_path: Path) -> None:
    writing = onnx_files.Writing([1, 4])
    x = writing.add("Erf", "input")
    network = writing.write(tmp_path / "net.onnx", writing.add("Gelu", x))

    with pytest.raises(FpgacError, check=coded("network.unknown-layer", "network.unknown-layer")):
        check_spec(spec_of(network))


def test_a_spec_without_layers_cannot_be_trained(tmp_path: Path) -> None:
    plugins = load_plugins()
    file = check_spec(spec_of(tmp_path / "net.network.json", "[data]", 'source = "iris"'), plugins)

    with pytest.raises(FpgacError, check=coded("spec.no-topology", key="network")):
        train_network(file, plugins)


def test_a_network_file_of_fpgacs_own_needs_neither_topology_nor_data(tmp_path: Path) -> None:
    own = tmp_path / "net.network.json"
    shutil.copy(SPECS / "iris.network.json", own)
    spec = spec_of(own, "[interface]", 'decode = "argmax"', "[proof]", "random = 100")
    plugins = load_plugins()
    values = Values(Store.of_user())
    target, options = chosen_target(file := check_spec(spec, plugins), plugins, "aws-f1")
    stages = TargetStages(Sources(file, plugins), values.get, target, options)

    assert stages.inputs == values.get(stages.network).input_layout
    assert values.get(stages.vectors).about.data == 0
    core = values.get(stages.core).core
    assert core.output_layout.tensors[0].decoding == Decoding.parse("argmax")
    assert stages.contract.about is None


def test_a_build_keeps_the_files_that_its_network_was_made_from(tmp_path: Path) -> None:
    network = onnx_files.dense(tmp_path / "net.onnx")
    (tmp_path / "net.formats").write_text("bits = 8\n")
    file = load_spec(spec_of(network))

    assert Sources(file, load_plugins()).copies.keys() == {
        "spec/net.toml",
        "spec/net.onnx",
        "spec/net.formats",
    }


def test_numbers_and_models_beside_belong_to_a_build(tmp_path: Path) -> None:
    model = onnx.load(onnx_files.dense(tmp_path / "net.onnx"))
    onnx.save_model(
        model,
        tmp_path / "net.onnx",
        save_as_external_data=True,
        location="net.onnx.data",
        size_threshold=0,
    )
    (tmp_path / "hls4ml_config.yml").write_text("OnnxModel: /elsewhere/net.onnx\n")
    spec = spec_of(tmp_path / "net.onnx")
    spec.write_text(spec.read_text().replace('"net.onnx"', '"hls4ml_config.yml"'))

    assert Sources(load_spec(spec), load_plugins()).copies.keys() == {
        "spec/net.toml",
        "spec/hls4ml_config.yml",
        "spec/net.onnx",
        "spec/net.onnx.data",
    }


def test_a_spec_needs_a_topology_or_a_file(tmp_path: Path) -> None:
    spec = tmp_path / "net.toml"
    spec.write_text('name = "net"\n[targets.aws-f1]\n')

    with pytest.raises(FpgacError, check=coded("spec.missing-key")):
        check_spec(spec)
