"""What must hold before a network is lowered, and what hls4ml's graph of it must still say.

Whether the core computes what the network means is another question: its program is compared with
the network's (:mod:`fpgac.rules.claim`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from fpgac.core.graph import is_compressed, is_exponent
from fpgac.core.settings import HlsSettings
from fpgac.errors import CoreError, Problem, Where
from fpgac.network.network import Network, Node
from fpgac.network.operation import Parameter
from fpgac.network.ops.merge import Merge
from fpgac.network.ops.quantise import Quantise
from fpgac.network.ops.weighted import Weighted
from fpgac.numbers import FixedPoint
from fpgac.program.formats import Formats
from fpgac.spec.names import is_reserved

__all__ = [
    "check_formats",
    "check_names",
    "check_reuse",
    "check_streams",
    "check_written",
    "declared_type",
    "result_types",
]

# hls4ml's own name for what a network reads first; its input alone may have it.
_TAKEN_BY_GRAPHS = frozenset(["input"])

# A constant is written as a decimal number without exponent: a C++ integer where it has no point.
_WIDEST_CONSTANT = 62


def declared_type(named: Any) -> FixedPoint:
    """The format that hls4ml's C++ declares for one of its named types."""
    return FixedPoint.parse(named.precision.definition_cpp())


def check_names(network: Network) -> None:
    """Names go into C++ as they are.

    Raises:
        CoreError: one is no plain identifier, is hls4ml's own, or differs in capitals only.
    """
    names = {"name": network.name, **{f"layers.{n.name}": n.name for n in network.nodes}}
    names |= {f"inputs.{tensor.name}": tensor.name for tensor in network.inputs}
    problems = [
        Problem(
            f"the name {name!r} means something else in hls4ml's C++",
            where=Where(key=key),
            expected="a plain C identifier that is not hls4ml's own",
            hint="choose another name",
            code="core.reserved-name",
        )
        for key, name in names.items()
        if _means_something(name, key)
    ]
    lowered = Counter(node.name.lower() for node in network.nodes)
    problems += [
        Problem(
            f"two layers are named {name!r}; hls4ml does not tell capital letters apart",
            where=Where(key="layers"),
            code="core.name-twice",
        )
        for name in sorted(name for name, times in lowered.items() if times > 1)
    ]
    if problems:
        raise CoreError(*problems)


def _means_something(name: str, key: str) -> bool:
    """Whether hls4ml or C++ knows ``name``, at a key of the spec, as something else."""
    headers, macros = _taken()
    taken = macros | (headers if key == "name" else set())
    if key.startswith("layers."):
        taken |= _TAKEN_BY_GRAPHS
    plain = re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII)
    return plain is None or is_reserved(name) or name in taken


@cache
def _taken() -> tuple[frozenset[str], frozenset[str]]:
    """Headers that are included by a bare name, and macros: see scripts/taken_names.py."""
    headers, macros = files("fpgac.core").joinpath("taken.txt").read_text().splitlines()
    return frozenset(headers.split()), frozenset(macros.split())


def result_types(network: Network, types: Mapping[str, FixedPoint]) -> dict[str, FixedPoint]:
    """The type of each node's result: every bit, or as asked for an output of that name.

    Raises:
        CoreError: an output cannot have another type: it has a grid of its own, or others read
            all of its bits.
    """
    results = {node.name: node.output.type for node in network.nodes}
    nodes = {node.name: node for node in network.nodes}
    for output in network.outputs:
        to = types.get(output.name)
        if to is not None and to != results[output.node]:
            _require_free(network, nodes[output.node], output.name, to)
            results[output.node] = to
    return results


def _require_free(network: Network, node: Node, output: str, to: FixedPoint) -> None:
    readers = [other.name for other in network.nodes if node.name in other.inputs]
    if isinstance(node.operation, Weighted | Merge) and not readers:
        return
    what = f"the result {output!r} already has a format, that of {node.name!r}"
    if readers:
        what = f"the result {output!r} is read by {readers[0]!r} as well, with every bit"
    raise CoreError(
        Problem(
            what,
            where=Where(key="interface.output"),
            expected=f"'auto' or {str(node.output.type)!r}",
            got=repr(str(to)),
            code="core.fixed-format",
        )
    )


def check_formats(network: Network, results: Mapping[str, FixedPoint]) -> None:
    """Every format can be represented, and every constant fits its own.

    Raises:
        CoreError: one does not.
    """
    if not network.nodes:
        raise CoreError(Problem("the network has no layers", code="core.no-layers"))
    edges = [tensor.type for tensor in network.inputs]
    for edge in (*edges, *(results[output.node] for output in network.outputs)):
        _ = edge.word_bits  # raises: too wide for a host's numbers
    problems = [
        problem
        for node in network.nodes
        for name, parameter in node.operation.parameters.items()
        for problem in _constant_problems(node.name, name, parameter)
    ]
    if problems:
        raise CoreError(*problems)


def check_streams(network: Network, hls: HlsSettings) -> None:
    """Every layer can have the io type.

    Raises:
        CoreError: one cannot.
    """
    problems = [
        Problem(
            f"the elements of {node.name!r} have formats of their own, which streams have not",
            where=Where(key="hls.io_type"),
            expected="'io_parallel'",
            got=repr(hls.io_type),
            code="core.needs-parallel",
        )
        for node in network.nodes
        if isinstance(node.operation, Quantise) and isinstance(node.operation.to, Formats)
    ]
    if problems and hls.io_type == "io_stream":
        raise CoreError(*problems)


def _constant_problems(layer: str, name: str, parameter: Parameter) -> Iterator[Problem]:
    type_, words = parameter.type, parameter.words
    _ = type_.word_bits  # raises: hls4ml's float64 could not hold them
    if type_.integer > _WIDEST_CONSTANT:
        yield Problem(
            f"the {name} of layer {layer!r} cannot be written as C++ constants",
            expected=f"at most {_WIDEST_CONSTANT} bits before the point",
            got=str(type_),
            code="core.constant-too-wide",
        )
    lowest, highest = (-(1 << (type_.width - 1)) if type_.signed else 0), type_.highest
    if words.size and not lowest <= int(words.min()) <= int(words.max()) <= highest:
        yield Problem(
            f"the {name} of layer {layer!r} do not fit their format",
            expected=f"raw words from {lowest} to {highest}, for {type_}",
            got=f"{words.min()} to {words.max()}",
            hint="the network is damaged: train or import it again",
            code="core.constant-outside",
        )


def check_reuse(graph: Any, factors: Mapping[str, int]) -> None:
    """hls4ml's graph shares multipliers as it was asked to.

    Raises:
        CoreError: hls4ml has taken another factor without a word.
    """
    nodes = {node.name: node for node in graph.get_layers()}
    for name, factor in factors.items():
        got = nodes[name].get_attr("reuse_factor") if name in nodes else None
        if got != factor:
            raise CoreError(
                Problem(
                    f"hls4ml changed the network: reuse in {name!r}",
                    expected=str(factor),
                    got=str(got),
                    hint="a defect of fpgac, or a release of hls4ml that it does not know",
                    code="core.changed",
                )
            )


def check_written(graph: Any) -> None:
    """Whatever hls4ml's graph holds, its C++ compiles.

    Raises:
        CoreError: constants are written as structs with which nothing in the C++ can compute.
    """
    problems = [
        problem
        for node in graph.get_layers()
        for name, weights in node.weights.items()
        if (problem := _unusable(node.name, name, weights))
    ]
    if problems:
        raise CoreError(*problems)


def _unusable(layer: str, name: str, weights: Any) -> Problem | None:
    if is_exponent(weights.type) and name.endswith("bias"):
        return Problem(
            f"the biases of layer {layer!r} are powers of two, which hls4ml's C++ cannot add",
            hint="quantize them to fixed-point numbers, as with quantized_bits",
            code="core.power-of-two-bias",
        )
    if is_exponent(weights.type) and weights.nzeros:
        return Problem(
            f"weights of layer {layer!r} are zero, which is no power of two",
            code="core.power-of-two-zero",
        )
    if is_compressed(weights.type):
        return Problem(
            f"the weights of layer {layer!r} are compressed, which hls4ml 1.3 has no C++ for",
            hint="leave out 'Compression' in hls4ml's configuration",
            code="core.compressed-weights",
        )
    return None
