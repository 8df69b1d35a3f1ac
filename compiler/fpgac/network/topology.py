"""The network that a spec asks for, and whether a trained network is that one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from fpgac.errors import NetworkError, Problem, SpecError, Where
from fpgac.network import ops
from fpgac.network.network import Network, Node, Output
from fpgac.network.operation import Part, parts_of
from fpgac.spec.models import Spec

__all__ = ["MOST_PARAMETERS", "check", "check_size", "untrained"]

# Weights and biases of a network at the most: far more than any chip computes with.
MOST_PARAMETERS = 1 << 23


def untrained(spec: Spec) -> Network:
    """The network that ``spec`` asks for, with all parameters zero.

    A layer's nodes have its name in the spec; its activation has that and its own:
    ``dense_1_relu``.
    """
    assert ops.OPERATIONS  # registers what layers become
    topology = spec.layered
    ends = {name: name for name in topology.input_shapes}
    parts: list[Part] = []
    layers = zip(topology.names, topology.layers, topology.reads, strict=True)
    for name, section, reads in layers:
        nodes = tuple(ends[read] for read in reads)
        shapes = [topology.shapes[read] for read in reads]
        parts += parts_of(section, name, nodes, shapes, spec.quantisation)
        ends[name] = parts[-1].name
    outputs = [Output(name, ends[name]) for name in topology.output_names]
    return Network.connected(spec.name, spec.inputs.tensors, parts, outputs)


def check_size(network: Network) -> None:
    """See that the parameters of ``network`` can be held in memory, before anything makes them.

    Raises:
        SpecError: they are too many, at the layer where they become so.
    """
    parameters = 0
    for node in network.nodes:
        parameters += sum(held.words.size for held in node.operation.parameters.values())
        if parameters > MOST_PARAMETERS:
            raise SpecError(
                Problem(
                    f"the network has too many weights and biases: layer {node.name!r} is too much",
                    Where(key=f"layers.{node.name}"),
                    expected=f"at most {MOST_PARAMETERS:,} in all layers together",
                    got=f"{parameters:,} up to here",
                    code="spec.too-many-weights",
                )
            )


def check(network: Network, spec: Spec, file: Path | None = None) -> None:
    """Make sure that ``network`` has the layers, formats and inputs that ``spec`` asks for.

    Raises:
        NetworkError: it has others; the first difference, with what was expected and got.
    """
    for key, expected, got in _differences(untrained(spec), network):
        raise NetworkError(
            Problem(
                "the trained network is not the one that the spec asks for",
                Where(file, key=key),
                expected,
                got,
                "train the spec's own: 'fpgac train SPEC'; or take the spec's change back",
                code="network.not-the-specs",
            )
        )


def _differences(asked: Network, given: Network) -> Iterator[tuple[str, str, str]]:
    """Where two networks differ in what a spec decides: the key, and both in words."""
    ours, theirs = _texts(asked), _texts(given)
    for part in ours:
        pairs = zip_longest(ours[part], theirs[part], fillvalue=f"no more {part}")
        for place, (expected, got) in enumerate(pairs):
            if expected != got:
                yield f"{part}[{place}]", expected, got


def _texts(network: Network) -> dict[str, list[str]]:
    """What a spec decides of each part of a network, in words."""
    return {
        "inputs": [str(tensor) for tensor in network.inputs],
        "nodes": [_node_text(node) for node in network.nodes],
        "outputs": [f"{output.name}: {output.node}" for output in network.outputs],
    }


def _node_text(node: Node) -> str:
    return f"{node.name!r} of {', '.join(node.inputs)}: {node.operation}"
