"""From a draft to a network: every number gets its type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

import numpy as np

from fpgac.errors import NetworkError
from fpgac.network.imports.draft import (
    Draft,
    DraftNode,
    Entry,
    Function,
    Numbers,
    Prelu,
    Scaling,
    Sums,
)
from fpgac.network.imports.formats import Formats
from fpgac.network.network import Network, Output
from fpgac.network.operation import Operation, Part, holding
from fpgac.network.ops.arrangement import ZeroPadding
from fpgac.network.ops.convolution import Convolution, Depthwise
from fpgac.network.ops.curve import CURVES, Curve
from fpgac.network.ops.dense import Dense
from fpgac.network.ops.elementwise import OnGrid
from fpgac.network.ops.merge import Merge
from fpgac.network.ops.pooling import Pooling
from fpgac.network.ops.quantise import Quantise
from fpgac.network.ops.relu import Relu
from fpgac.network.ops.scale import Scale
from fpgac.network.ops.sloped import LeakyRelu
from fpgac.network.ops.sloped import Prelu as PreluOperation
from fpgac.network.ops.softmax import Softmax
from fpgac.numbers import FixedPoint, IntArray, Overflow, Rounding
from fpgac.tensors import Tensor

__all__ = ["Settled", "entry_type", "folded", "settle"]

# A probability's bits, and those of the tables' addresses.
_SOFTMAX = Softmax(16, 10)
_SLOPE_STEPS = 4096
# What a number that is rounded later must have behind the last bit that is kept.
_BITS_THAT_DECIDE = {Rounding.TRN: 0, Rounding.RND: 1}
# What a bias that is not there has.
_NO_BIAS = FixedPoint(2, 2)


@dataclass(frozen=True, eq=False)
class Settled:
    """A network, and how it stands to its original.

    ``origins`` are the original's tensors by the nodes that give them. ``exact`` are the nodes that
    give the original's numbers wherever what they read is the original's. ``ends`` are the nodes
    that give what the draft's nodes give, by these.
    """

    network: Network
    origins: Mapping[str, str]
    exact: frozenset[str]
    ends: Mapping[str, str]


def settle(
    draft: Draft,
    name: str,
    formats: Formats,
    inputs: Mapping[str, FixedPoint] = MappingProxyType({}),
) -> Settled:
    """The network of ``draft``, called ``name``; ``inputs`` are types of inputs that are given.

    Raises:
        NetworkError: something in the draft stands in the way, or has no type.
    """
    if draft.problems:
        raise NetworkError(*draft.problems)
    work = _Settling(folded(draft), formats, inputs)
    for node in work.draft.nodes:
        work.settle(node)
    tensors = [work.tensors[entry.name] for entry in draft.entries]
    outputs = [Output(output.name, work.ends[output.node]) for output in draft.outputs]
    network = Network.connected(name, tensors, work.parts, outputs)
    return Settled(network, work.origins, frozenset(work.exact), work.ends)


def entry_type(draft: Draft, entry: Entry) -> FixedPoint | None:
    """The type that the file itself gives an input: what loses nothing of all that quantise it.

    None where something else reads it, or they round or overflow in several ways.
    """
    readers = [reader.what for reader in draft.readers(entry.name)]
    quantisers = [what for what in readers if isinstance(what, Quantise)]
    types = [type_ for what in quantisers for type_ in what.types]
    modes = {(type_.rounding, type_.overflow) for type_ in types}
    if len(quantisers) < len(readers) or len(modes) != 1 or draft.is_output(entry.name):
        return None
    if len(set(types)) == 1:
        return types[0]
    ((rounding, overflow),) = modes
    # Cut off behind the bit that decides on rounding, a number is rounded as if it were whole.
    more = _BITS_THAT_DECIDE.get(rounding)
    if more is None:
        return None
    held = holding(types)
    saturation = Overflow.SAT if overflow is Overflow.SAT_SYM else overflow
    return FixedPoint(held.width + more, held.integer, held.signed, Rounding.TRN, saturation)


def folded(draft: Draft) -> Draft:
    """Normalisations of floats in the weights of the layer before them, where only they read it."""
    nodes = dict(draft.by_name)
    renamed: dict[str, str] = {}
    for node in draft.nodes:
        if not isinstance(node.what, Scaling) or node.what.is_exact:
            continue
        (read,) = (renamed.get(name, name) for name in node.inputs)
        before = nodes.get(read)
        if before is None or not isinstance(before.what, Sums) or before.what.is_exact:
            continue
        alone = len(draft.readers(node.inputs[0])) == 1 and not draft.is_output(node.inputs[0])
        if alone:
            sums = _scaled(before.what, node.what)
            nodes[read] = replace(before, what=sums, origin=node.origin)
            del nodes[node.name]
            renamed[node.name] = read
    kept = tuple(
        replace(node, inputs=tuple(renamed.get(name, name) for name in node.inputs))
        for node in nodes.values()
    )
    outputs = tuple(Output(o.name, renamed.get(o.node, o.node)) for o in draft.outputs)
    return replace(draft, nodes=kept, outputs=outputs)


def _scaled(sums: Sums, by: Scaling) -> Sums:
    factor, shift = by.factor.values, by.shift.values
    bias = sums.bias.values if sums.bias else np.zeros(sums.outputs)
    weights = Numbers(sums.weights.values * factor)
    return replace(sums, weights=weights, bias=Numbers(bias * factor + shift))


@dataclass(eq=False)
class _Settling:
    """The parts so far; ``ends`` are the nodes that give what the draft's nodes give.

    ``exact`` are as in a :class:`Settled`; what is ``rounded`` has gone through one that is not.
    """

    draft: Draft
    formats: Formats
    inputs: Mapping[str, FixedPoint]
    tensors: dict[str, Tensor] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    ends: dict[str, str] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    exact: set[str] = field(default_factory=set)
    rounded: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for entry in self.draft.entries:
            type_ = self.inputs.get(entry.name) or entry_type(self.draft, entry)
            type_ = type_ or self.formats.entry(entry)
            self.tensors[entry.name] = Tensor(entry.name, entry.shape, type_)
            self.ends[entry.name] = entry.name

    def settle(self, node: DraftNode) -> None:
        """The parts of a node of the draft."""
        reads = [self.ends[read] for read in node.inputs]
        operation, is_exact = self._operation(node)
        operation, reads = self._padded(node, operation, reads)
        name = self._add(node.name, operation, reads)
        if is_exact:
            self.exact.add(name)
        if not is_exact or self.rounded.intersection(reads):
            self.rounded.add(name)
        if (grid := self._grid(node, name)) is not None:
            name = self._add(f"{node.name}_grid", Quantise(grid), [name])
            self.rounded.add(name)
        self.ends[node.name] = name
        if node.origin is not None:
            self.origins[name] = node.origin

    def _add(self, name: str, operation: Operation, reads: list[str]) -> str:
        tensors = [self.tensors[read] for read in reads]
        shape = operation.shape(*(tensor.shape for tensor in tensors))
        self.tensors[name] = Tensor(name, shape, operation.type(*tensors))
        self.parts.append(Part(name, operation, tuple(reads)))
        return name

    def _inputs(self, node: DraftNode) -> list[Tensor]:
        return [self.tensors[self.ends[read]] for read in node.inputs]

    def _grid(self, node: DraftNode, name: str) -> FixedPoint | None:
        """The type on which what it gives goes on; None where it stays as it is."""
        asked = self.formats.sums(node.name) if isinstance(node.what, Sums | Scaling) else None
        if asked is None and self._needs_grid(node, name):
            return self.formats.result(node.name, "linear")
        return asked

    def _needs_grid(self, node: DraftNode, name: str) -> bool:
        """Whether what it gives goes on as it is, with bits that mean nothing."""
        grows = isinstance(node.what, Sums | Scaling) and name not in self.exact
        grows |= node.what == Merge("multiply") and name in self.rounded
        if not grows or self.draft.is_output(node.name):
            return False
        readers = [reader.what for reader in self.draft.readers(node.name)]
        return any(not isinstance(what, Function | Prelu | OnGrid | Quantise) for what in readers)

    def _padded(
        self, node: DraftNode, operation: Operation, reads: list[str]
    ) -> tuple[Operation, list[str]]:
        """hls4ml pads the pools of numbers without a sign by the middle of their range: the least
        of such numbers, zeros, are put there before.
        """
        if not isinstance(operation, Pooling) or operation.is_mean or operation.sides is None:
            return operation, reads
        if self.tensors[reads[0]].type.signed:
            return operation, reads
        padding = ZeroPadding(operation.sides)
        name = self._add(f"{node.name}_padding", padding, reads)
        self.exact.add(name)
        return replace(operation, sides=None), [name]

    def _operation(self, node: DraftNode) -> tuple[Operation, bool]:
        """What the node does, and whether that is just what the original does."""
        match node.what:
            case Sums() as sums:
                return self._sums(node, sums), sums.is_exact
            case Scaling() as scaling:
                return self._scale(node, scaling), scaling.is_exact
            case Function() as function:
                return self._function(node, function)
            case Prelu(slopes=slopes):
                words, type_ = self._words(node, "slopes", slopes)
                grid = self.formats.result(node.name, "prelu")
                return PreluOperation(grid, words, type_), False
            case Operation() as operation:
                return operation, operation.is_exact(*self._inputs(node))
        raise TypeError(f"{node.label} has no operation")

    def _words(self, node: DraftNode, key: str, numbers: Numbers) -> tuple[IntArray, FixedPoint]:
        type_ = numbers.type or self.formats.constants(node.name, key, numbers.values)
        return type_.raw(numbers.values).astype(np.int64), type_

    def _sums(self, node: DraftNode, sums: Sums) -> Operation:
        words, type_ = self._words(node, "weights", sums.weights)
        none = Numbers(np.zeros(sums.outputs), _NO_BIAS)
        biases, bias_type = self._words(node, "bias", sums.bias or none)
        if sums.kind == "dense":
            return Dense(words, type_, biases, bias_type)
        kind = Convolution if sums.kind == "convolution" else Depthwise
        return kind(words, type_, biases, bias_type, sums.strides, sums.padding)

    def _scale(self, node: DraftNode, scaling: Scaling) -> Operation:
        factor = self._words(node, "factor", scaling.factor)
        return Scale(*factor, *self._words(node, "shift", scaling.shift))

    def _function(self, node: DraftNode, function: Function) -> tuple[Operation, bool]:
        name = function.name
        if name == "softmax":
            return _SOFTMAX, False
        if name in ("relu", "relu6"):
            return self._relu(node, name)
        grid = self.formats.result(node.name, name)
        if name == "leaky_relu":
            slope = round(function.parameter * _SLOPE_STEPS) / _SLOPE_STEPS
            return LeakyRelu(grid, slope), False
        return Curve.of(grid, _CURVES[name]), False

    def _relu(self, node: DraftNode, name: Literal["relu", "relu6"]) -> tuple[Operation, bool]:
        """On a grid where its input has spare bits; where the file has none, with every bit."""
        limit = 6 if name == "relu6" else None
        (x,) = self._inputs(node)
        if x.name not in self.rounded:
            integer = x.type.integer - x.type.signed
            integer = min(integer, 3) if limit else integer
            width = max(integer + x.type.fraction, 1)
            return Relu(FixedPoint(width, integer, signed=False), limit), True
        return Relu(self.formats.result(node.name, name), limit), False


_CURVES = {short: kind for kind, short in CURVES.items()}
