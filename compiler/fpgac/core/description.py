"""A network in hls4ml's words: its description of every layer, and its configuration of them.

A node is one layer. Only where hls4ml would compute something else than the network says, there are
layers beside it that change no number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fpgac.core.layers import described
from fpgac.core.settings import HlsSettings
from fpgac.core.streams import Step, clipped, is_padded, padded
from fpgac.network.network import Network, Node
from fpgac.network.operation import Operation
from fpgac.network.ops.convolution import Depthwise
from fpgac.network.ops.pooling import Pooling
from fpgac.network.ops.relu import Relu
from fpgac.numbers import FixedPoint, Overflow, Rounding
from fpgac.tensors import Tensor

__all__ = ["Description", "describe"]


@dataclass
class Description:
    """What hls4ml's ``ModelGraph`` is made of; ``settings`` are those of each layer, by name."""

    layers: list[dict[str, Any]] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)

    def add(self, step: Step) -> None:
        """One more layer."""
        types = {**step.precision, "result": str(step.result)}
        self.layers.append(dict(step.layer))
        self.settings[step.layer["name"]] = {"Precision": types, **step.settings}


def describe(
    network: Network,
    hls: HlsSettings,
    factors: Mapping[str, int],
    results: Mapping[str, FixedPoint],
) -> Description:
    """The network, with the reuse factors of its layers and the types of their results."""
    given, made = _Given(network, hls, factors, results), Description()
    for tensor in network.inputs:
        name = given.entries[tensor.name]
        made.inputs.append(name)
        entry = {"class_name": "InputLayer", "input_shape": list(tensor.shape)}
        made.add(Step({"name": name, **entry}, tensor.type))
    for node in given.needed():
        for step in given.steps(node):
            made.add(step)
    taken = {output.node for output in network.outputs}
    for end in (output.node for output in network.outputs):
        source = given.source(end)
        if source != end and (source in taken or source not in given.nodes):
            copy = given.copy(source, results[end])
            made.add(copy)
            source = copy.layer["name"]
        taken.add(source)
        made.outputs.append(source)
    return made


class _Given:
    """A network, what hls4ml calls its tensors, and its own description of each node."""

    def __init__(
        self,
        network: Network,
        hls: HlsSettings,
        factors: Mapping[str, int],
        results: Mapping[str, FixedPoint],
    ) -> None:
        self.network, self.factors, self.results = network, factors, results
        self.strategies = hls.strategies
        self.streams = hls.io_type == "io_stream"
        self.nodes = {node.name: node for node in network.nodes}
        self.found = {n.name: described(n.operation, n, network.read_by(n)) for n in network.nodes}
        self._names = {name.lower() for name in self.nodes}
        alone = len(network.inputs) == 1
        self.entries = {
            x.name: self._new(f"{network.name}_{'input' if alone else x.name}")
            for x in network.inputs
        }

    def _new(self, name: str) -> str:
        """A name that no layer has yet; capital letters make no difference to hls4ml."""
        while name.lower() in self._names:
            name += "s"
        self._names.add(name.lower())
        return name

    def _kind(self, name: str) -> str:
        """hls4ml's class of a node, or nothing for an input."""
        return str(self.found[name].layer["class_name"]) if name in self.found else ""

    def source(self, name: str) -> str:
        """The tensor whose numbers ``name`` has in the same order: that before all layers which
        only change the shape. A result is a list for hls4ml, and such a layer cannot be the last.
        """
        while self._kind(name) == "Reshape":
            (name,) = self.nodes[name].inputs
        return name

    def needed(self) -> list[Node]:
        """The nodes but for those that only change the shape of a result."""
        read: set[str] = set()
        kept: list[Node] = []
        for node in reversed(self.network.nodes):
            if self._kind(node.name) != "Reshape" or node.name in read:
                kept.append(node)
                read.update(node.inputs)
        return kept[::-1]

    def copy(self, source: str, type_: FixedPoint) -> Step:
        """A layer that gives the numbers of ``source`` once more.

        Its type has other modes: hls4ml leaves out a copy into the very same type.
        """
        rounding = Rounding.RND if type_.rounding is Rounding.TRN else Rounding.TRN
        size = self.network.tensors[source].size
        layer = {"class_name": "Activation", "activation": "linear", "n_in": size}
        named = {"name": self._new(f"{source}_copy"), "inputs": [self._read(source)]}
        return Step({**named, **layer}, replace(type_, rounding=rounding, overflow=Overflow.WRAP))

    def steps(self, node: Node) -> list[Step]:
        """The node's layer, after those that must come before it."""
        step = self._step(node)
        x, operation = self.network.read_by(node)[0], node.operation
        if self._kind(node.name) == "Reshape":
            return self._reshaped(step, node)
        if _pools_beyond(operation) and not x.type.signed:
            return self._signed(step, x)
        if not self.streams:
            return [step]
        if is_padded(step.layer):
            before, layer = padded(step.layer, x, self._new(f"{node.name}_padded"))
            return [before, replace(step, layer=layer)]
        if isinstance(operation, Relu) and operation.ceiling is not None:
            names = [self._new(f"{node.name}_{part}") for part in ("below", "above", "least")]
            return clipped(step, x, operation.ceiling, names)
        return [step]

    def _step(self, node: Node) -> Step:
        reads = [self._read(name) for name in node.inputs]
        found = self.found[node.name]
        settings = {"ReuseFactor": self.factors.get(node.name, 1), **found.settings}
        if node.name in self.strategies:
            settings["Strategy"] = self.strategies[node.name]
        if isinstance(node.operation, Depthwise) and not self.streams:
            settings["Strategy"] = "latency"  # the only one that hls4ml's C++ has here
        layer = {"name": node.name, **found.layer, "inputs": reads}
        return Step(layer, self.results[node.name], found.precision, settings)

    def _signed(self, step: Step, x: Tensor) -> list[Step]:
        """A pooling of what has a sign: hls4ml pads with the word of the first bit alone, which is
        the least one then.
        """
        type_ = FixedPoint(x.type.width + 1, x.type.integer + 1)
        layer = {"class_name": "Activation", "activation": "linear", "n_in": x.size}
        name = self._new(f"{step.layer['name']}_signed")
        first = Step({**layer, "name": name, "inputs": step.layer["inputs"]}, type_)
        precision = {**step.precision, "accum": str(type_)}
        return [first, replace(step, layer={**step.layer, "inputs": [name]}, precision=precision)]

    def _read(self, name: str) -> str:
        return self.entries.get(name, name)

    def _reshaped(self, step: Step, node: Node) -> list[Step]:
        """A change of the shape, over a flat one where hls4ml needs it.

        A dense layer that reads a flattened transposition gets it in two steps: hls4ml takes one
        for the end of a network with channels first, and would reorder the weights. In streams the
        items change, for all but a dense layer, which takes any.
        """
        (x,), shape = self.network.read_by(node), node.output.shape
        turned, flat = self._kind(x.name) == "Transpose", len(shape) == 1
        if not self.streams:
            return self._over((1, *shape), step) if turned and flat else [step]
        readers = [other.name for other in self.network.nodes if node.name in other.inputs]
        if flat and not turned and [self._kind(reader) for reader in readers] == ["Dense"]:
            return [step]
        few, many = sorted((x.shape[-1], shape[-1]))
        repacked = replace(step, layer={**step.layer, "class_name": "Repack"})
        return [repacked] if many % few == 0 else self._over((x.size,), repacked)

    def _over(self, shape: tuple[int, ...], step: Step) -> list[Step]:
        """A change of the shape to ``shape``, and then that of ``step``."""
        name = self._new(f"{step.layer['name']}_over")
        first = {**step.layer, "name": name, "target_shape": list(shape)}
        return [replace(step, layer=first), replace(step, layer={**step.layer, "inputs": [name]})]


def _pools_beyond(operation: Operation) -> bool:
    """Whether the greatest is taken of pools that cover places beside the image."""
    if not isinstance(operation, Pooling) or operation.is_mean:
        return False
    return any(map(any, operation.margins))
