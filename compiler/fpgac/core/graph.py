"""The network's graph as hls4ml left it: every layer with its types, settings and constants.

This is what the core's C++ was written from, as plain values: whoever wants to know what the chip
computes reads it here and needs neither hls4ml nor the C++.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.digest import digest_bytes, digest_json
from fpgac.numbers import WIDEST, FixedPoint, IntArray, Overflow, Rounding
from fpgac.program.formats import Formats

__all__ = ["Constant", "Graph", "Node", "Tensor", "is_compressed", "is_exponent", "read_graph"]

Setting = int | float | str | tuple[int, ...]


@dataclass(frozen=True)
class Tensor:
    """What goes from layer to layer; ``type`` is None where it is no fixed-point number.

    ``lanes`` are the numbers in one item of a stream; 1 with io_parallel.
    """

    name: str
    shape: tuple[int, ...]
    type: FixedPoint | None
    lanes: int = 1

    @property
    def size(self) -> int:
        """Numbers in one sample."""
        return prod(self.shape)


@dataclass(frozen=True, eq=False)
class Constant:
    """Weights, biases and the like: raw words of ``type``, int64, in the order of the C++ array.

    ``words`` is None where they are no numbers of fixed point, or wider than a float64 holds.
    Of powers of two, whose exponents have ``exponent_bits`` bits in the C++ (0 for all other
    numbers), a word is twice the exponent, plus one where the number is negative.
    """

    type: FixedPoint | None
    words: IntArray | None
    exponent_bits: int = 0

    @cached_property
    def digest(self) -> str:
        """Covers all of it."""
        words = np.empty(0, np.int64) if self.words is None else self.words
        parts = [str(self.type), words.shape, digest_bytes(words.tobytes()), self.exponent_bits]
        return digest_json(parts)


@dataclass(frozen=True, eq=False)
class Node:
    """A layer of hls4ml's graph.

    Args:
        name: the layer's name.
        kind: hls4ml's class of layers: ``Dense``, ``Activation``.
        function: the function of hls4ml's C++ that computes it, ``dense``; empty where there is
            none to call, because the result is the input itself, under another shape.
        inputs: the tensors that it reads, by name.
        outputs: the tensors that it makes.
        types: its other types by hls4ml's names for them, ``accum_t``; None as for a tensor.
        settings: whatever else decides what it computes, by hls4ml's names: ``stride_width``.
            The functions that multiply are ``product``, ``product_2`` and so on.
        constants: by hls4ml's names for them: ``weight``, ``bias``, ``scale``.
        formats: what each element is cast to; of HGQ's quantizers alone, which have no function
            but one that is generated for them.
    """

    name: str
    kind: str
    function: str
    inputs: tuple[str, ...]
    outputs: tuple[Tensor, ...]
    types: Mapping[str, FixedPoint | None] = field(default_factory=dict)
    settings: Mapping[str, Setting] = field(default_factory=dict)
    constants: Mapping[str, Constant] = field(default_factory=dict)
    formats: Formats | None = None


@dataclass(frozen=True, eq=False)
class Graph:
    """Layers in an order in which every tensor is known before it is read."""

    nodes: tuple[Node, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def types(self) -> dict[str, FixedPoint]:
        """The types of the layers' results, by the layers' names, where they are fixed point."""
        return {
            node.name: node.outputs[0].type
            for node in self.nodes
            if node.outputs and node.outputs[0].type
        }

    @cached_property
    def digest(self) -> str:
        """Covers all of it."""
        return digest_json(
            {
                "inputs": self.inputs,
                "outputs": self.outputs,
                "nodes": [_plain(node) for node in self.nodes],
            }
        )


def _plain(node: Node) -> dict[str, Any]:
    return {
        "name": node.name,
        "kind": node.kind,
        "function": node.function,
        "inputs": node.inputs,
        "outputs": [[out.name, out.shape, str(out.type), out.lanes] for out in node.outputs],
        "types": {name: str(type_) for name, type_ in node.types.items()},
        "settings": {name: repr(value) for name, value in node.settings.items()},
        "constants": {name: constant.digest for name, constant in node.constants.items()},
        "formats": node.formats and node.formats.plain,
    }


# hls4ml writes each layer's settings into a struct: ``typedef accum_t_name accum_t;``
_TYPEDEF = re.compile(r"typedef\s+([^;]+?)\s+(\w+);")
_NUMBER = re.compile(r"static const(?:expr)? (?:unsigned|bool|int|float) (\w+) = ([\w.+-]+);")
_PRODUCT = re.compile(r"nnet::product::(\w+)<")
_FUNCTION = re.compile(r"\s*(?:\w+::)*(\w+)<")


def read_graph(graph: Any) -> Graph:
    """hls4ml's ``ModelGraph``, all its passes applied, as plain values."""
    layers = list(graph.get_layers())
    named = {type_.name: type_ for layer in layers for type_ in layer.types.values()}
    return Graph(
        nodes=tuple(_node(layer, named) for layer in layers),
        inputs=tuple(map(str, graph.inputs)),
        outputs=tuple(map(str, graph.outputs)),
    )


def _node(layer: Any, named: Mapping[str, Any]) -> Node:
    struct = layer.get_attr("config_cpp") or ""
    formats = _formats(layer) if hasattr(layer, "mask_kbi") else None
    call = None if formats else _FUNCTION.match(layer.get_attr("function_cpp") or "")
    return Node(
        name=layer.name,
        kind=layer.class_name,
        function=call[1] if call else "",
        inputs=() if layer.class_name == "Input" else tuple(layer.inputs),
        outputs=tuple(
            Tensor(
                name,
                tuple(map(int, variable.shape)),
                _type(variable.type),
                int(getattr(variable.type, "n_elem", 1)),
            )
            for name, variable in layer.variables.items()
        ),
        types={
            **{name: _type(type_) for name, type_ in layer.types.items()},
            **{
                name: _type(named[text]) if text in named else _parsed(text)
                for text, name in _TYPEDEF.findall(struct)
            },
        },
        settings=dict(_settings(layer, struct)),
        constants={name: _constant(weights) for name, weights in layer.weights.items()},
        formats=formats,
    )


def _formats(layer: Any) -> Formats:
    """The types of an HGQ quantizer: arrays of signs, widths and integer bits, with one sample."""
    shape = layer.get_output_variable().shape
    masks = (np.broadcast_to(mask[0], shape) for mask in layer.mask_kbi)
    signed, width, integer = masks
    return Formats.of_widths(
        width,
        integer,
        signed != 0,
        Rounding(layer.RND),
        Overflow(layer.SAT),
    )


def _settings(layer: Any, struct: str) -> Iterator[tuple[str, Setting]]:
    for name, value in layer.attributes.items():
        if isinstance(value, (bool, int, np.integer)):
            yield name, int(value)
        elif isinstance(value, (float, np.floating)):
            yield name, float(value)
        elif isinstance(value, str) and not name.endswith("_cpp"):
            yield name, value
        elif isinstance(value, (list, tuple)) and all(isinstance(part, int) for part in value):
            yield name, tuple(value)
    for name, text in _NUMBER.findall(struct):
        if re.fullmatch(r"-?\d+", text):
            yield name, int(text)
        elif re.fullmatch(r"-?\d*\.\d+(e[+-]?\d+)?", text):
            yield name, float(text)
    for place, product in enumerate(_PRODUCT.findall(struct), start=1):
        yield "product" if place == 1 else f"product_{place}", product


def _type(named: Any) -> FixedPoint | None:
    """The format that the C++ declares; None for floats and exponents."""
    return None if is_exponent(named) else _parsed(named.precision.definition_cpp())


def is_exponent(named: Any) -> bool:
    """Whether hls4ml's type holds powers of two by sign and exponent."""
    from hls4ml.model.types import ExponentPrecisionType

    return isinstance(named.precision, ExponentPrecisionType)


def is_compressed(named: Any) -> bool:
    """Whether hls4ml's type holds only the weights that are not zero, by their places."""
    from hls4ml.model.types import CompressedType

    return isinstance(named, CompressedType)


def _parsed(text: str) -> FixedPoint | None:
    try:
        type_ = FixedPoint.parse(text)
    except ValueError:
        return None
    # What is assigned to an ap_int is converted as C converts to its own integers.
    return replace(type_, rounding=Rounding.TRN_ZERO) if "int<" in text else type_


def _constant(weights: Any) -> Constant:
    if is_exponent(weights.type):
        return _powers(np.asarray(weights.data, np.float64), int(weights.type.precision.width))
    type_ = _type(weights.type)
    if type_ is None or type_.width > WIDEST:
        return Constant(type_, None)
    numbers = np.asarray(weights.data, np.float64)
    words = type_.raw(_as_written(numbers, type_, weights.precision_fmt))
    return Constant(type_, words.astype(np.int64))


def _as_written(
    numbers: npt.NDArray[np.float64], type_: FixedPoint, decimals: str
) -> npt.NDArray[np.float64]:
    """The numbers as the C++ spells them: what is off the type's grid loses digits there."""
    off = numbers != np.rint(numbers / type_.step) * type_.step
    written = numbers.copy()
    written[off] = [float(decimals.format(number)) for number in numbers[off]]
    return written


def _powers(numbers: npt.NDArray[np.float64], bits: int) -> Constant:
    """Powers of two as hls4ml writes them: exponents as words of so many bits, and signs."""
    half = 1 << (bits - 1)
    exponents = np.trunc(np.log2(np.abs(numbers))).astype(np.int64)
    exponents = (exponents + half) % (2 * half) - half
    return Constant(None, 2 * exponents + (numbers < 0), bits)
