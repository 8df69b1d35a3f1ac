"""What must hold before a network is lowered, and what hls4ml's graph of it must still say."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from fpgac.core.graph import is_compressed, is_exponent
from fpgac.core.layers import constant_type, mean_type
from fpgac.errors import CoreError, Problem, Where
from fpgac.network.arithmetic import Step, steps
from fpgac.network.network import (
    AveragePoolLayer,
    FlattenLayer,
    HardLayer,
    MaxPoolLayer,
    Network,
    ReluLayer,
    WeightedLayer,
)
from fpgac.numbers import FixedPoint, IntArray, Overflow
from fpgac.spec.shapes import MisfitError

__all__ = ["check_formats", "check_graph", "check_names", "check_written", "declared_type"]

# hls4ml writes the core into C++'s global namespace, next to names and files of its own.
_TAKEN = re.compile(
    r"defines|parameters|myproject|(ap|hls|nnet)_\w+|((relu|hard_\w+)_)?(config|layer)\d\w*|[wb]\d+|\w+_t",
    re.IGNORECASE,
)

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
    names = {"name": network.name, **{f"layers.{n.name}": n.name for n in network.layers}}
    problems = [
        Problem(
            f"the name {name!r} means something else in hls4ml's C++",
            where=Where(key=key),
            expected="a plain C identifier that is not hls4ml's own",
            hint="choose another name",
        )
        for key, name in names.items()
        if not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII) or _TAKEN.fullmatch(name)
    ]
    lowered = Counter(layer.name.lower() for layer in network.layers)
    problems += [
        Problem(
            f"two layers are named {name!r}; hls4ml does not tell capital letters apart",
            where=Where(key="layers"),
        )
        for name in sorted(name for name, times in lowered.items() if times > 1)
    ]
    if problems:
        raise CoreError(*problems)


def check_formats(network: Network, output: FixedPoint | None) -> None:
    """Every format can be represented, and every constant fits its own.

    Raises:
        CoreError: one does not.
    """
    if not network.layers:
        raise CoreError(Problem("the network has no layers"))
    _check_edges(network, output)
    _check_shapes(network)
    for layer in network.weighted_layers:
        _check_constants(layer.name, "weights", layer.weights, layer.weight_type)
        _check_constants(layer.name, "biases", layer.bias, layer.bias_type)


def _check_edges(network: Network, output: FixedPoint | None) -> None:
    for edge in (network.input_type, output):
        if edge is not None:
            _ = edge.word_bits  # raises: too wide for a host's numbers
    last = network.layers[-1]
    if output is not None and isinstance(last, ReluLayer | HardLayer) and output != last.type:
        raise CoreError(
            Problem(
                "the results already have the format of the last layer, a ReLU",
                where=Where(key="interface.output"),
                expected=f"'auto' or {str(last.type)!r}",
                got=repr(str(output)),
            )
        )


def _check_shapes(network: Network) -> None:
    try:
        _ = network.shapes
    except MisfitError as misfit:
        raise CoreError(Problem(str(misfit))) from None


def _check_constants(layer: str, what: str, words: IntArray, type_: FixedPoint) -> None:
    _ = type_.word_bits  # raises: hls4ml's float64 could not hold them
    if type_.integer > _WIDEST_CONSTANT:
        raise CoreError(
            Problem(
                f"the {what} of layer {layer!r} cannot be written as C++ constants",
                expected=f"at most {_WIDEST_CONSTANT} bits before the point",
                got=str(type_),
            )
        )
    lowest, highest = _range(type_)
    if words.size and not lowest <= int(words.min()) <= int(words.max()) <= highest:
        raise CoreError(
            Problem(
                f"the {what} of layer {layer!r} do not fit their format",
                expected=f"raw words from {lowest} to {highest}, for {type_}",
                got=f"{words.min()} to {words.max()}",
                hint="the network is damaged: train or import it again",
            )
        )


def _range(type_: FixedPoint) -> tuple[int, int]:
    """The raw words that the bits can hold, whatever the overflow mode."""
    return (-(1 << (type_.width - 1)) if type_.signed else 0), type_.highest


def check_graph(
    graph: Any, network: Network, factors: Mapping[str, int], output: FixedPoint | None
) -> None:
    """hls4ml's graph is the network: same layers, same formats, sums that keep every bit.

    Raises:
        CoreError: hls4ml has changed something without a word.
    """
    entry, *nodes = _without_padding(graph.get_layers())
    _expect("the input", _result(entry), network.input_type)
    _expect("the layers", [n.name for n in nodes], [layer.name for layer in network.layers])
    shapes = [tuple(node.get_output_variable().shape) for node in (entry, *nodes)]
    _expect("the shapes", shapes, list(network.shapes))
    walked = steps(network.input_type, network.layers)
    for (before, node), step in zip(pairwise([entry, *nodes]), walked, strict=True):
        layer, last = step.layer, step.layer is network.layers[-1]
        if isinstance(layer, WeightedLayer | AveragePoolLayer):
            sums = declared_type(node.types["accum_t"])
            if not _keeps_every_bit(sums, _result(before), layer):
                raise CoreError(
                    Problem(f"hls4ml's sums of {layer.name!r} lose bits", got=str(sums))
                )
        wanted = _wanted(step, node, _result(before), output if last else None)
        _expect(f"the results of {layer.name!r}", _result(node), wanted)
        if isinstance(layer, WeightedLayer):
            _expect_constants(node, layer)
            _expect(f"reuse in {layer.name!r}", node.get_attr("reuse_factor"), factors[layer.name])


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


def _wanted(step: Step, node: Any, given: FixedPoint, output: FixedPoint | None) -> FixedPoint:
    """The type of a layer's results, which is ``given`` the numbers of a type."""
    match step.layer:
        case WeightedLayer():
            return output or declared_type(node.types["accum_t"])
        case ReluLayer(type=type_) | HardLayer(type=type_):
            return type_
        case AveragePoolLayer():
            return mean_type(step)
        case MaxPoolLayer() | FlattenLayer():
            return given


def _result(node: Any) -> FixedPoint:
    return declared_type(node.get_output_variable().type)


def _without_padding(nodes: Iterable[Any]) -> list[Any]:
    """The nodes but for those that pad the streams of convolutions, which must keep their type."""
    kept: list[Any] = []
    for node in nodes:
        if node.class_name.startswith("ZeroPadding"):
            _expect(f"the results of {node.name!r}", _result(node), _result(kept[-1]))
        else:
            kept.append(node)
    return kept


def _expect_constants(node: Any, layer: WeightedLayer) -> None:
    for what, type_ in (("weight", layer.weight_type), ("bias", layer.bias_type)):
        declared = declared_type(node.get_weights(what).type)
        _expect(f"the {what} format of {layer.name!r}", declared, constant_type(type_))


def _expect(what: str, got: object, expected: object) -> None:
    if got != expected:
        raise CoreError(
            Problem(
                f"hls4ml changed the network: {what}",
                expected=str(expected),
                got=str(got),
                hint="a defect of fpgac, or a release of hls4ml that it does not know",
            )
        )


def _keeps_every_bit(
    sums: FixedPoint, x: FixedPoint, layer: WeightedLayer | AveragePoolLayer
) -> bool:
    """Whether ``sums`` holds every sum, or sum and mean, that the formats of a layer allow."""
    if isinstance(layer, AveragePoolLayer):
        more = layer.bits
        return sums.fraction >= x.fraction + more and sums.integer >= x.integer + more
    product_fraction = x.fraction + layer.weight_type.fraction
    shifts = sums.fraction - product_fraction, sums.fraction - layer.bias_type.fraction
    if min(shifts) < 0 or sums.overflow is not Overflow.WRAP:
        return False
    products = [a * b for a in _range(x) for b in _range(layer.weight_type)]
    low, high = (
        (len(layer.matrix) * end(products) << shifts[0])
        + (end(_range(layer.bias_type)) << shifts[1])
        for end in (min, max)
    )
    lowest, highest = _range(sums)
    return lowest <= low and high <= highest
