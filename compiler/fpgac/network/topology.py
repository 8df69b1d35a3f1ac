"""The network that a spec asks for, and whether a trained network is that one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fpgac.digest import digest_json
from fpgac.errors import NetworkError, Problem, Where
from fpgac.network import ops
from fpgac.network.network import Network, Node, Output
from fpgac.network.operation import Part, parts_of
from fpgac.spec.models import Spec

__all__ = ["check", "training_digest", "untrained"]


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


def check(network: Network, spec: Spec, file: Path | None = None) -> None:
    """Make sure that ``network`` has the layers, formats and inputs that ``spec`` asks for.

    Raises:
        NetworkError: it has others; the first difference, with what was expected and got.
    """
    given, asked = list(_texts(network)), list(_texts(untrained(spec)))
    last = ("nodes", "the end of the network")
    for (key, expected), (there, got) in zip([*asked, last], [*given, last], strict=False):
        if expected != got:
            raise NetworkError(
                Problem(
                    "the trained network is not the one that the spec asks for",
                    Where(file, key=there if got != last[1] else key),
                    expected,
                    got,
                    "train the spec's own: 'fpgac train SPEC'; or take the spec's change back",
                    code="network.not-the-specs",
                )
            )


def _texts(network: Network) -> Iterator[tuple[str, str]]:
    """What a spec decides of a network, with its key, in words."""
    for place, tensor in enumerate(network.inputs):
        yield f"inputs[{place}]", str(tensor)
    for place, node in enumerate(network.nodes):
        yield f"nodes[{place}]", _node_text(node)
    for place, output in enumerate(network.outputs):
        yield f"outputs[{place}]", f"{output.name}: {output.node}"


def _node_text(node: Node) -> str:
    return f"{node.name!r} of {', '.join(node.inputs)}: {node.operation}"


def training_digest(spec: Spec) -> str:
    """Digest of all in ``spec`` that training depends on; a network's provenance keeps it.

    HLS options, proof, targets and the outputs' types leave a trained network as good as it was.
    """
    said = spec.model_dump(mode="json", include={"topology", "quantisation", "data", "training"})
    # What a spec could not say once leaves its digest as it was.
    for key in ("from", "bits"):
        said["quantisation"].pop(key)
    topology = said["topology"]
    if not topology.get("outputs"):
        topology.pop("outputs", None)
    for layer in topology["layers"]:
        layer.pop("reuse_factor", None)
        for key in ("batch_normalisation", "inputs"):
            if not layer.get(key):
                layer.pop(key, None)
    inputs = spec.model_dump(mode="json", include={"interface"})["interface"]["input"]
    return digest_json({**said, "input": inputs})
