"""What an operation of a network is: everything that fpgac knows of one kind, in one place.

Each module of :mod:`fpgac.network.ops` has the operations of one family: the shape and the type of
what they give, what they mean as integers, their plain form, when they are exact, and which layers
of a spec become them. What hls4ml and Keras call them is registered beside their other code
(:mod:`fpgac.core.layers`, :mod:`fpgac.network.keras.layers`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field

from fpgac.errors import Problem, Where
from fpgac.numbers import WIDEST, FixedPoint, IntArray
from fpgac.program.builder import Builder
from fpgac.program.program import Value
from fpgac.spec.layers import LayerSection
from fpgac.spec.models import QuantisationSection
from fpgac.spec.shapes import Shape
from fpgac.tensors import Tensor

__all__ = [
    "Bound",
    "Operand",
    "Operation",
    "Parameter",
    "Part",
    "Table",
    "blank",
    "holding",
    "parts_of",
    "problem",
    "too_wide",
    "words_outside",
]


@dataclass(frozen=True, eq=False)
class Operand:
    """A tensor on its way into the program, and the value that holds its words."""

    tensor: Tensor
    value: Value

    @property
    def type(self) -> FixedPoint:
        return self.tensor.type

    @property
    def shape(self) -> Shape:
        return self.tensor.shape


@dataclass(frozen=True)
class Bound:
    """A tensor, and a number that none of its numbers exceeds in size."""

    tensor: Tensor
    reach: float

    @property
    def steps(self) -> float:
        """How many steps of the tensor's grid the greatest number has."""
        return self.reach * 2.0**self.tensor.type.fraction


@dataclass(frozen=True, eq=False)
class Parameter:
    """What an operation learns: int64 words of a type."""

    type: FixedPoint
    words: IntArray


class Table(BaseModel):
    """An operation as a network file holds it; subclasses add what their kind has."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        arbitrary_types_allowed=True,
        # Most networks have few of the kinds: a model is built when a table of its kind is read.
        defer_build=True,
    )

    kind: str
    name: str
    inputs: list[str] = Field(min_length=1)


class Operation(ABC):
    """One kind of operation; a subclass is a frozen dataclass, found by its ``kinds``.

    ``arity`` is the number of tensors that it reads, and ``table`` the model of its plain form in a
    network file.
    """

    kinds: ClassVar[tuple[str, ...]]
    arity: ClassVar[int] = 1
    table: ClassVar[type[Table]]

    @property
    def kind(self) -> str:
        """What specs and network files call it."""
        return self.kinds[0]

    @abstractmethod
    def shape(self, *shapes: Shape) -> Shape:
        """The shape of what it gives.

        Raises:
            MisfitError: it cannot take these.
        """

    @abstractmethod
    def type(self, *inputs: Tensor) -> FixedPoint:
        """The type of what it gives: its own grid, or one that keeps every bit."""

    @abstractmethod
    def lower(self, build: Builder, output: Tensor, *inputs: Operand) -> Value:
        """Its meaning: the operations that compute it, in integers."""

    @abstractmethod
    def reach(self, *inputs: Bound) -> float:
        """The greatest size of a number that it gives, and of any partial sum on the way."""

    def steps(self, output: Tensor, *inputs: Bound) -> float:
        """The steps of the finest grid on the way that the greatest number there is made of."""
        return Bound(output, self.reach(*inputs)).steps

    def is_exact(self, *inputs: Tensor) -> bool:
        """Whether it gives the very numbers that Keras's layer does, without any error."""
        return True

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """What it learns, by the names of its fields."""
        return {}

    def learnt(self, words: Mapping[str, IntArray]) -> Self:
        """Itself with other words of its parameters."""
        return replace(self, **words)  # type: ignore[type-var]

    @property
    def products(self) -> IntArray | None:
        """The weights that numbers are multiplied with, (products in a sum, outputs), or None."""
        return None

    @abstractmethod
    def plain(self) -> dict[str, Any]:
        """Its fields as lists, strings and integers, but for the kind and what it reads."""

    @classmethod
    @abstractmethod
    def read(cls, table: Any) -> Self:
        """The operation that a table of its model describes.

        Raises:
            MisfitError: a part of the table does not fit the others; its key says which.
            ValueError: the table's parts do not fit each other.
        """

    def problems(self) -> Iterator[Problem]:
        """What is wrong with it in itself; the keys are those of its plain form."""
        yield from ()

    def __str__(self) -> str:
        return self.kind


@dataclass(frozen=True, eq=False)
class Part:
    """A node to be: its name, what it does, and what it reads."""

    name: str
    operation: Operation
    inputs: tuple[str, ...]


@singledispatch
def parts_of(
    section: LayerSection,
    name: str,
    reads: Sequence[str],
    shapes: Sequence[Shape],
    usual: QuantisationSection,
) -> Iterator[Part]:
    """The nodes that the layer ``name`` of a spec becomes, all parameters zero; the last is its
    result.

    ``reads`` are the nodes that it reads, of ``shapes``; ``usual`` is the precision of layers that
    have none of their own.
    """
    raise TypeError(f"no operation is registered for {type(section).__name__}")


def blank(*shape: int) -> IntArray:
    """Words that are all zero, and take no memory, whatever their shape."""
    import numpy as np

    return np.broadcast_to(np.int64(0), shape)


def holding(types: Sequence[FixedPoint], more: int = 0) -> FixedPoint:
    """A type for all numbers of ``types``, with ``more`` bits before the point."""
    signed = any(type_.signed for type_ in types)
    integer = max(type_.integer + (signed and not type_.signed) for type_ in types) + more
    fraction = max(type_.fraction for type_ in types)
    return FixedPoint(integer + fraction, integer, signed)


def too_wide(type_key: str, type_: FixedPoint) -> Iterator[Problem]:
    """What is wrong with a type that a float64 does not hold."""
    if type_.width > WIDEST:
        wide = f"at most {WIDEST} bits"
        yield problem("too-wide", type_key, "the type is too wide", wide, str(type_))


def problem(code: str, key: str, what: str, expected: str = "", got: str = "") -> Problem:
    """What is wrong with a network, at a key of its plain form."""
    return Problem(what, Where(key=key), expected, got, code=f"network.{code}")


def words_outside(key: str, type_key: str, parameter: Parameter) -> Iterator[Problem]:
    """What is wrong with parameters: a type that is too wide, or a word outside of it."""
    import numpy as np

    type_, words = parameter.type, parameter.words
    yield from too_wide(type_key, type_)
    if (outside := (words < type_.lowest) | (words > type_.highest)).any():
        place = tuple(int(index) for index in np.argwhere(outside)[0])
        yield problem(
            "word-outside",
            key + "".join(f"[{index}]" for index in place),
            f"a word is outside its type {type_}",
            f"{type_.lowest} to {type_.highest}",
            str(words[place]),
        )
