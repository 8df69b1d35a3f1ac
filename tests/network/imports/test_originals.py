"""Real files of every kind: each layer does what the original's does, and so do the answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fpgac.network.imports.comparison import require_alike
from fpgac.network.imports.reading import draft_of
from fpgac.network.meaning import outputs
from fpgac.network.soundness import unsound
from tests.network.imports.imports import Imported, import_file

OLD = ["qkeras_dense.h5", "qkeras_conv.h5", "mixed.h5", "mixed_saved", "keras2_chain.h5"]
NEW = ["keras3_branches.keras", "keras3_line.h5", "hgq_dense.keras", "hgq_conv.keras"]
ONNX = ["dense", "convolutional", "branched", "quantised_dense", "quantised_convolutional"]
# Files whose every number has its format.
EXACT = {
    "qkeras_dense.h5",
    "qkeras_conv.h5",
    "hgq_dense.keras",
    "hgq_conv.keras",
    "quantised_dense.onnx",
    "quantised_convolutional.onnx",
    "brevitas_qonnx_traced.onnx",
    "brevitas_qonnx_exported.onnx",
    "brevitas_qcdq_traced.onnx",
    "brevitas_qcdq_exported.onnx",
}
# As PyTorch's and Brevitas's own exporters wrote them: see make.py there.
PYTORCH = sorted(Path(__file__).with_name("pytorch").glob("*.onnx"))


def check(imported: Imported) -> None:
    network, original = imported.network, imported.original
    is_exact = imported.file.name in EXACT

    assert unsound(network) == []
    layers = require_alike(network, original, imported.rows, imported.tensors)
    assert len(layers) == len(original.origins)
    answers = outputs(network, network.input_layout.raw(imported.rows))
    exactly = original.gives_exactly(network)
    assert set(exactly.values()) == {is_exact}
    if is_exact:
        assert np.array_equal(answers, imported.outputs)
    else:
        apart = np.abs(answers - imported.outputs).max(axis=0)
        assert (apart <= 0.02 * np.ptp(imported.outputs, axis=0) + 1e-3).all()


@pytest.mark.usefixtures("quick_answers")
@pytest.mark.parametrize("name", OLD)
@pytest.mark.heavy
def test_files_of_keras_2_and_qkeras(old_files: Path, name: str) -> None:
    check(import_file(old_files / name))


@pytest.mark.usefixtures("quick_answers")
@pytest.mark.parametrize("name", NEW)
@pytest.mark.heavy
def test_files_of_keras_3_and_hgq2(new_files: Path, name: str) -> None:
    check(import_file(new_files / name))


@pytest.mark.parametrize("name", ONNX)
def test_files_of_onnx_and_qonnx(onnx_network: Callable[[str], Imported], name: str) -> None:
    check(onnx_network(name))


@pytest.mark.usefixtures("quick_answers")
@pytest.mark.parametrize("file", PYTORCH, ids=lambda file: file.stem)
def test_files_of_pytorch_and_brevitas(file: Path) -> None:
    check(import_file(file))


def test_both_of_pytorchs_exporters_write_one_network() -> None:
    exported, traced = (
        import_file(file).network for file in PYTORCH if file.stem.startswith("torch_")
    )

    assert [node.output.shape for node in exported.nodes] == [
        node.output.shape for node in traced.nodes
    ]
    assert np.array_equal(exported.weights, traced.weights)


@pytest.mark.parametrize("name", ["mixed.keras", "mixed_saved", "mixed_layers.json"])
@pytest.mark.heavy
def test_one_model_saved_in_several_ways_is_one_network(old_files: Path, name: str) -> None:
    first = import_file(old_files / "mixed.h5").network
    second = import_file(old_files / name).network

    assert second.digest == first.digest


@pytest.mark.heavy
def test_names_are_the_files(new_files: Path) -> None:
    draft = draft_of(new_files / "keras3_branches.keras")

    assert [entry.name for entry in draft.entries] == ["picture", "extra"]
    assert [output.name for output in draft.outputs] == ["odds", "size"]
    assert draft.by_name["conv_relu"].origin == "conv:0:0"
