"""Whether a network makes sense in itself: names, wiring, formats, words in range."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from fpgac.errors import NetworkError, Problem, Where
from fpgac.network.exactness import check_exact
from fpgac.network.network import Network, Output, Recording
from fpgac.network.operation import problem
from fpgac.numbers import WIDEST
from fpgac.spec.names import LONGEST, LONGEST_PART, check_identifier
from fpgac.spec.shapes import shape_text
from fpgac.spec.wiring import Wire, wiring_faults
from fpgac.tensors import Tensor

__all__ = ["recording_problems", "unsound", "wiring_problems"]


def unsound(network: Network) -> list[Problem]:
    """Everything that is wrong with ``network``; empty if it can be computed."""
    problems = [
        *_names(network),
        *_inputs(network),
        *_wiring(network),
        *_operations(network),
    ]
    if not problems:
        problems += [*_range(network), *_recorded(network)]
    return problems


def _names(network: Network) -> Iterator[Problem]:
    yield from _bad_name("name", network.name, LONGEST)
    outputs = [output.name for output in network.outputs]
    for key, names in (
        ("inputs", [tensor.name for tensor in network.inputs]),
        ("nodes", [node.name for node in network.nodes]),
        ("outputs", outputs),
    ):
        for place, name in enumerate(names):
            yield from _bad_name(f"{key}[{place}].name", name, LONGEST_PART)
    for place, name in enumerate(outputs):
        if name in outputs[:place]:
            key = f"outputs[{place}].name"
            yield problem("name-twice", key, f"two outputs are named {name!r}")


def _bad_name(key: str, name: str, longest: int) -> Iterator[Problem]:
    try:
        check_identifier(name, longest)
    except ValueError as error:
        yield problem("bad-name", key, str(error))


def _inputs(network: Network) -> Iterator[Problem]:
    for place, tensor in enumerate(network.inputs):
        key = f"inputs[{place}]"
        if min(tensor.shape, default=0) < 1:
            yield problem(
                "no-inputs", f"{key}.shape", "an input needs numbers", got=shape_text(tensor.shape)
            )
        if tensor.type.width > WIDEST:
            wide = f"at most {WIDEST} bits"
            yield problem("too-wide", f"{key}.type", "the type is too wide", wide, str(tensor.type))
    if not network.inputs:
        yield problem("no-inputs", "inputs", "a network needs an input")
    if not network.nodes:
        yield problem("no-nodes", "nodes", "a network needs a layer")


def _wiring(network: Network) -> Iterator[Problem]:
    wires = [Wire(node.name, node.inputs) for node in network.nodes]
    return wiring_problems(network.inputs, wires, network.outputs)


def wiring_problems(
    inputs: Iterable[Tensor], nodes: Sequence[Wire], outputs: Iterable[Output]
) -> Iterator[Problem]:
    """What is wrong with who reads what in a network to be."""
    ends = [output.node for output in outputs]
    for found in wiring_faults([tensor.name for tensor in inputs], nodes, ends):
        key = found.key if found.node is None else f"nodes[{found.node}].{found.key}"
        yield replace(problem(found.kind, key, found.what), hint=found.hint)


def _operations(network: Network) -> Iterator[Problem]:
    for place, node in enumerate(network.nodes):
        for found in node.operation.problems():
            key = f"nodes[{place}].{found.where.key if found.where else ''}"
            yield replace(found, where=Where(key=key))


def _range(network: Network) -> Iterator[Problem]:
    try:
        check_exact(network)
    except NetworkError as error:
        yield from error.problems


def _recorded(network: Network) -> Iterator[Problem]:
    if network.recording is not None:
        yield from recording_problems(network, network.recording)


def recording_problems(network: Network, recording: Recording) -> Iterator[Problem]:
    """What in a recording cannot be this network's."""
    samples = len(recording.inputs)
    for key, array, size in (
        ("inputs", recording.inputs, network.input_layout.size),
        ("outputs", recording.outputs, network.output_size),
    ):
        if array.shape != (samples, size):
            yield problem(
                "foreign-recording",
                f"recording.{key}",
                "the recording is not the network's",
                f"{samples} x {size} numbers",
                " x ".join(map(str, array.shape)),
            )
            return
    for tensor, columns in network.input_layout.places:
        yield from _words_outside(tensor, recording.inputs[:, columns])
    if not np.isfinite(recording.outputs).all():
        what = "a recorded answer is not finite"
        yield problem("foreign-recording", "recording.outputs", what)


def _words_outside(tensor: Tensor, words: np.ndarray) -> Iterator[Problem]:  # type: ignore[type-arg]
    lowest, highest = tensor.type.lowest, tensor.type.highest
    if ((words < lowest) | (words > highest)).any():
        yield problem(
            "word-outside",
            "recording.inputs",
            f"a word is outside the type {tensor.type} of {tensor.name!r}",
            f"{lowest} to {highest}",
        )
