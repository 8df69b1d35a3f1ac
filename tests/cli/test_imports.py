"""``fpgac import`` and ``fpgac inspect``, and what a model in the wrong place is answered with."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.network.imports import onnx_files

Fpgac = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def quantised(tmp_path: Path) -> Path:
    return onnx_files.quantised_dense(tmp_path / "my-net.v2.onnx")


@pytest.fixture
def floats(tmp_path: Path) -> Path:
    return onnx_files.dense(tmp_path / "floats.onnx")


def test_a_quantised_model_needs_nothing_but_a_target(fpgac: Fpgac, quantised: Path) -> None:
    done = fpgac("import", quantised, "--target", "pynq-z2")

    assert done.returncode == 0, done.stderr
    spec = quantised.with_name("my_net.toml")
    said = [line for line in spec.read_text().splitlines() if line and not line.startswith("#")]
    assert said == ['name = "my_net"', 'network = "my-net.v2.onnx"', "[targets.pynq-z2]"]
    assert fpgac("validate", spec).returncode == 0


def test_what_is_to_be_decided_is_marked(fpgac: Fpgac, floats: Path) -> None:
    done = fpgac("import", floats)

    assert done.returncode == 0, done.stderr
    spec = floats.with_name("floats.toml")
    assert spec.read_text().count("# decide:") == 4
    assert fpgac("validate", spec).returncode == 0


def test_an_existing_spec_is_left_alone(fpgac: Fpgac, floats: Path) -> None:
    spec = floats.with_name("floats.toml")
    spec.write_text("mine")

    assert fpgac("import", floats).returncode == 9
    assert spec.read_text() == "mine"
    assert fpgac("import", floats, "--force").returncode == 0


@pytest.mark.parametrize("command", ["compile", "train", "validate"])
def test_a_model_instead_of_a_spec_is_answered_with_the_command(
    fpgac: Fpgac, quantised: Path, command: str
) -> None:
    done = fpgac(command, quantised)

    assert done.returncode == 3
    assert f"fpgac import {quantised}" in done.stderr


def test_inspect_shows_layers_formats_and_numbers(fpgac: Fpgac, quantised: Path) -> None:
    done = fpgac("--json", "inspect", quantised)

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["result"]
    assert found["inputs"] == [
        {"name": "input", "shape": [6], "format": "ap_fixed<8,4,RND_CONV,SAT>"}
    ]
    assert [layer["parameters"] for layer in found["layers"]] == [0, 56, 0, 0, 27]
    assert found["parameters"] == 83
    assert found["multiplications"] == round(72 * (1 - found["sparsity"]))
    assert found["problems"] == []


def test_inspect_of_a_spec_a_network_and_a_build(
    fpgac: Fpgac, specs: Path, iris_build: Path
) -> None:
    files = (specs / "iris.toml", specs / "iris.network.json", iris_build)
    found = [json.loads(fpgac("--json", "inspect", file).stdout)["result"] for file in files]

    assert {each["multiplications"] for each in found} == {found[0]["multiplications"]}
    assert {each["inputs"][0]["format"] for each in found} == {"ap_fixed<16,6,RND,SAT>"}


def test_inspect_tells_what_stands_in_the_way(fpgac: Fpgac, tmp_path: Path) -> None:
    writing = onnx_files.Writing([1, 4])
    model = writing.write(tmp_path / "erf.onnx", writing.add("Erf", "input"))
    done = fpgac("inspect", model)

    assert done.returncode == 0
    assert "Erf" in done.stdout
    assert "ReLU" in done.stdout


def test_inspect_of_what_nobody_knows(fpgac: Fpgac, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("hello")

    assert fpgac("inspect", file).returncode == 5
    assert fpgac("inspect", tmp_path / "none.h5").returncode == 5
