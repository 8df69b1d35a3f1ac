"""A trained network as plain data: a graph of operations, and where it came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fpgac.digest import digest_json
from fpgac.errors import NetworkError, Problem, Where
from fpgac.network.operation import Operation, Part
from fpgac.numbers import IntArray
from fpgac.reports.html import table_html
from fpgac.spec.shapes import MisfitError, held, shape_text
from fpgac.tensors import Layout, Scaling, Tensor

__all__ = ["Network", "Node", "Output", "Recording"]


@dataclass(frozen=True, eq=False)
class Recording:
    """What the quantised Keras model answered when the network was trained.

    ``inputs`` are rows of raw words, shape (samples, inputs); ``outputs`` are rows of the model's
    float64 answers, shape (samples, outputs).
    """

    inputs: IntArray
    outputs: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Node:
    """An operation in a network: what it reads, by name, and the tensor that comes out.

    The tensor has the node's name, and a type that holds every number that can come out.
    """

    operation: Operation
    inputs: tuple[str, ...]
    output: Tensor

    @property
    def name(self) -> str:
        return self.output.name


@dataclass(frozen=True)
class Output:
    """A result of the network: what it is called, and the node that gives it."""

    name: str
    node: str


@dataclass(frozen=True, eq=False)
class Network:
    """Operations in an order in which each reads only what stands before it.

    Make one with :meth:`connected`, or :meth:`chain`. ``provenance`` is plain data for people and
    reports; ``recording`` may be absent. ``scaling`` is what the features were scaled by before the
    training, by the inputs' names: the network itself takes scaled numbers. ``target_scaling`` is
    the same for targets, by the outputs' names: the network gives scaled numbers.
    """

    name: str
    inputs: tuple[Tensor, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Output, ...]
    recording: Recording | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    scaling: Mapping[str, Scaling] = field(default_factory=dict)
    target_scaling: Mapping[str, Scaling] = field(default_factory=dict)

    @classmethod
    def connected(
        cls,
        name: str,
        inputs: Iterable[Tensor],
        parts: Iterable[Part],
        outputs: Iterable[Output | str] | None = None,
    ) -> Self:
        """The network of these parts; by default the last one's result is the only output.

        Raises:
            NetworkError: a part reads what does not stand before it, or cannot take its shape.
        """
        entries = tuple(inputs)
        known = {tensor.name: tensor for tensor in entries}
        nodes: list[Node] = []
        for place, part in enumerate(parts):
            node = _node(part, known, f"nodes[{place}]")
            known[node.name] = node.output
            nodes.append(node)
        ends = [nodes[-1].name] if outputs is None and nodes else outputs or ()
        results = tuple(end if isinstance(end, Output) else Output(end, end) for end in ends)
        return cls(name, entries, tuple(nodes), results)

    @classmethod
    def chain(cls, name: str, entry: Tensor, operations: Iterable[tuple[str, Operation]]) -> Self:
        """The network in which each operation, with its name, reads the one before it.

        Raises:
            NetworkError: an operation cannot take the shape of what it reads.
        """
        parts, before = [], entry.name
        for node, operation in operations:
            parts.append(Part(node, operation, (before,)))
            before = node
        return cls.connected(name, [entry], parts)

    def __str__(self) -> str:
        """The network in short: its inputs' shapes, and what layers with weights give."""
        said = [" + ".join(shape_text(tensor.shape) for tensor in self.inputs)]
        return " → ".join([*said, *(shape_text(node.output.shape) for node in self.weighted)])

    @cached_property
    def digest(self) -> str:
        """Covers everything but ``provenance`` and ``recording``."""
        return digest_json(self.plain())

    def plain(self) -> dict[str, Any]:
        """What the digest covers, as lists, strings and integers."""
        return {
            "name": self.name,
            "inputs": [
                {"name": tensor.name, "shape": list(tensor.shape), "type": str(tensor.type)}
                | _plain_scaling(self.scaling.get(tensor.name))
                for tensor in self.inputs
            ],
            "nodes": [
                {
                    "kind": node.operation.kind,
                    "name": node.name,
                    "inputs": list(node.inputs),
                    **node.operation.plain(),
                }
                for node in self.nodes
            ],
            "outputs": [
                {"name": output.name, "node": output.node}
                | _plain_scaling(self.target_scaling.get(output.name))
                for output in self.outputs
            ],
        }

    @cached_property
    def input_layout(self) -> Layout:
        """How a sample of all inputs lies in a row, already scaled."""
        return Layout(self.inputs)

    @cached_property
    def output_tensors(self) -> tuple[Tensor, ...]:
        """The results, each by its own name, in a type that keeps every bit."""
        return tuple(
            replace(self.tensors[output.node], name=output.name) for output in self.outputs
        )

    @cached_property
    def tensors(self) -> Mapping[str, Tensor]:
        """Inputs and what nodes give, by name."""
        return {tensor.name: tensor for tensor in (*self.inputs, *(n.output for n in self.nodes))}

    @property
    def output_size(self) -> int:
        """Numbers in one result of all outputs."""
        return sum(tensor.size for tensor in self.output_tensors)

    def read_by(self, node: Node) -> tuple[Tensor, ...]:
        """The tensors that a node reads."""
        return tuple(self.tensors[name] for name in node.inputs)

    @cached_property
    def weighted(self) -> tuple[Node, ...]:
        """The nodes that multiply with weights, in order."""
        return tuple(node for node in self.nodes if node.operation.products is not None)

    @cached_property
    def weights(self) -> IntArray:
        """All weights that numbers are multiplied with, in one row."""
        words = [
            n.operation.products.ravel() for n in self.weighted if n.operation.products is not None
        ]
        return np.concatenate([*words, np.empty(0, np.int64)])

    @property
    def approximate(self) -> tuple[bool, ...]:
        """For each number of a result whether Keras may give another: behind a softmax's tables."""
        inexact = set[str]()
        for node in self.nodes:
            exact = node.operation.is_exact(*self.read_by(node))
            if not exact or inexact.intersection(node.inputs):
                inexact.add(node.name)
        return tuple(
            output.node in inexact
            for output, tensor in zip(self.outputs, self.output_tensors, strict=True)
            for _ in range(tensor.size)
        )

    def _repr_html_(self) -> str:
        titles = ("layer", "kind", "reads", "shape", "format", "parameters", "zeros")
        inputs = ((t.name, "input", "", _size(t), t.type, "", "") for t in self.inputs)
        return table_html(titles, (*inputs, *map(_row, self.nodes)))

    def with_operations(self, operations: Mapping[str, Operation]) -> Self:
        """The same graph with other operations at the nodes of these names."""
        return replace(
            self,
            nodes=tuple(
                replace(node, operation=operations.get(node.name, node.operation))
                for node in self.nodes
            ),
        )


def _size(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape))


def _row(node: Node) -> tuple[object, ...]:
    """What a table says of a node."""
    words = [parameter.words for parameter in node.operation.parameters.values()]
    weights = node.operation.products
    count = f"{sum(each.size for each in words):,}" if words else ""
    zeros = "" if weights is None or not weights.size else f"{np.mean(weights == 0):.0%}"
    place = (node.name, node.operation.kind, ", ".join(node.inputs))
    return (*place, _size(node.output), node.output.type, count, zeros)


def _node(part: Part, known: Mapping[str, Tensor], key: str) -> Node:
    missing = [name for name in part.inputs if name not in known]
    if missing:
        what = f"{part.name!r} reads {missing[0]!r}, which does not stand before it"
        raise NetworkError(Problem(what, Where(key=f"{key}.inputs"), code="network.unknown-input"))
    inputs = [known[name] for name in part.inputs]
    if len(inputs) != (arity := part.operation.arity):
        what = f"{part.name!r} reads {len(inputs)} tensors, not {arity}"
        raise NetworkError(Problem(what, Where(key=f"{key}.inputs"), code="network.misfit"))
    try:
        shape = held(part.operation.shape(*(tensor.shape for tensor in inputs)))
        type_ = part.operation.type(*inputs)
    except MisfitError as misfit:
        what = f"{part.name!r} does not fit what it reads: {misfit}"
        place = Where(key=f"{key}.{misfit.key}")
        raise NetworkError(Problem(what, place, code="network.misfit")) from None
    except ValueError as error:  # a type beyond all formats
        what = f"{part.name!r} gives numbers that no format holds: {error}"
        raise NetworkError(Problem(what, Where(key=key), code="network.no-format")) from None
    return Node(part.operation, part.inputs, Tensor(part.name, shape, type_))


def _plain_scaling(scaling: Scaling | None) -> dict[str, Any]:
    if scaling is None:
        return {}
    return {"scaling": {"offset": list(scaling.offset), "scale": list(scaling.scale)}}
