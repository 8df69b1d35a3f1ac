"""Imports that are wrong, each in another way: the original shows it, and the layer is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest

from fpgac.errors import ProofError
from fpgac.network.imports.comparison import require_alike
from fpgac.network.network import Network, Node
from fpgac.network.operation import Operation, Part
from fpgac.network.ops.arrangement import ZeroPadding
from fpgac.network.ops.convolution import Convolution
from fpgac.network.ops.dense import Dense
from fpgac.network.ops.merge import Merge
from fpgac.network.ops.quantise import Quantise
from fpgac.network.ops.relu import Relu
from fpgac.network.ops.weighted import Weighted
from fpgac.numbers import FixedPoint, IntArray
from tests.network.imports.imports import Imported

# Plants a mistake in a network: the wrong one, and the node that does not do what it should.
Plant = Callable[[Network], tuple[Network, str]]


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


def nodes_of(network: Network, kind: type[Operation]) -> list[Node]:
    return [node for node in network.nodes if isinstance(node.operation, kind)]


def weights(change: Callable[[IntArray], IntArray], place: int = 0) -> Plant:
    """Other weights in one of the layers that have some."""

    def plant(network: Network) -> tuple[Network, str]:
        node = network.weighted[place]
        words = np.ascontiguousarray(change(node.operation.parameters["weights"].words))
        return rebuilt(network, {node.name: node.operation.learnt({"weights": words})}), node.name

    return plant


def transposed(words: IntArray) -> IntArray:
    """The square part of a matrix, or a convolution's rows and columns."""
    changed = words.copy()
    square = min(words.shape[:2])
    changed[:square, :square] = words[:square, :square].swapaxes(0, 1)
    return changed


def reversed_kernel(words: IntArray) -> IntArray:
    return words[::-1, ::-1]


def without_normalisation(words: IntArray) -> IntArray:
    """As if the factors of a normalisation had not been folded in."""
    return np.rint(words * np.linspace(0.6, 0.9, words.shape[-1])).astype(np.int64)


def flattened_otherwise(words: IntArray) -> IntArray:
    """Rows of a dense layer as if the channels stood last in the original, too."""
    return words.reshape(2, 2, 3, -1).transpose(2, 0, 1, 3).reshape(words.shape)


def saturated(words: IntArray) -> IntArray:
    return np.clip(words, -8, 8)


def bias_lost(network: Network) -> tuple[Network, str]:
    node = network.weighted[0]
    none = np.zeros_like(node.operation.parameters["bias"].words)
    return rebuilt(network, {node.name: node.operation.learnt({"bias": none})}), node.name


def half_as_large(network: Network) -> tuple[Network, str]:
    """The point of the weights one place too far."""
    node = network.weighted[0]
    assert isinstance(node.operation, Dense)
    type_ = node.operation.weight_type
    narrower = replace(node.operation, weight_type=replace(type_, integer=type_.integer - 1))
    return rebuilt(network, {node.name: narrower}), node.name


def activation_lost(network: Network) -> tuple[Network, str]:
    (relu, *_) = nodes_of(network, Relu)
    return rebuilt(network, without=relu.name), relu.name


def activation_of_another_kind(network: Network) -> tuple[Network, str]:
    (relu, *_) = nodes_of(network, Relu)
    type_ = network.tensors[relu.inputs[0]].type
    return rebuilt(network, {relu.name: Relu(replace(type_, signed=True), 6)}), relu.name


def padding_off_by_one(network: Network) -> tuple[Network, str]:
    """The same number of zeros, one more of them before and one less behind."""
    (padding, *_) = nodes_of(network, ZeroPadding)
    assert isinstance(padding.operation, ZeroPadding)
    sides = tuple((before + 1, behind - 1) for before, behind in padding.operation.sides)
    return rebuilt(network, {padding.name: ZeroPadding(sides)}), padding.name


def stride_lost(network: Network) -> tuple[Network, str]:
    node = network.weighted[0]
    assert isinstance(node.operation, Convolution)
    dense = replace(node.operation, strides=(2, 1), padding="same")
    parts = [
        Part(each.name, dense if each.name == node.name else each.operation, each.inputs)
        for each in network.nodes[: network.nodes.index(node) + 1]
    ]
    made = Network.connected(network.name, network.inputs, parts)
    return replace(made, provenance=network.provenance), node.name


def format_too_coarse(network: Network) -> tuple[Network, str]:
    """A grid with a bit less behind its point."""
    node = nodes_of(network, Quantise)[-1]
    grid = node.output.type
    coarser = Quantise(FixedPoint(grid.width - 1, grid.integer, grid.signed, grid.rounding))
    return rebuilt(network, {node.name: coarser}), node.name


def inputs_swapped(network: Network) -> tuple[Network, str]:
    node = next(node for node in network.nodes if node.operation == Merge("subtract"))
    return rebuilt(network, inputs={node.name: node.inputs[::-1]}), node.name


@pytest.mark.parametrize(
    ("file", "plant"),
    [
        pytest.param("quantised_dense", weights(transposed), id="matrix-transposed"),
        pytest.param("convolutional", weights(transposed), id="kernel-transposed"),
        pytest.param("convolutional", weights(reversed_kernel), id="kernel-reversed"),
        pytest.param("quantised_convolutional", weights(reversed_kernel), id="reversed-words"),
        pytest.param("convolutional", weights(without_normalisation), id="normalisation-lost"),
        pytest.param("quantised_convolutional", weights(flattened_otherwise, -1), id="flattening"),
        pytest.param("quantised_dense", weights(saturated), id="weights-saturated"),
        pytest.param("dense", bias_lost, id="bias-lost"),
        pytest.param("convolutional", bias_lost, id="bias-of-kernel-lost"),
        pytest.param("quantised_dense", bias_lost, id="bias-of-words-lost"),
        pytest.param("dense", half_as_large, id="weights-halved"),
        pytest.param("quantised_dense", half_as_large, id="words-halved"),
        pytest.param("dense", activation_lost, id="activation-lost"),
        pytest.param("quantised_dense", activation_of_another_kind, id="other-activation"),
        pytest.param("convolutional", padding_off_by_one, id="padding-off-by-one"),
        pytest.param("quantised_convolutional", stride_lost, id="stride-lost"),
        pytest.param("quantised_dense", format_too_coarse, id="format-too-coarse"),
        pytest.param("branched", inputs_swapped, id="inputs-swapped"),
    ],
)
def test_a_wrong_import_is_refused_by_the_layers_name(
    onnx_network: Callable[[str], Imported], file: str, plant: Plant
) -> None:
    imported = onnx_network(file)
    wrong, node = plant(imported.network)

    with pytest.raises(ProofError) as caught:
        require_alike(wrong, imported.original, imported.rows, imported.tensors)

    (problem,) = caught.value.problems
    assert problem.code == "proof.unlike-original"
    assert problem.where is not None
    assert problem.where.key == f"layers.{first_compared(imported, node)}"


def first_compared(imported: Imported, node: str) -> str:
    """The node itself, or the next one whose result the original has, too."""
    names = [each.name for each in imported.network.nodes]
    rest = names[names.index(node) :]
    return next(name for name in rest if name in imported.original.origins)


def test_every_layer_with_weights_is_among_those_that_are_compared(
    onnx_network: Callable[[str], Imported],
) -> None:
    imported = onnx_network("quantised_convolutional")

    assert all(isinstance(node.operation, Weighted) for node in imported.network.weighted)
    assert {node.name for node in imported.network.weighted} <= set(imported.original.origins)
