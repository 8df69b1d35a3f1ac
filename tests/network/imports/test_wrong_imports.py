"""Imports that are wrong, each in another way: the original shows it, and the layer is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fpgac.errors import ProofError
from fpgac.network.imports.comparison import require_alike
from fpgac.network.network import Network
from fpgac.network.operation import Operation, Part
from fpgac.network.ops.convolution import Convolution
from fpgac.network.ops.dense import Dense
from fpgac.network.ops.merge import Merge
from fpgac.network.ops.relu import Relu
from fpgac.numbers import FixedPoint
from tests.network.imports.imports import Imported, import_file

Change = Callable[[Any], Operation]


@pytest.fixture(scope="module")
def networks(onnx_folder: Path) -> Mapping[str, Imported]:
    names = ("dense", "convolutional", "branched", "quantised_dense", "quantised_convolutional")
    return {name: import_file(onnx_folder / f"{name}.onnx") for name in names}


def with_change(network: Network, kind: type[Operation], change: Change) -> tuple[Network, str]:
    """The network with its first operation of ``kind`` changed, and that node's name."""
    node = next(node for node in network.nodes if isinstance(node.operation, kind))
    return rebuilt(network, {node.name: change(node.operation)}), node.name


def rebuilt(
    network: Network,
    operations: Mapping[str, Operation] | None = None,
    inputs: Mapping[str, tuple[str, ...]] | None = None,
    without: str = "",
) -> Network:
    """The network with other operations or wiring; who read ``without`` reads what that read."""
    gone = {node.name: node.inputs[0] for node in network.nodes if node.name == without}
    parts = [
        Part(
            node.name,
            (operations or {}).get(node.name, node.operation),
            tuple(gone.get(name, name) for name in (inputs or {}).get(node.name, node.inputs)),
        )
        for node in network.nodes
        if node.name != without
    ]
    made = Network.connected(network.name, network.inputs, parts, network.outputs)
    return replace(made, provenance=network.provenance)


def named_in(imported: Imported, network: Network) -> str:
    """The layer that the error names."""
    with pytest.raises(ProofError) as caught:
        require_alike(network, imported.original, imported.rows, imported.tensors)
    (problem,) = caught.value.problems
    assert problem.code == "proof.unlike-original"
    assert problem.where is not None
    return problem.where.key.removeprefix("layers.")


def next_with_origin(imported: Imported, name: str) -> str:
    """The first node from ``name`` on that gives a tensor of the original."""
    names = [node.name for node in imported.network.nodes]
    rest = names[names.index(name) :]
    return next(node for node in rest if node in imported.original.origins)


def transposed(convolution: Convolution) -> Operation:
    return replace(convolution, weights=convolution.weights.swapaxes(0, 1).copy())


def reversed_kernel(convolution: Convolution) -> Operation:
    return replace(convolution, weights=convolution.weights[::-1, ::-1].copy())


def without_bias(layer: Any) -> Operation:
    words = np.zeros_like(layer.bias)
    changed: Operation = replace(layer, bias=words)
    return changed


def half_as_large(layer: Any) -> Operation:
    type_ = layer.weight_type
    narrower = replace(type_, integer=type_.integer - 1)
    changed: Operation = replace(layer, weight_type=narrower)
    return changed


def other_padding(convolution: Convolution) -> Operation:
    return replace(convolution, padding="valid" if convolution.padding == "same" else "same")


@pytest.mark.parametrize(
    ("file", "kind", "change"),
    [
        ("convolutional", Convolution, transposed),
        ("convolutional", Convolution, reversed_kernel),
        ("quantised_convolutional", Convolution, reversed_kernel),
        ("convolutional", Convolution, without_bias),
        ("dense", Dense, without_bias),
        ("quantised_dense", Dense, without_bias),
        ("dense", Dense, half_as_large),
        ("quantised_dense", Dense, half_as_large),
    ],
)
def test_wrong_weights(
    networks: Mapping[str, Imported], file: str, kind: type[Operation], change: Change
) -> None:
    imported = networks[file]
    wrong, name = with_change(imported.network, kind, change)

    assert named_in(imported, wrong) == next_with_origin(imported, name)


def test_the_matrix_of_a_square_layer_transposed(networks: Mapping[str, Imported]) -> None:
    imported = networks["quantised_dense"]
    node = imported.network.weighted[0]
    square = node.operation.parameters["weights"].words.copy()
    square[:6, :6] = square[:6, :6].T
    wrong = rebuilt(imported.network, {node.name: node.operation.learnt({"weights": square})})

    assert named_in(imported, wrong) == node.name


def test_an_activation_lost(networks: Mapping[str, Imported]) -> None:
    imported = networks["dense"]
    relu = next(n for n in imported.network.nodes if isinstance(n.operation, Relu))

    assert named_in(imported, rebuilt(imported.network, without=relu.name)) == relu.name


def test_an_activation_that_does_nothing(networks: Mapping[str, Imported]) -> None:
    imported = networks["quantised_dense"]
    relu = next(n for n in imported.network.nodes if isinstance(n.operation, Relu))
    signed = replace(imported.network.tensors[relu.inputs[0]].type)
    wrong = rebuilt(imported.network, {relu.name: Relu(replace(signed, signed=True), 6)})

    assert named_in(imported, wrong) == relu.name


def test_padding_off_by_one(networks: Mapping[str, Imported]) -> None:
    """The same number of zeros, one more of them before and one less behind."""
    imported = networks["convolutional"]
    padding = next(n for n in imported.network.nodes if "padding" in n.name)
    sides = tuple((before + 1, behind - 1) for before, behind in padding.operation.sides)  # type: ignore[attr-defined]
    moved = replace(padding.operation, sides=sides)  # type: ignore[type-var]
    wrong = rebuilt(imported.network, {padding.name: moved})

    assert named_in(imported, wrong) == next_with_origin(imported, padding.name)


def test_a_wrong_stride(networks: Mapping[str, Imported]) -> None:
    imported = networks["quantised_convolutional"]
    node = imported.network.weighted[0]
    assert isinstance(node.operation, Convolution)
    denser = replace(node.operation, strides=(2, 1), padding="same")
    parts = [
        Part(n.name, denser if n.name == node.name else n.operation, n.inputs)
        for n in imported.network.nodes[:3]
    ]
    wrong = replace(
        Network.connected("net", imported.network.inputs, parts),
        provenance=imported.network.provenance,
    )

    assert named_in(imported, wrong) == node.name


def test_a_wrong_format(networks: Mapping[str, Imported]) -> None:
    """A grid with a bit less behind its point."""
    imported = networks["quantised_dense"]
    node = [n for n in imported.network.nodes if n.operation.kind == "quantise"][-1]
    grid = node.output.type
    coarser = replace(grid, width=grid.width - 1)
    operation = replace(node.operation, to=coarser)  # type: ignore[type-var]

    assert named_in(imported, rebuilt(imported.network, {node.name: operation})) == node.name


def test_swapped_inputs(networks: Mapping[str, Imported]) -> None:
    imported = networks["branched"]
    node = next(n for n in imported.network.nodes if n.operation == Merge("subtract"))
    wrong = rebuilt(imported.network, inputs={node.name: node.inputs[::-1]})

    assert named_in(imported, wrong) == next_with_origin(imported, node.name)


def test_a_normalisation_lost(networks: Mapping[str, Imported]) -> None:
    """The convolution's weights as they were before the normalisation was folded into them."""
    imported = networks["convolutional"]
    node = imported.network.weighted[0]
    weights = node.operation.parameters["weights"].words
    scale = np.linspace(0.6, 0.9, weights.shape[-1])
    plain = np.rint(weights * scale).astype(np.int64)
    wrong = rebuilt(imported.network, {node.name: node.operation.learnt({"weights": plain})})

    assert named_in(imported, wrong) == next_with_origin(imported, node.name)


def test_the_order_of_a_flattening(networks: Mapping[str, Imported]) -> None:
    """Rows of a dense layer as if the channels stood last in the original, too."""
    imported = networks["quantised_convolutional"]
    node = imported.network.weighted[-1]
    rows = node.operation.parameters["weights"].words
    mixed = rows.reshape(2, 2, 3, -1).transpose(2, 0, 1, 3).reshape(rows.shape)
    wrong = rebuilt(imported.network, {node.name: node.operation.learnt({"weights": mixed})})

    assert named_in(imported, wrong) == node.name


def test_a_type_that_saturates_too_early(networks: Mapping[str, Imported]) -> None:
    imported = networks["quantised_dense"]
    node = imported.network.weighted[0]
    narrow = FixedPoint(8, 1)
    words = np.clip(node.operation.parameters["weights"].words, narrow.lowest // 4, 8)
    wrong = rebuilt(imported.network, {node.name: node.operation.learnt({"weights": words})})

    assert named_in(imported, wrong) == node.name
