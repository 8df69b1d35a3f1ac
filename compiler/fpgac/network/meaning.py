"""What a network computes: a program of integers, whoever made the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from fpgac.errors import NetworkError, Problem, Where
from fpgac.network.network import Network
from fpgac.network.operation import Operand
from fpgac.numbers import FixedPoint, IntArray
from fpgac.program.builder import Builder
from fpgac.program.interpreter import interpret
from fpgac.program.program import Program, Terminal
from fpgac.program.ranges import NotExact
from fpgac.tensors import Tensor

__all__ = ["meaning", "outputs"]


def meaning(network: Network, types: Mapping[str, FixedPoint] | None = None) -> Program:
    """The program that defines ``network``.

    ``types`` are those of the outputs, by name, that are not to keep every bit.

    Raises:
        NetworkError: a number could need more than 62 bits; it names the node.
    """
    build, asked = Builder(*network.inputs), _asked(network, types or {})
    known = {entry.tensor.name: Operand(entry.tensor, entry.value) for entry in build.inputs}
    for node in network.nodes:
        build.layer = node.name
        operands = [known[name] for name in node.inputs]
        try:
            value = node.operation.lower(build, node.output, *operands)
        except NotExact as refusal:
            raise _inexact(node.name, refusal) from None
        result = replace(node.output, type=asked.get(node.name, node.output.type))
        known[node.name] = Operand(result, build.assign(value, node.output.type, result.type))
    layers = tuple((node.name, known[node.name].value) for node in network.nodes)
    ends = [
        _terminal(build, tensor, known[output.node], (types or {}).get(output.name))
        for output, tensor in zip(network.outputs, network.output_tensors, strict=True)
    ]
    return build.program(network.name, ends, layers)


def outputs(network: Network, words: IntArray) -> npt.NDArray[np.float64]:
    """The network's exact answers to rows of raw words, shape (samples, inputs).

    Returns:
        Rows of numbers, shape (samples, outputs), before any rounding to an output's type.

    Raises:
        NetworkError: as :func:`meaning`.
    """
    program = meaning(network)
    return program.output_layout.number(interpret(program, words))


def _asked(network: Network, types: Mapping[str, FixedPoint]) -> dict[str, FixedPoint]:
    """The types of results that only the network's user reads, by the nodes' names."""
    read = {name for node in network.nodes for name in node.inputs}
    return {
        output.node: types[output.name]
        for output in network.outputs
        if output.name in types and output.node not in read
    }


def _terminal(build: Builder, tensor: Tensor, given: Operand, to: FixedPoint | None) -> Terminal:
    wanted = to or tensor.type
    value = build.with_fraction(given.value, wanted.fraction)
    words = build.assign(value, given.type, wanted)
    return Terminal(Tensor(tensor.name, tensor.shape, wanted), words)


def _inexact(name: str, refusal: NotExact) -> NetworkError:
    return NetworkError(
        Problem(
            f"the numbers of {name!r} are too wide to be exact: {refusal.reason}",
            Where(key=f"layers.{name}"),
            hint="choose fewer bits for inputs, weights or biases",
            code="network.too-wide",
        )
    )
