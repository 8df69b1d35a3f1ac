"""Whether Keras can give a network's very numbers: float64 must hold all that is on the way.

Under a bound of 53 bits float64 adds without error in any order, so that the quantised Keras
model, run in float64, must answer the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from fpgac.errors import NetworkError, Problem, Where
from fpgac.network.network import Network, Node
from fpgac.network.operation import Bound, Operation
from fpgac.numbers import WIDEST
from fpgac.tensors import Tensor

__all__ = ["bounds", "check_exact", "with_extreme_parameters"]


def bounds(network: Network) -> Mapping[str, Bound]:
    """For each input and node a number that none of its numbers exceeds, by name."""
    known = {tensor.name: _entry(tensor) for tensor in network.inputs}
    for node in network.nodes:
        reach = node.operation.reach(*(known[name] for name in node.inputs))
        known[node.name] = Bound(node.output, reach)
    return known


def _entry(tensor: Tensor) -> Bound:
    type_ = tensor.type
    return Bound(tensor, max(-type_.lowest, type_.highest) * type_.step)


def check_exact(network: Network) -> None:
    """Prove that no number on the way needs more than 53 bits, whatever the input.

    Raises:
        NetworkError: one might; each problem names a node.
    """
    if problems := list(_problems(network)):
        raise NetworkError(*problems)


def _problems(network: Network) -> Iterator[Problem]:
    known = bounds(network)
    for node in network.nodes:
        steps = node.operation.steps(node.output, *(known[name] for name in node.inputs))
        if steps >= 2.0**WIDEST and node.operation.is_exact(*network.read_by(node)):
            yield _too_wide(node, steps)


def _too_wide(node: Node, steps: float) -> Problem:
    return Problem(
        f"the sums of layer {node.name!r} are too wide to be exact",
        Where(key=f"layers.{node.name}"),
        expected=f"sums of at most {WIDEST} bits, which a float64 holds",
        got=f"{int(steps).bit_length() + 1} bits",
        hint="choose fewer bits for inputs, weights or biases",
        code="network.too-wide",
    )


def with_extreme_parameters(network: Network) -> Network:
    """The network with the words of its types that make the greatest sums."""
    return network.with_operations({node.name: _extreme(node.operation) for node in network.nodes})


def _extreme(operation: Operation) -> Operation:
    if not operation.parameters:
        return operation
    return operation.learnt(
        {
            name: np.broadcast_to(np.int64(parameter.type.lowest), parameter.words.shape)
            for name, parameter in operation.parameters.items()
        }
    )
