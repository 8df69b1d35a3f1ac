"""Operations that only put numbers in other places."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from fpgac.network.operation import Bound, Operand, Operation, Part, Table, parts_of
from fpgac.numbers import FixedPoint, IntArray
from fpgac.program.arrangements import places
from fpgac.program.builder import Builder
from fpgac.program.program import Value
from fpgac.spec.layers.arrangement import (
    CroppingSection,
    FlattenSection,
    PermuteSection,
    ReshapeSection,
    UpsamplingSection,
    ZeroPaddingSection,
)
from fpgac.spec.models import QuantisationSection
from fpgac.spec.shapes import (
    Shape,
    Sides,
    cropped,
    enlarged,
    flattened,
    padded,
    permuted,
    reshaped,
    shape_text,
)
from fpgac.tensors import Tensor

__all__ = ["Arrangement", "Cropping", "Flatten", "Permute", "Reshape", "Upsampling", "ZeroPadding"]


class Arrangement(Operation):
    """Gives the numbers that it reads, or zeros, in other places."""

    @abstractmethod
    def index(self, shape: Shape) -> IntArray:
        """Which element each place shows, -1 for a zero; any shape."""

    def type(self, *inputs: Tensor) -> FixedPoint:
        (x,) = inputs
        return x.type

    def lower(self, build: Builder, output: Tensor, *inputs: Operand) -> Value:
        (x,) = inputs
        return build.gather([x.value], self.index(x.shape).reshape(-1))

    def reach(self, *inputs: Bound) -> float:
        (x,) = inputs
        return x.reach

    def plain(self) -> dict[str, Any]:
        return {}


class _FlattenTable(Table):
    kind: Literal["flatten"]


@dataclass(frozen=True)
class Flatten(Arrangement):
    """All numbers in one list, the channels' index running fastest."""

    kinds: ClassVar = ("flatten",)
    table: ClassVar[type[Table]] = _FlattenTable

    def shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        return flattened(shape)

    def index(self, shape: Shape) -> IntArray:
        return places(shape)

    @classmethod
    def read(cls, table: Any) -> Self:
        return cls()


class _ReshapeTable(Table):
    kind: Literal["reshape"]
    shape: list[int] = Field(min_length=1, max_length=3)


@dataclass(frozen=True)
class Reshape(Arrangement):
    """The same numbers, in the same order, under another shape."""

    kinds: ClassVar = ("reshape",)
    table: ClassVar[type[Table]] = _ReshapeTable

    to: Shape

    def shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        return reshaped(shape, self.to)

    def index(self, shape: Shape) -> IntArray:
        return places(shape)

    def plain(self) -> dict[str, Any]:
        return {"shape": list(self.to)}

    @classmethod
    def read(cls, table: Any) -> Self:
        return cls(tuple(table.shape))

    def __str__(self) -> str:
        return f"{self.kind} to {shape_text(self.to)}"


class _PermuteTable(Table):
    kind: Literal["permute"]
    order: list[int] = Field(min_length=2, max_length=3)


@dataclass(frozen=True)
class Permute(Arrangement):
    """The axes in another ``order``, counted from 1."""

    kinds: ClassVar = ("permute",)
    table: ClassVar[type[Table]] = _PermuteTable

    order: tuple[int, ...]

    def shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        return permuted(shape, self.order)

    def index(self, shape: Shape) -> IntArray:
        return places(shape).transpose([axis - 1 for axis in self.order])

    def plain(self) -> dict[str, Any]:
        return {"order": list(self.order)}

    @classmethod
    def read(cls, table: Any) -> Self:
        return cls(tuple(table.order))

    def __str__(self) -> str:
        return f"{self.kind} to {shape_text(self.order)}"


class _SidesTable(Table):
    sides: list[list[int]] = Field(min_length=1, max_length=2)


@dataclass(frozen=True)
class _Sided(Arrangement):
    """``sides`` are the counts before and behind, for each axis of space."""

    sides: Sides

    @property
    def kind(self) -> str:
        return self.kinds[len(self.sides) - 1]

    def plain(self) -> dict[str, Any]:
        return {"sides": [list(side) for side in self.sides]}

    @classmethod
    def read(cls, table: Any) -> Self:
        if any(len(side) != 2 or min(side) < 0 for side in table.sides):
            raise ValueError("the sides are pairs of counts: before and behind, for each axis")
        return cls(tuple((before, behind) for before, behind in table.sides))

    def __str__(self) -> str:
        return f"{self.kind} of {self.sides}"


@dataclass(frozen=True)
class ZeroPadding(_Sided):
    """Zeros on the sides."""

    kinds: ClassVar = ("zero_padding1d", "zero_padding2d")
    table: ClassVar[type[Table]] = _SidesTable

    def shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        return padded(shape, self.sides)

    def index(self, shape: Shape) -> IntArray:
        return np.pad(places(shape), [*self.sides, (0, 0)], constant_values=-1)


@dataclass(frozen=True)
class Cropping(_Sided):
    """Without the places at the sides."""

    kinds: ClassVar = ("cropping1d", "cropping2d")
    table: ClassVar[type[Table]] = _SidesTable

    def shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        return cropped(shape, self.sides)

    def index(self, shape: Shape) -> IntArray:
        sizes = zip(shape, self.sides, strict=False)
        kept: IntArray = places(shape)[*(slice(a, size - b) for size, (a, b) in sizes)]
        return kept


class _UpsamplingTable(Table):
    size: list[int] = Field(min_length=1, max_length=2)


@dataclass(frozen=True)
class Upsampling(Arrangement):
    """Each place several times along each axis of space."""

    kinds: ClassVar = ("upsampling1d", "upsampling2d")
    table: ClassVar[type[Table]] = _UpsamplingTable

    factors: tuple[int, ...]

    @property
    def kind(self) -> str:
        return self.kinds[len(self.factors) - 1]

    def shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        return enlarged(shape, self.factors)

    def index(self, shape: Shape) -> IntArray:
        index = places(shape)
        for axis, factor in enumerate(self.factors):
            index = np.repeat(index, factor, axis)
        return index

    def plain(self) -> dict[str, Any]:
        return {"size": list(self.factors)}

    @classmethod
    def read(cls, table: Any) -> Self:
        if min(table.size) < 1:
            raise ValueError("a place is repeated once or more often")
        return cls(tuple(table.size))

    def __str__(self) -> str:
        return f"{self.kind} by {shape_text(self.factors)}"


def _one(
    section: FlattenSection
    | ReshapeSection
    | PermuteSection
    | ZeroPaddingSection
    | CroppingSection
    | UpsamplingSection,
) -> Arrangement:
    match section:
        case FlattenSection():
            return Flatten()
        case ReshapeSection():
            return Reshape(section.shape)
        case PermuteSection():
            return Permute(section.order)
        case ZeroPaddingSection():
            return ZeroPadding(section.sides)
        case CroppingSection():
            return Cropping(section.sides)
        case UpsamplingSection():
            return Upsampling(section.factors)


@parts_of.register(FlattenSection)
@parts_of.register(ReshapeSection)
@parts_of.register(PermuteSection)
@parts_of.register(ZeroPaddingSection)
@parts_of.register(CroppingSection)
@parts_of.register(UpsamplingSection)
def _(
    section: Any,
    name: str,
    reads: Sequence[str],
    shapes: Sequence[Shape],
    usual: QuantisationSection,
) -> Iterator[Part]:
    yield Part(name, _one(section), tuple(reads))
