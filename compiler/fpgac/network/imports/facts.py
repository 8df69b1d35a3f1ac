"""What there is to say of a network before it is compiled: its layers, in numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.network.imports.draft import Draft, DraftNode, Numbers, Prelu, Scaling, Sums
from fpgac.network.network import Network, Node
from fpgac.network.operation import Operation
from fpgac.network.ops.merge import Merge
from fpgac.network.ops.quantise import Quantise
from fpgac.network.ops.weighted import Weighted
from fpgac.program.program import Accumulate, Dot, Program
from fpgac.spec.shapes import Shape

__all__ = ["LayerFacts", "facts_of_draft", "facts_of_network", "facts_of_program"]

FLOATS = "floats"


@dataclass(frozen=True)
class LayerFacts:
    """A layer in numbers.

    Args:
        name: what fpgac calls it.
        kind: what its file calls it.
        shape: of one sample's result; None where it is not known.
        format: of its weights, or else of its results; ``floats`` where there is none.
        parameters: all numbers that it has learnt.
        multiplications: for one sample, those with zero not counted.
        zeros: how many of its weights are zero.
        weights: how many weights there are.
    """

    name: str
    kind: str
    shape: Shape | None
    format: str
    parameters: int
    multiplications: int
    zeros: int
    weights: int

    @property
    def sparsity(self) -> float:
        """The part of the weights that is zero; 0 where there are none."""
        return self.zeros / self.weights if self.weights else 0.0


def facts_of_draft(draft: Draft) -> Iterator[LayerFacts]:
    """The layers of a file, as it has them."""
    for node in draft.nodes:
        numbers = _numbers(node)
        at_once = _at_once(numbers[0].values, node.what) if numbers else 1
        nonzero = int(np.count_nonzero(numbers[0].values)) if numbers else 0
        weights = numbers[0].values.size if numbers else 0
        yield LayerFacts(
            node.name,
            node.label,
            node.shape,
            _format_of(node, numbers),
            sum(each.values.size for each in numbers) + node.unread,
            _products(node.what, node.shape, nonzero * _places(node.shape, at_once)),
            weights - nonzero,
            weights,
        )


def _numbers(node: DraftNode) -> list[Numbers]:
    """A node's constants, those that are multiplied first."""
    match node.what:
        case Sums(weights=weights, bias=bias):
            return [weights] if bias is None else [weights, bias]
        case Scaling(factor=factor, shift=shift):
            return [factor, shift]
        case Prelu(slopes=slopes):
            return [slopes]
    return []


def _format_of(node: DraftNode, numbers: list[Numbers]) -> str:
    if node.what is None:
        return ""
    if numbers:
        return str(numbers[0].type or FLOATS)
    if isinstance(node.what, Operation):
        return _grid(node.what)
    return ""


def _grid(operation: Operation) -> str:
    """The grid of an operation's results, if it has one of its own."""
    if isinstance(operation, Quantise):
        types = [str(type_) for type_ in operation.types]
        return types[0] if len(types) == 1 else f"{len(types)} formats"
    grid = getattr(operation, "grid", None)
    return str(grid) if grid is not None else ""


def _at_once(weights: npt.NDArray[Any], what: object) -> int:
    """The numbers that all weights give together: one a filter, or one for each weight."""
    return weights.shape[-1] if isinstance(what, Sums | Weighted) else weights.size


def _places(shape: Shape | None, at_once: int) -> int:
    """How often weights are applied to one sample."""
    return prod(shape) // at_once if shape else 1


def _products(what: object, shape: Shape | None, with_weights: int) -> int:
    if isinstance(what, Merge) and what.function == "multiply":
        return prod(shape or ())
    return with_weights


def facts_of_network(network: Network) -> Iterator[LayerFacts]:
    """The layers of a network, with their types."""
    for node in network.nodes:
        yield _of_node(node)


def _of_node(node: Node) -> LayerFacts:
    operation = node.operation
    parameters = list(operation.parameters.values())
    first = parameters[0] if parameters else None
    weights = first.words.size if first else 0
    nonzero = int(np.count_nonzero(first.words)) if first else 0
    at_once = _at_once(first.words, operation) if first else 1
    return LayerFacts(
        node.name,
        operation.kind,
        node.output.shape,
        str(first.type) if first else _grid(operation),
        sum(parameter.words.size for parameter in parameters),
        _products(operation, node.output.shape, nonzero * _places(node.output.shape, at_once)),
        weights - nonzero,
        weights,
    )


def facts_of_program(program: Program) -> Iterator[LayerFacts]:
    """The layers of a program, whose shapes and formats are no longer known."""
    for name, value in program.layers:
        sums = [
            operation
            for operation in program.operations
            if operation.layer == name and isinstance(operation, Dot | Accumulate)
        ]
        weights = sum(each.weights.size for each in sums)
        nonzero = sum(int(np.count_nonzero(each.weights)) for each in sums)
        products = sum(
            int(np.count_nonzero(each.weights)) * (len(each.windows) // len(each.weights))
            for each in sums
        )
        parameters = sum(each.weights.size + each.bias.size for each in sums)
        kind = ", ".join(dict.fromkeys(type(each).__name__ for each in sums))
        yield LayerFacts(
            name, kind, (value.size,), "", parameters, products, weights - nonzero, weights
        )
