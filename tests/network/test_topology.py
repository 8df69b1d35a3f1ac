"""Whether a trained network is the one that the spec asks for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fpgac.errors import NetworkError
from fpgac.network.provenance import training_digest
from fpgac.network.topology import check, untrained
from fpgac.spec.models import Spec
from tests.network.samples import SPEC, MakeSpec
from tests.problems import coded


def _layers(*changes: dict[str, Any]) -> dict[str, Any]:
    layers = [
        {**layer, **change}
        for layer, change in zip(SPEC["topology"]["layers"], changes, strict=False)
    ]
    return {"topology": {"inputs": 4, "layers": (*layers, *changes[2:])}}


DIFFERENCES: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "two inputs": (
        {
            "topology": {
                "inputs": {"x": 4, "y": 8},
                "layers": (
                    SPEC["topology"]["layers"][0] | {"inputs": ("x",)},
                    {"kind": "add", "inputs": ("dense_1", "y")},
                    SPEC["topology"]["layers"][1],
                ),
            },
            "interface": {"input": {"x": "ap_fixed<12,4,RND,SAT>", "y": "ap_fixed<8,4,RND,SAT>"}},
        },
        "inputs[1]",
        "y: 8 of ap_fixed<8,4,RND,SAT>",
        "no more inputs",
    ),
    "another output": (
        {"topology": {**SPEC["topology"], "outputs": ("dense_2", "dense_1")}},
        "outputs[1]",
        "dense_1: dense_1_relu",
        "no more outputs",
    ),
    "more inputs": (
        {"topology": {**SPEC["topology"], "inputs": 5}},
        "inputs[0]",
        "x: 5 of ap_fixed<12,4,RND,SAT>",
        "x: 4 of ap_fixed<12,4,RND,SAT>",
    ),
    "another input type": (
        {"interface": {"input": "ap_fixed<16,6,RND,SAT>"}},
        "inputs[0]",
        "x: 4 of ap_fixed<16,6,RND,SAT>",
        "x: 4 of ap_fixed<12,4,RND,SAT>",
    ),
    "more units": (_layers({"units": 9}, {}), "nodes[0]", "4x9", "4x8"),
    "another name": (_layers({"name": "first"}, {}), "nodes[0]", "'first'", "'dense_1'"),
    "no relu": (
        _layers({"activation": "linear"}, {}),
        "nodes[1]",
        "'dense_2' of dense_1: dense",
        "relu",
    ),
    "finer biases": (
        {"quantisation": {"biases": "quantized_bits(12, 0)"}},
        "nodes[0]",
        "biases ap_fixed<12,1,RND_CONV,SAT>",
        "biases ap_fixed<8,1,RND_CONV,SAT>",
    ),
    "finer activations": (
        _layers({"activations": "quantized_relu(10, 2)"}, {}),
        "nodes[1]",
        "'dense_1_relu' of dense_1: relu to ap_ufixed<10,2,RND_CONV,SAT>",
        "'dense_1_relu' of dense_1: relu to ap_ufixed<8,2,RND_CONV,SAT>",
    ),
    "more layers": (
        _layers({}, {}, {"kind": "dense", "units": 1}),
        "nodes[3]",
        "'dense_3' of dense_2: dense of 3x1",
        "no more nodes",
    ),
}


def test_the_spec_s_own_network_passes(spec: Spec) -> None:
    check(untrained(spec), spec)


def test_layers_take_the_spec_s_formats_and_their_own(make_spec: MakeSpec) -> None:
    spec = make_spec(
        **_layers({"weights": "quantized_bits(6, 1)"}, {"biases": "quantized_bits(10, 2)"})
    )
    first, relu, last = (node.operation for node in untrained(spec).nodes)
    assert str(getattr(first, "weight_type", "")) == "ap_fixed<6,2,RND_CONV,SAT>"
    assert str(getattr(first, "bias_type", "")) == "ap_fixed<8,1,RND_CONV,SAT>"
    assert str(getattr(relu, "grid", "")) == "ap_ufixed<8,2,RND_CONV,SAT>"
    assert str(getattr(last, "bias_type", "")) == "ap_fixed<10,3,RND_CONV,SAT>"


@pytest.mark.parametrize(
    ("activation", "type_"),
    [
        ("relu", "ap_ufixed<6,1,RND_CONV,SAT>"),
        ("sigmoid", "ap_ufixed<6,0,RND_CONV,SAT>"),
        ("tanh", "ap_fixed<6,1,RND_CONV,SAT>"),
    ],
)
def test_an_activation_has_its_function_s_type(
    make_spec: MakeSpec, activation: str, type_: str
) -> None:
    spec = make_spec(
        **_layers({"activation": activation, "activations": "quantized_relu(6, 1)"}, {})
    )
    node = untrained(spec).nodes[1]
    assert (node.name, node.operation.kind) == (f"dense_1_{activation}", activation)
    assert str(node.output.type) == type_


@pytest.mark.parametrize(
    ("tables", "key", "expected", "got"), DIFFERENCES.values(), ids=DIFFERENCES
)
def test_the_first_difference_is_told(
    make_spec: MakeSpec, spec: Spec, tables: Any, key: str, expected: str, got: str
) -> None:
    with pytest.raises(NetworkError, check=coded("network.not-the-specs")) as caught:
        check(untrained(spec), make_spec(**tables), Path("tiny.network.json"))
    (problem,) = caught.value.problems
    assert str(problem.where) == f"tiny.network.json [{key}]"
    assert expected in problem.expected
    assert got in problem.got
    assert "fpgac train SPEC" in problem.hint


def test_a_network_with_layers_too_many_is_told(spec: Spec) -> None:
    network = untrained(spec)
    longer = replace(network, nodes=(*network.nodes, network.nodes[1]))
    with pytest.raises(NetworkError, check=coded("network.not-the-specs")) as caught:
        check(longer, spec)
    assert caught.value.problems[0].expected == "no more nodes"


def test_the_training_digest_covers_what_training_depends_on(
    make_spec: MakeSpec, spec: Spec
) -> None:
    digest = training_digest(spec)
    same: list[dict[str, Any]] = [
        {"hls": {"reuse_factor": 4}},
        {"targets": {"other": {}}},
        {"interface": {**SPEC["interface"], "output": "ap_fixed<16,6>"}},
        _layers({"reuse_factor": 2}, {}),
    ]
    other: list[dict[str, Any]] = [
        {"training": {**SPEC["training"], "seed": 2}},
        {"data": {"source": "none", "seed": 2}},
        {"interface": {"input": "ap_fixed<12,5,RND,SAT>"}},
        _layers({"units": 9}, {}),
    ]
    assert {training_digest(make_spec(**tables)) for tables in same} == {digest}
    assert digest not in {training_digest(make_spec(**tables)) for tables in other}
