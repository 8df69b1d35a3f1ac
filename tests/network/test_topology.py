"""Whether a trained network is the one that the spec asks for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fpgac.errors import NetworkError
from fpgac.network.topology import check, training_digest, untrained
from fpgac.spec.models import Spec
from tests.network.samples import SPEC, MakeSpec


def _layers(*changes: dict[str, Any]) -> dict[str, Any]:
    layers = [
        {**layer, **change}
        for layer, change in zip(SPEC["topology"]["layers"], changes, strict=False)
    ]
    return {"topology": {"inputs": 4, "layers": (*layers, *changes[2:])}}


DIFFERENCES: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "more inputs": (
        {"topology": {**SPEC["topology"], "inputs": 5}},
        "input",
        "5 inputs of ap_fixed<12,4,RND,SAT>",
        "4 inputs of ap_fixed<12,4,RND,SAT>",
    ),
    "another input type": (
        {"interface": {"input": "ap_fixed<16,6,RND,SAT>"}},
        "input",
        "4 inputs of ap_fixed<16,6,RND,SAT>",
        "4 inputs of ap_fixed<12,4,RND,SAT>",
    ),
    "more units": (_layers({"units": 9}, {}), "layers[0]", "4 x 9", "4 x 8"),
    "another name": (_layers({"name": "first"}, {}), "layers[0]", "'first'", "'dense_1'"),
    "no relu": (_layers({"activation": "linear"}, {}), "layers[1]", "dense 'dense_2'", "relu"),
    "finer biases": (
        {"quantisation": {"biases": "quantized_bits(12, 0)"}},
        "layers[0]",
        "biases ap_fixed<12,1,RND_CONV,SAT>",
        "biases ap_fixed<8,1,RND_CONV,SAT>",
    ),
    "finer activations": (
        _layers({"activations": "quantized_relu(10, 2)"}, {}),
        "layers[1]",
        "relu 'dense_1_relu' to ap_ufixed<10,2,RND_CONV,SAT>",
        "relu 'dense_1_relu' to ap_ufixed<8,2,RND_CONV,SAT>",
    ),
    "more layers": (
        _layers({}, {}, {"kind": "dense", "units": 1}),
        "layers[3]",
        "dense 'dense_3' of 3 x 1",
        "the end of the network",
    ),
}


def test_the_spec_s_own_network_passes(spec: Spec) -> None:
    check(untrained(spec), spec)


def test_layers_take_the_spec_s_formats_and_their_own(make_spec: MakeSpec) -> None:
    spec = make_spec(
        **_layers({"weights": "quantized_bits(6, 1)"}, {"biases": "quantized_bits(10, 2)"})
    )
    first, relu, last = untrained(spec).layers
    assert str(getattr(first, "weight_type", "")) == "ap_fixed<6,2,RND_CONV,SAT>"
    assert str(getattr(first, "bias_type", "")) == "ap_fixed<8,1,RND_CONV,SAT>"
    assert str(getattr(relu, "type", "")) == "ap_ufixed<8,2,RND_CONV,SAT>"
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
    layer = untrained(spec).layers[1]
    assert (layer.name, layer.kind) == (f"dense_1_{activation}", activation)
    assert str(getattr(layer, "type", "")) == type_


@pytest.mark.parametrize(
    ("tables", "key", "expected", "got"), DIFFERENCES.values(), ids=DIFFERENCES
)
def test_the_first_difference_is_told(
    make_spec: MakeSpec, spec: Spec, tables: Any, key: str, expected: str, got: str
) -> None:
    with pytest.raises(NetworkError, match="not the one that the spec asks for") as caught:
        check(untrained(spec), make_spec(**tables), Path("tiny.network.json"))
    (problem,) = caught.value.problems
    assert str(problem.where) == f"tiny.network.json [{key}]"
    assert expected in problem.expected
    assert got in problem.got
    assert "fpgac train SPEC" in problem.hint


def test_a_network_with_layers_too_many_is_told(spec: Spec) -> None:
    network = untrained(spec)
    longer = replace(network, layers=(*network.layers, network.layers[1]))
    with pytest.raises(NetworkError, match="expected: the end of the network"):
        check(longer, spec)


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
