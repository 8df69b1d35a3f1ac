"""Projects of hls4ml: their precisions are the formats, and ``[hls]`` has their wishes."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np
import pytest

from fpgac.errors import NetworkError
from fpgac.network.imports.hls4ml_project import Project, read_project
from fpgac.network.network import Network
from fpgac.network.ops.quantise import Quantise
from fpgac.pipeline.checking import check_spec
from fpgac.pipeline.importing import unheeded
from fpgac.pipeline.spec_writing import write_spec
from fpgac.plugins import load_plugins
from fpgac.spec.loader import load_spec
from tests.network.imports import onnx_files
from tests.problems import coded

# ONNX has two dense layers with a ReLU and a sigmoid: gemm_0, relu_1, gemm_2, sigmoid_3.
HLS = """
HLSConfig:
  Model:
    Precision: {default: 'fixed<16,6>', bias: 'fixed<12,4,RND,SAT>'}
    ReuseFactor: 2
    Strategy: Resource
  LayerType:
    Sigmoid: {Precision: 'ufixed<10,0>'}
    Gemm: {Precision: {result: 'fixed<18,8>'}, ReuseFactor: 2}
  LayerName:
    gemm_0: {Precision: {weight: 'fixed<9,3>', result: auto}, ReuseFactor: 6}
    input: {Precision: {result: 'fixed<11,5>'}}
IOType: io_stream
"""


def project(folder: Path, hls: str = HLS) -> Path:
    onnx_files.dense(folder / "dense.onnx")
    path = folder / "hls4ml_config.yml"
    path.write_text(f"Backend: Vitis\nOnnxModel: /elsewhere/dense.onnx\n{textwrap.dedent(hls)}")
    return path


def network_of(path: Path, *lines: str) -> Network:
    spec = path.with_name("net.toml")
    text = ('name = "net"', f'network = "{path.name}"', *lines, "[targets.aws-f1]")
    spec.write_text("\n".join(text) + "\n")
    plugins = load_plugins()
    file = check_spec(spec, plugins)
    return plugins.source(path.name).read(file.network_path, file.spec)


def grids(network: Network) -> dict[str, str]:
    """The types of quantisers by their layers."""
    operations = {node.name: node.operation for node in network.nodes}
    return {
        name: str(operation.types[0])
        for name, operation in operations.items()
        if isinstance(operation, Quantise)
    }


def test_precisions_are_the_formats_of_the_network(tmp_path: Path) -> None:
    network = network_of(project(tmp_path))

    types = {
        f"{node.name}.{key}": str(parameter.type)
        for node in network.nodes
        for key, parameter in node.operation.parameters.items()
    }
    assert str(network.inputs[0].type) == "ap_fixed<11,5>"
    assert types == {
        "gemm_0.weights": "ap_fixed<9,3>",
        "gemm_0.bias": "ap_fixed<12,4,RND,SAT>",
        "gemm_2.weights": "ap_fixed<16,6>",
        "gemm_2.bias": "ap_fixed<12,4,RND,SAT>",
    }
    # What hls4ml would find for itself keeps every bit.
    assert grids(network) == {"gemm_2_grid": "ap_fixed<18,8>"}
    assert str(network.output_tensors[0].type) == ("ap_ufixed<10,0>")


def test_the_specs_own_formats_count_for_more(tmp_path: Path) -> None:
    usual = "quantized_bits(12, 2)"
    lines = ("[quantisation]", f'weights = "{usual}"', f'biases = "{usual}"', "[interface]")
    network = network_of(project(tmp_path), *lines, 'input = "ap_fixed<8,4>"')

    assert str(network.inputs[0].type) == "ap_fixed<8,4>"
    weights = {str(node.operation.parameters["weights"].type) for node in network.weighted}
    assert all(text.startswith("ap_fixed<12,3") for text in weights)


@pytest.mark.parametrize(
    ("hls", "code"),
    [
        ("HLSConfig: {Model: {Precision: 'float'}}", "network.bad-precision"),
        ("HLSConfig: {Model: {Precision: {weight: 'fixed<8,2>'}}}", "network.no-precision"),
        ("HLSConfig: {Model: {Precision: 'fixed<8,-2>'}}", "network.saturated"),
    ],
)
def test_precisions_that_cannot_be_formats(tmp_path: Path, hls: str, code: str) -> None:
    with pytest.raises(NetworkError, check=coded(code)):
        network_of(project(tmp_path, hls))


@pytest.mark.parametrize("hls", ["", "HLSConfig: {Model: {ReuseFactor: 1}}", "HLSConfig: none"])
def test_without_precisions_formats_are_chosen_as_for_other_files(tmp_path: Path, hls: str) -> None:
    with pytest.raises(NetworkError, check=coded("network.no-formats")):
        network_of(project(tmp_path, hls))


@pytest.mark.parametrize(
    ("layer", "kind", "variable", "type_"),
    [
        ("gemm_0", "Gemm", "weight", "ap_fixed<9,3>"),
        ("GEMM_0", "Gemm", "weight", "ap_fixed<9,3>"),
        ("gemm_0", "Gemm", "result", "None"),
        ("gemm_2", "Gemm", "result", "ap_fixed<18,8>"),
        ("gemm_2", "Gemm", "weight", "ap_fixed<16,6>"),
        ("gemm_2", "Gemm", "bias", "ap_fixed<12,4,RND,SAT>"),
        ("any", "Sigmoid", "result", "ap_ufixed<10,0>"),
    ],
)
def test_the_nearest_precision_counts(
    tmp_path: Path, layer: str, kind: str, variable: str, type_: str
) -> None:
    found = read_project(project(tmp_path)).precision(layer, kind, variable)

    assert str(found) == type_


def test_the_digest_is_also_of_the_precisions(tmp_path: Path) -> None:
    path = project(tmp_path)
    network_of(path)
    file = load_spec(tmp_path / "net.toml")
    source = load_plugins().source(path.name)
    before = source.digest(path, file.spec)
    path.write_text(path.read_text().replace("fixed<9,3>", "fixed<10,3>"))

    assert source.digest(path, file.spec) != before


def test_import_writes_what_the_project_asks_of_hls4ml(tmp_path: Path) -> None:
    written = write_spec(project(tmp_path), None, None, ["aws-f1"], None, force=False)
    spec = load_spec(written.path).spec

    assert (spec.hls.strategy, spec.hls.reuse_factor, spec.hls.io_type) == (
        *("resource", 2),
        "io_stream",
    )
    assert spec.targets["aws-f1"]["layers"] == {"gemm_0": {"reuse_factor": 6}}
    assert written.undecided == 1  # the data
    assert unheeded(load_spec(written.path)) == ""


def test_wishes_that_the_spec_leaves_out_are_named(tmp_path: Path) -> None:
    network_of(project(tmp_path), "[hls]", "reuse_factor = 2")

    line = unheeded(load_spec(tmp_path / "net.toml"))
    assert 'strategy = "resource"' in line
    assert "gemm_0" in line
    assert "reuse_factor" not in line


@pytest.mark.parametrize("value", [0, -3, "many", None])
def test_wishes_that_a_spec_cannot_have_are_left_out(value: object) -> None:
    hls = {
        "Model": {"ReuseFactor": value, "Strategy": value},
        "LayerName": {"x": {"Strategy": value}},
    }
    found = Project(Path("p.yml"), {"HLSConfig": hls, "IOType": value})

    assert found.wishes == {}
    assert found.layer_wishes == {}


def test_weights_are_cut_off_as_hls4ml_does(tmp_path: Path) -> None:
    path = project(tmp_path)
    first = network_of(path).weighted[0].operation.parameters["weights"]
    path.write_text(path.read_text().replace("fixed<9,3>", "fixed<7,3>"))
    rough = network_of(path)

    assert np.array_equal(
        rough.weighted[0].operation.parameters["weights"].words, np.floor(first.words / 4)
    )
