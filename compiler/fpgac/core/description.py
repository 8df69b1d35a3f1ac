"""A network in hls4ml's words: its description of every layer, and its configuration of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fpgac.core.layers import described
from fpgac.network.network import Network, Node
from fpgac.network.ops.arrangement import Flatten, Reshape
from fpgac.numbers import FixedPoint, Overflow, Rounding

__all__ = ["Description", "description"]

Layer = dict[str, Any]


@dataclass(frozen=True)
class Description:
    """What hls4ml's ``ModelGraph`` is made of; ``settings`` are those of each layer, by name."""

    layers: list[Layer]
    settings: dict[str, Any]
    inputs: list[str]
    outputs: list[str]


def description(
    network: Network, factors: Mapping[str, int], results: Mapping[str, FixedPoint]
) -> Description:
    """The network, with the reuse factors of its layers and the types of their results."""
    entries = _input_names(network)
    copies = dict(_copies(network, entries.values()))
    layers = [
        {"name": entries[x.name], "class_name": "InputLayer", "input_shape": list(x.shape)}
        for x in network.inputs
    ]
    settings = {entries[x.name]: _settings(x.type) for x in network.inputs}
    for node in _needed(network):
        found = described(node.operation, node, network.read_by(node))
        reads = [entries.get(name, name) for name in node.inputs]
        layers += _kept({**found.layer, "name": node.name, "inputs": reads}, layers)
        settings[node.name] = {
            **_settings(results[node.name], found.precision),
            "ReuseFactor": factors.get(node.name, 1),
            **found.settings,
        }
    for end, name in copies.items():
        source = _source(network, end)
        layers.append(_copy(name, entries.get(source, source), network.tensors[end].size))
        settings[name] = _settings(_other_modes(results[end]))
    ends = [copies.get(out.node) or _source(network, out.node) for out in network.outputs]
    return Description(layers, settings, list(entries.values()), ends)


def _settings(result: FixedPoint, others: Mapping[str, str] | None = None) -> dict[str, Any]:
    return {"Precision": {**(others or {}), "result": str(result)}}


def _input_names(network: Network) -> dict[str, str]:
    """hls4ml's names for the inputs, which no node has, by the network's."""
    taken = [node.name for node in network.nodes]
    names: dict[str, str] = {}
    for tensor in network.inputs:
        name = f"{network.name}_{tensor.name if len(network.inputs) > 1 else 'input'}"
        names[tensor.name] = _free(name, [*taken, *names.values()])
    return names


def _free(name: str, taken: Iterable[str]) -> str:
    """``name``, longer where it is taken; capital letters make no difference to hls4ml."""
    lowered = {other.lower() for other in taken}
    while name.lower() in lowered:
        name += "s"
    return name


def _is_reshape(node: Node) -> bool:
    return isinstance(node.operation, Flatten | Reshape)


def _source(network: Network, name: str) -> str:
    """Whose numbers a node gives, in the same order: its own, or where it only changes the shape
    those that it reads.

    A result is a list for hls4ml anyway, which takes no last layer that only changes the shape.
    """
    nodes = {node.name: node for node in network.nodes}
    while name in nodes and _is_reshape(nodes[name]):
        (name,) = nodes[name].inputs
    return name


def _needed(network: Network) -> list[Node]:
    """The nodes but for those that only change the shape of a result."""
    read: set[str] = set()
    kept: list[Node] = []
    for node in reversed(network.nodes):
        if not _is_reshape(node) or node.name in read:
            kept.append(node)
            read.update(node.inputs)
    return kept[::-1]


def _copies(network: Network, entries: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Outputs that need a copy, and its name: what they give is an input, or another output."""
    nodes = [node.name for node in network.nodes]
    named = [*nodes, *entries]
    taken = {out.node for out in network.outputs if _source(network, out.node) == out.node}
    for end in (out.node for out in network.outputs if out.node not in taken):
        source = _source(network, end)
        if source in nodes and source not in taken:
            taken.add(source)
            continue
        named.append(_free(f"{end}_copy", named))
        yield end, named[-1]


def _copy(name: str, source: str, size: int) -> Layer:
    return {
        "name": name,
        "class_name": "Activation",
        "activation": "linear",
        "n_in": size,
        "inputs": [source],
    }


def _other_modes(type_: FixedPoint) -> FixedPoint:
    """A type of the same numbers: hls4ml would leave out a copy into the very same one."""
    rounding = Rounding.RND if type_.rounding is Rounding.TRN else Rounding.TRN
    return replace(type_, rounding=rounding, overflow=Overflow.WRAP)


def _kept(layer: Layer, before: list[Layer]) -> list[Layer]:
    """``layer``, after a step that changes nothing where hls4ml would change more.

    Between a transposition and a dense layer it takes a flattening for the end of a network with
    channels first, and reorders the weights for one order of axes, whatever the order is.
    """
    if layer["class_name"] != "Reshape" or len(layer["target_shape"]) > 1:
        return [layer]
    (name,) = layer["inputs"]
    moved = next((other for other in before if other["name"] == name), None)
    if moved is None or moved["class_name"] != "Transpose":
        return [layer]
    shape = {"class_name": "Reshape", "target_shape": [1, *layer["target_shape"]]}
    step = {**shape, "name": f"{layer['name']}_kept", "inputs": [name]}
    return [step, {**layer, "inputs": [step["name"]]}]
