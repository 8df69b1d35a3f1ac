"""A network as its file has it: layers whose numbers may still be floats."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from fpgac.errors import Problem
from fpgac.network.network import Output
from fpgac.network.operation import Operation
from fpgac.network.ops.arrangement import Permute, Reshape
from fpgac.numbers import FixedPoint
from fpgac.spec.names import LONGEST, check_identifier, is_reserved
from fpgac.spec.shapes import MisfitError, Padding, Shape, convolved, summed

__all__ = [
    "Draft",
    "DraftNode",
    "Drafting",
    "Entry",
    "Function",
    "Numbers",
    "Prelu",
    "Scaling",
    "Sums",
    "UnreadInputError",
    "UnsupportedError",
    "What",
]

Floats = npt.NDArray[np.float64]

# Functions of each number by itself that a file may have without a grid.
FunctionName = Literal[
    "relu",
    "relu6",
    "leaky_relu",
    "hard_sigmoid",
    "sigmoid",
    "tanh",
    "softplus",
    "softsign",
    "elu",
    "softmax",
]


class UnsupportedError(Exception):
    """Something in a file that fpgac cannot import; the text says what, ``hint`` what may help."""

    def __init__(self, what: str, hint: str = "", code: str = "network.unknown-layer") -> None:
        super().__init__(what)
        self.hint = hint
        self.code = code


class UnreadInputError(UnsupportedError):
    """A layer reads one that cannot be imported, and nothing else is wrong with it."""

    def __init__(self) -> None:
        super().__init__("it reads a layer that cannot be imported")


@dataclass(frozen=True, eq=False)
class Numbers:
    """Constants of a layer; ``type`` is that whose words they are, or None for any floats."""

    values: Floats
    type: FixedPoint | None = None


@dataclass(frozen=True, eq=False)
class Sums:
    """A layer with weights, in the shapes of fpgac's operations; ``bias`` may be absent."""

    kind: Literal["dense", "convolution", "depthwise"]
    weights: Numbers
    bias: Numbers | None
    strides: tuple[int, ...] = ()
    padding: Padding = "valid"

    @property
    def is_exact(self) -> bool:
        """Whether the file gives all its numbers types."""
        return self.weights.type is not None and (self.bias is None or self.bias.type is not None)

    @property
    def outputs(self) -> int:
        """Units, filters or channels."""
        return self.weights.values.shape[-1]

    def shape(self, shape: Shape) -> Shape:
        """What it gives for an input of ``shape``.

        Raises:
            MisfitError: it cannot take it.
        """
        weights = self.weights.values.shape
        if self.kind == "dense":
            given = summed(shape, self.outputs)
            expected: Shape = (*shape, self.outputs)
        else:
            kernel = weights[: len(self.strides)]
            given = convolved(shape, kernel, self.strides, self.padding, self.outputs)
            mixing = (shape[-1],) if self.kind == "depthwise" else (shape[-1], self.outputs)
            expected = (*kernel, *mixing)
        if weights != expected:
            what = f"its weights have the shape {weights}, where its input asks for {expected}"
            raise MisfitError("weights", what, given)
        return given


@dataclass(frozen=True, eq=False)
class Scaling:
    """A factor and a shift for each channel."""

    factor: Numbers
    shift: Numbers

    @property
    def is_exact(self) -> bool:
        """Whether the file gives all its numbers types."""
        return self.factor.type is not None and self.shift.type is not None


@dataclass(frozen=True)
class Function:
    """A function without a grid; ``parameter`` is a leaky ReLU's slope."""

    name: FunctionName
    parameter: float = 0.0


@dataclass(frozen=True, eq=False)
class Prelu:
    """A ReLU with a slope for each element."""

    slopes: Numbers


What = Sums | Scaling | Function | Prelu | Operation


@dataclass(frozen=True)
class Entry:
    """An input: ``original`` is the file's name for it, and ``shape`` one sample's."""

    name: str
    shape: Shape
    original: str


@dataclass(frozen=True, eq=False)
class DraftNode:
    """A step of the network.

    Args:
        name: a plain identifier.
        what: what it does; None where that cannot be imported.
        inputs: the names of what it reads.
        shape: of what it gives; None where it is not known.
        label: what the file calls it: ``Dense 'fc1'``.
        origin: the original's tensor that it gives, if that has one.
        unread: the numbers in the file of a step that cannot be imported.
    """

    name: str
    what: What | None
    inputs: tuple[str, ...]
    shape: Shape | None
    label: str
    origin: str | None = None
    unread: int = 0


@dataclass(frozen=True, eq=False)
class Draft:
    """A network of the file's own layers, and what stands in the way of importing it.

    ``axes`` are the original's for each of the draft's, where their orders differ, by the names of
    the original's tensors; the samples' axis does not count.
    """

    framework: str
    entries: tuple[Entry, ...]
    nodes: tuple[DraftNode, ...]
    outputs: tuple[Output, ...]
    problems: tuple[Problem, ...] = ()
    axes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @cached_property
    def by_name(self) -> dict[str, DraftNode]:
        """The nodes by name."""
        return {node.name: node for node in self.nodes}

    @cached_property
    def shapes(self) -> dict[str, Shape | None]:
        """The shapes of inputs and of what nodes give, by name."""
        inputs: dict[str, Shape | None] = {entry.name: entry.shape for entry in self.entries}
        return inputs | {node.name: node.shape for node in self.nodes}

    def readers(self, name: str) -> list[DraftNode]:
        """The nodes that read ``name``; a network's output counts as read by nobody."""
        return [node for node in self.nodes if name in node.inputs]

    def is_output(self, name: str) -> bool:
        """Whether ``name`` gives a result of the network."""
        return any(output.node == name for output in self.outputs)


@dataclass
class Drafting:
    """A draft in the making: nodes are added in an order in which each reads what is there."""

    framework: str
    entries: list[Entry] = field(default_factory=list)
    nodes: list[DraftNode] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    _shapes: dict[str, Shape | None] = field(default_factory=dict)

    def enter(self, original: str, shape: Shape) -> str:
        """An input, and the name that it gets."""
        name = self._name(original)
        self.entries.append(Entry(name, shape, original))
        self._shapes[name] = shape
        return name

    def shape(self, name: str) -> Shape | None:
        """The shape of what there is under ``name``."""
        return self._shapes[name]

    def add(
        self,
        wanted: str,
        what: What,
        inputs: Sequence[str],
        label: str,
        origin: str | None = None,
    ) -> str:
        """A node, and the name that it gets: ``wanted``, as far as that is a plain identifier."""
        given = [self._shapes[name] for name in inputs]
        known = [shape for shape in given if shape is not None]
        shape: Shape | None = None
        if len(known) == len(given):
            try:
                shape = _shape(what, known)
            except MisfitError as misfit:
                shape = misfit.shape
                self.refuse(label, str(misfit), code="network.misfit")
        return self._keep(DraftNode(self._name(wanted), what, tuple(inputs), shape, label, origin))

    def skip(self, wanted: str, inputs: Sequence[str], label: str, numbers: int = 0) -> str:
        """A step that cannot be imported, which holds so many numbers."""
        name = self._name(wanted)
        return self._keep(DraftNode(name, None, tuple(inputs), None, label, None, numbers))

    def mark(self, name: str, origin: str) -> None:
        """Let the node ``name`` give the original's tensor ``origin``, if it has none yet."""
        self.nodes = [
            replace(node, origin=node.origin or origin) if node.name == name else node
            for node in self.nodes
        ]

    def has_no_bias(self, name: str) -> bool:
        """Whether the node ``name`` gives sums to which a bias can be added."""
        node = next((node for node in self.nodes if node.name == name), None)
        return node is not None and isinstance(node.what, Sums) and node.what.bias is None

    def add_bias(self, name: str, bias: Numbers, origin: str) -> None:
        """Give the sums at the node ``name`` a bias, with which they are the tensor ``origin``."""
        for place, node in enumerate(self.nodes):
            if node.name == name and isinstance(node.what, Sums):
                what = replace(node.what, bias=bias)
                self.nodes[place] = replace(node, what=what, origin=origin)

    def ordered(self, name: str, order: Sequence[int], wanted: str, label: str) -> str:
        """The step that gives the axes of ``name`` in this order, counted from 0."""
        shape = self._shapes[name]
        if shape is None or tuple(order) == tuple(range(len(shape))):
            return name
        # Where axes of size 1 alone change their places, no number does.
        moved = [axis for axis in order if shape[axis] > 1]
        what: What = Permute(tuple(axis + 1 for axis in order))
        if moved == sorted(moved):
            what = Reshape(tuple(shape[axis] for axis in order))
        return self.add(wanted, what, (name,), label)

    def refuse(self, label: str, what: str, hint: str = "", *, code: str) -> None:
        """Something in the file that stands in the way."""
        self.problems.append(Problem(f"{label}: {what}", hint=hint, code=code))

    def finish(self, outputs: Iterable[str], names: Iterable[str] | None = None) -> Draft:
        """The draft, whose results these nodes give; ``names`` are what to call them."""
        ends = list(outputs)
        called = [self._result_name(wanted) for wanted in (names or ends)]
        results = tuple(Output(name, end) for name, end in zip(called, ends, strict=True))
        problems = tuple(dict.fromkeys(self.problems))
        return Draft(self.framework, tuple(self.entries), tuple(self.nodes), results, problems)

    def _keep(self, node: DraftNode) -> str:
        self.nodes.append(node)
        self._shapes[node.name] = node.shape
        return node.name

    def _name(self, wanted: str) -> str:
        taken = {name.lower() for name in self._shapes}
        return next(name for name in _candidates(wanted) if name.lower() not in taken)

    def _result_name(self, wanted: str) -> str:
        return next(_candidates(wanted))


def _shape(what: What, shapes: Sequence[Shape]) -> Shape:
    match what:
        case Sums():
            return what.shape(shapes[0])
        case Operation():
            return what.shape(*shapes)
        case Scaling(factor=Numbers(values=values)):
            if values.shape != shapes[0][-1:]:
                raise MisfitError("factor", "its numbers are not one for each channel", shapes[0])
        case Prelu(slopes=Numbers(values=values)):
            if values.shape != shapes[0]:
                raise MisfitError("slopes", "its slopes are not one for each number", shapes[0])
        case Function(name="softmax"):
            return summed(shapes[0], shapes[0][0])
        case Function():
            pass
    return shapes[0]


def _candidates(wanted: str) -> Iterator[str]:
    """Plain identifiers for ``wanted``, the best first."""
    plain = re.sub(r"_+", "_", re.sub(r"[^A-Za-z0-9]", "_", wanted)).strip("_") or "layer"
    if not plain[0].isalpha() or is_reserved(plain) or _is_refused(plain):
        plain = f"n_{plain}"
    plain = plain[:LONGEST].strip("_")
    yield plain
    number = 1
    while True:
        number += 1
        tail = f"_{number}"
        yield plain[: LONGEST - len(tail)].strip("_") + tail


def _is_refused(name: str) -> bool:
    try:
        check_identifier(name[:LONGEST])
    except ValueError:
        return True
    return False
