"""Poolings: the greatest or the mean of pools that lie side by side, or of all places."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from fpgac.network.operation import Bound, Operand, Operation, Part, Table, parts_of
from fpgac.network.ops.convolution import sweep
from fpgac.numbers import FixedPoint, IntArray
from fpgac.program.builder import Builder
from fpgac.program.pooling import averaged as quotients
from fpgac.program.program import Value
from fpgac.program.sums import in_turn
from fpgac.program.windows import by_channel
from fpgac.spec.layers.pooling import GlobalPoolingSection, PoolingSection
from fpgac.spec.models import QuantisationSection
from fpgac.spec.shapes import Shape, Sides, globally_pooled, shape_text, swept
from fpgac.tensors import Tensor

__all__ = ["GlobalPooling", "Pooling"]


class _AnyPooling(Operation):
    """``is_mean`` tells whether a pool gives its mean, or its greatest number.

    The mean of 2, 4, 8 ... numbers is given in full. That of others has as many more bits behind
    its point as the power of two below their count would need, and is cut off towards zero.
    """

    is_mean: bool

    @abstractmethod
    def windows(self, shape: Shape) -> IntArray:
        """The elements of each pool of an input of ``shape``: (pools, numbers), -1 for none."""

    def counts(self, shape: Shape) -> IntArray:
        """Numbers in each pool of an input of ``shape``."""
        return np.asarray((self.windows(shape) >= 0).sum(axis=1))

    def is_exact(self, *inputs: Tensor) -> bool:
        (x,) = inputs
        counts = self.counts(x.shape)
        return not (self.is_mean and (counts & (counts - 1)).any())

    def type(self, *inputs: Tensor) -> FixedPoint:
        (x,) = inputs
        return _mean_type(x.type, self._bits(x.shape)) if self.is_mean else x.type

    def accumulator(self, x: Tensor) -> FixedPoint:
        """A type for the sum of a pool's numbers that has the mean's fraction as well."""
        if not self.is_mean:
            return x.type
        behind, before = self._bits(x.shape), (self._most(x.shape) - 1).bit_length()
        integer = x.type.integer + before + (not x.type.signed)
        return FixedPoint(integer + x.type.fraction + behind, integer)

    def _most(self, shape: Shape) -> int:
        return int(self.counts(shape).max())

    def _bits(self, shape: Shape) -> int:
        """How many more fraction bits a mean has than the numbers in the pool."""
        return self._most(shape).bit_length() - 1

    def lower(self, build: Builder, output: Tensor, *inputs: Operand) -> Value:
        (x,) = inputs
        windows = self.windows(x.shape)
        if not self.is_mean:
            return build.maximum(x.value, windows)
        total = in_turn(build, x.value, windows, self.accumulator(x.tensor))
        return quotients(build, total, self.counts(x.shape), output.type)

    def reach(self, *inputs: Bound) -> float:
        (x,) = inputs
        return x.reach

    def steps(self, output: Tensor, *inputs: Bound) -> float:
        (x,) = inputs
        return x.steps * (self._most(x.tensor.shape) if self.is_mean else 1)


class _Table(Table):
    pool: list[int] = Field(min_length=1, max_length=2)
    strides: list[int] | None = Field(default=None, min_length=1, max_length=2)
    sides: list[list[int]] | None = Field(default=None, min_length=1, max_length=2)


@dataclass(frozen=True)
class Pooling(_AnyPooling):
    """Pools of size ``pool``, in steps of ``strides``; what is left at the end is in no pool.

    By default they lie side by side. ``sides`` are places before and behind, for each axis of
    space, that a pool may cover and that do not count.
    """

    kinds: ClassVar = (
        "max_pooling1d",
        "max_pooling2d",
        "average_pooling1d",
        "average_pooling2d",
    )
    table: ClassVar[type[Table]] = _Table

    pool: tuple[int, ...]
    is_mean: bool
    strides: tuple[int, ...] | None = None
    sides: Sides | None = None

    @property
    def kind(self) -> str:
        return f"{'average' if self.is_mean else 'max'}_pooling{len(self.pool)}d"

    @property
    def steps_of_pools(self) -> tuple[int, ...]:
        """From one pool to the next, along each axis of space."""
        return self.strides or self.pool

    @property
    def margins(self) -> Sides:
        """Places before and behind, for each axis of space."""
        return self.sides or ((0, 0),) * len(self.pool)

    def shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        return swept(shape, self.pool, self.steps_of_pools, self.margins)

    def windows(self, shape: Shape) -> IntArray:
        befores = [before for before, _ in self.margins]
        pools = sweep(shape, self.pool, self.steps_of_pools, befores, self.shape(shape))
        return by_channel(pools.pixels(), shape[-1])

    def plain(self) -> dict[str, Any]:
        more: dict[str, Any] = {}
        if self.strides is not None:
            more["strides"] = list(self.strides)
        if self.sides is not None:
            more["sides"] = [list(side) for side in self.sides]
        return {"pool": list(self.pool), **more}

    @classmethod
    def read(cls, table: Any) -> Self:
        pool, strides, sides = table.pool, table.strides, table.sides
        if min(pool) < 1:
            raise ValueError(f"a pool has sides of 1 or more, not {shape_text(tuple(pool))}")
        if strides is not None and (len(strides) != len(pool) or min(strides) < 1):
            raise ValueError("the strides are counts of 1 or more, for each axis of the pool")
        return cls(
            tuple(pool),
            table.kind.startswith("average"),
            tuple(strides) if strides is not None else None,
            None if sides is None else _sides(sides, pool),
        )

    def __str__(self) -> str:
        text = f"{self.kind} of {shape_text(self.pool)}"
        if self.strides:
            text += f", in steps of {shape_text(self.strides)}"
        return f"{text}, with {self.sides} around" if self.sides else text


def _sides(given: list[list[int]], pool: list[int]) -> Sides:
    pairs = tuple((side[0], side[-1]) for side in given if len(side) == 2 and min(side) >= 0)
    if len(pairs) != len(given) or len(pairs) != len(pool):
        raise ValueError("the sides are pairs of counts: before and behind, for each axis")
    if any(max(side) >= size for side, size in zip(pairs, pool, strict=True)):
        raise ValueError("the sides are smaller than the pool: each pool holds a number")
    return pairs


class _GlobalTable(Table):
    kind: Literal[
        "global_max_pooling1d",
        "global_max_pooling2d",
        "global_average_pooling1d",
        "global_average_pooling2d",
    ]


@dataclass(frozen=True)
class GlobalPooling(_AnyPooling):
    """One pool for each channel, over all places of so many ``axes`` of space."""

    kinds: ClassVar = (
        "global_max_pooling1d",
        "global_max_pooling2d",
        "global_average_pooling1d",
        "global_average_pooling2d",
    )
    table: ClassVar[type[Table]] = _GlobalTable

    axes: int
    is_mean: bool

    @property
    def kind(self) -> str:
        return f"global_{'average' if self.is_mean else 'max'}_pooling{self.axes}d"

    def shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        return globally_pooled(shape, self.axes)

    def windows(self, shape: Shape) -> IntArray:
        return np.arange(prod(shape)).reshape(-1, shape[-1]).T

    def plain(self) -> dict[str, Any]:
        return {}

    @classmethod
    def read(cls, table: Any) -> Self:
        return cls(int(table.kind[-2]), "average" in table.kind)


def _mean_type(x: FixedPoint, more: int) -> FixedPoint:
    """A type for means with ``more`` fraction bits: no more bits before the point than ``x``."""
    integer = x.integer + (not x.signed)
    return FixedPoint(integer + x.fraction + more, integer)


@parts_of.register
def _(
    section: PoolingSection,
    name: str,
    reads: Sequence[str],
    shapes: Sequence[Shape],
    usual: QuantisationSection,
) -> Iterator[Part]:
    yield Part(name, Pooling(section.pool, section.is_mean), tuple(reads))


@parts_of.register
def _(
    section: GlobalPoolingSection,
    name: str,
    reads: Sequence[str],
    shapes: Sequence[Shape],
    usual: QuantisationSection,
) -> Iterator[Part]:
    yield Part(name, GlobalPooling(section.axes, section.is_mean), tuple(reads))
