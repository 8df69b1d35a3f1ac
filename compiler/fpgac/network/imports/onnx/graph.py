"""An ONNX graph that becomes a draft: its constants, and the views of what nodes give.

ONNX has the channels first, fpgac has them last. A tensor is a step of the draft, and which of its
axes is each of ONNX's: transpositions only change the view, until an operator needs an order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.errors import NetworkError, Problem, ToolchainError, Where
from fpgac.network.imports.draft import Drafting, Numbers, UnreadInputError, UnsupportedError, What
from fpgac.network.imports.files import data_beside
from fpgac.spec.shapes import Shape

__all__ = ["Call", "Graph", "Integers", "View", "load_model"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class View:
    """A tensor: the draft's step ``name``; ONNX's axis ``i``, the samples' not counted, is the
    draft's ``axes[i]``.
    """

    name: str
    axes: tuple[int, ...]

    @property
    def is_plain(self) -> bool:
        """Whether ONNX and the draft have the axes in one order."""
        return self.axes == tuple(range(len(self.axes)))

    @property
    def order(self) -> tuple[int, ...]:
        """For each of the draft's axes, which of ONNX's it is."""
        return tuple(int(axis) for axis in np.argsort(self.axes))


@dataclass(frozen=True)
class Integers:
    """A tensor of integers: ``view`` over ``scale``, rounded, and not beyond these ends."""

    view: View
    scale: float
    lowest: int
    highest: int


def load_model(path: Path) -> Any:
    """The model in the file at ``path``; nothing in it is executed.

    Raises:
        ToolchainError: ``onnx`` is not installed.
        NetworkError: the file holds no such model.
    """
    try:
        import onnx
    except ImportError:
        raise ToolchainError(_no_onnx(path)) from None
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf has errors of its own, and onnx.checker others
        raise _unreadable(path, f"{type(error).__name__}: {error}"[:500]) from None
    _load_beside(model, path)
    if not model.graph.output:  # an empty file is an empty message
        raise _unreadable(path, "a graph without outputs")
    return model


def _no_onnx(path: Path) -> Problem:
    what, hint = (
        "an ONNX file cannot be read without the package onnx",
        "pip install 'fpgac[import]'",
    )
    return Problem(what, Where(path), hint=hint, code="toolchain.no-onnx")


def _load_beside(model: Any, path: Path) -> None:
    """Read the constants of ``model`` that lie in a file beside it.

    Raises:
        NetworkError: they lie elsewhere, or not all of them are there.
    """
    from onnx import load_external_data_for_model

    strange = _external(model) - {data_beside(path).name}
    if strange:
        raise _unreadable(path, f"numbers in other files: {', '.join(sorted(strange))}")
    try:
        load_external_data_for_model(model, str(path.parent))
    except (OSError, ValueError) as error:
        raise _unreadable(path, str(error)) from None


def _external(model: Any) -> set[str]:
    """The files in which the constants of ``model`` lie."""
    return {
        entry.value
        for tensor in model.graph.initializer
        for entry in tensor.external_data
        if entry.key == "location"
    }


def _unreadable(path: Path, got: str) -> NetworkError:
    what = "the file is no ONNX model that can be read"
    return NetworkError(Problem(what, Where(path), got=got, code="network.unreadable-file"))


@dataclass
class Graph:
    """The graph of ``model``, and the draft that it becomes."""

    model: Any
    drafting: Drafting
    constants: dict[str, Numbers] = field(default_factory=dict)
    views: dict[str, View] = field(default_factory=dict)
    integers: dict[str, Integers] = field(default_factory=dict)
    readers: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        from onnx import numpy_helper

        graph = self.model.graph
        self.readers.update(name for node in graph.node for name in node.input)
        self.readers.update(output.name for output in graph.output)
        for tensor in graph.initializer:
            self.constants[tensor.name] = Numbers(numpy_helper.to_array(tensor))


@dataclass(frozen=True, eq=False)
class Call:
    """One node of the graph: ``attributes`` are plain values."""

    graph: Graph
    node: Any
    attributes: Mapping[str, Any]

    @property
    def kind(self) -> str:
        return str(self.node.op_type)

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"{self.kind} {self.node.name or self.node.output[0]!r}"

    @property
    def output(self) -> str:
        return str(self.node.output[0])

    def name(self, place: int) -> str:
        """The name of an input; empty where an optional one is left out."""
        return str(self.node.input[place]) if place < len(self.node.input) else ""

    def is_constant(self, place: int) -> bool:
        return self.name(place) in self.graph.constants

    def constant(self, place: int) -> Numbers:
        """An input that is known.

        Raises:
            UnsupportedError: it depends on the samples.
        """
        name = self.name(place)
        if name not in self.graph.constants:
            raise UnsupportedError(f"its input {name!r} is no constant")
        return self.graph.constants[name]

    def view(self, place: int) -> View:
        """An input that depends on the samples.

        Raises:
            UnreadInputError: nothing is known of it.
            UnsupportedError: it is one of integers.
        """
        name = self.name(place)
        if name in self.graph.integers:
            hint = "a DequantizeLinear right after each QuantizeLinear"
            raise UnsupportedError("it computes with integers", hint)
        if name not in self.graph.views or self.draft_shape(self.graph.views[name]) is None:
            raise UnreadInputError
        return self.graph.views[name]

    def draft_shape(self, view: View) -> Shape | None:
        return self.graph.drafting.shape(view.name)

    def shape(self, view: View) -> Shape:
        """The shape as ONNX sees it, the samples' axis not counted."""
        shape = self.draft_shape(view)
        assert shape is not None
        return tuple(shape[axis] for axis in view.axes)

    def add(self, what: What, *inputs: str, suffix: str = "") -> str:
        """A step of the draft."""
        wanted = f"{self.node.name or self.output}{suffix}"
        return self.graph.drafting.add(wanted, what, inputs, self.label)

    def plain(self, view: View) -> str:
        """The step that gives the tensor in ONNX's own order of axes."""
        return self.ordered(view, tuple(range(len(view.axes))))

    def channels_last(self, view: View) -> str:
        """The step that gives the tensor with ONNX's channels, its first axis, last."""
        return self.ordered(view, (*range(1, len(view.axes)), 0))

    def ordered(self, view: View, wanted: Sequence[int]) -> str:
        """The step whose axes are ONNX's ``wanted`` ones, in that order."""
        order = tuple(view.axes[axis] for axis in wanted)
        name = f"{self.node.name or self.output}_order"
        return self.graph.drafting.ordered(view.name, order, name, self.label)

    def give(self, name: str, axes: Sequence[int] | None = None) -> None:
        """Let the step ``name`` be what the node gives; ``axes`` are a view's, by default plain."""
        shape = self.graph.drafting.shape(name)
        known = tuple(range(len(shape or ()))) if axes is None else tuple(axes)
        self.graph.views[self.output] = View(name, known)
        self.graph.drafting.mark(name, self.output)

    def give_channels_last(self, name: str) -> None:
        """Let a step with the channels last be what the node gives with the channels first."""
        shape = self.graph.drafting.shape(name)
        axes = len(shape or ())
        self.give(name, (axes - 1, *range(axes - 1)))

    def require(self, key: str, *usual: Any) -> None:
        """Refuse another value of an attribute than the ``usual`` ones.

        Raises:
            UnsupportedError: it is another.
        """
        value = self.attributes.get(key, usual[0])
        if value not in usual:
            raise UnsupportedError(f"it has {key}={value!r}", f"fpgac imports {key}={usual[0]!r}")
