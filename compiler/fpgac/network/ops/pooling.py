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
from fpgac.program.pooling import greatest
from fpgac.program.program import Value
from fpgac.program.sums import in_turn
from fpgac.program.windows import by_channel
from fpgac.spec.layers.pooling import GlobalPoolingSection, PoolingSection
from fpgac.spec.models import QuantisationSection
from fpgac.spec.shapes import (
    Shape,
    averaged,
    globally_averaged,
    globally_pooled,
    pooled,
    shape_text,
)
from fpgac.tensors import Tensor

__all__ = ["GlobalPooling", "Pooling"]


class _AnyPooling(Operation):
    """``is_mean`` tells whether a pool gives its mean, in full, or its greatest number."""

    is_mean: bool

    @abstractmethod
    def count(self, shape: Shape) -> int:
        """Numbers in a pool of an input of ``shape``."""

    @abstractmethod
    def windows(self, shape: Shape) -> IntArray:
        """The elements of each pool, shape (pools, numbers)."""

    def type(self, *inputs: Tensor) -> FixedPoint:
        (x,) = inputs
        return _mean_type(x.type, self._bits(x.shape)) if self.is_mean else x.type

    def accumulator(self, x: Tensor) -> FixedPoint:
        """A type for the sum of a pool's numbers that has the mean's fraction as well."""
        if not self.is_mean:
            return x.type
        more = self._bits(x.shape)
        integer = x.type.integer + more + (not x.type.signed)
        return FixedPoint(integer + x.type.fraction + more, integer)

    def _bits(self, shape: Shape) -> int:
        """How many more fraction bits a mean has than the numbers in the pool."""
        return self.count(shape).bit_length() - 1

    def lower(self, build: Builder, output: Tensor, *inputs: Operand) -> Value:
        (x,) = inputs
        windows = self.windows(x.shape)
        if not self.is_mean:
            return greatest(build, x.value, x.type, windows)
        total = in_turn(build, x.value, windows, self.accumulator(x.tensor))
        divisors = np.full(len(windows), windows.shape[1])
        return quotients(build, total, divisors, output.type)

    def reach(self, *inputs: Bound) -> float:
        (x,) = inputs
        return x.reach

    def steps(self, output: Tensor, *inputs: Bound) -> float:
        (x,) = inputs
        return x.steps * (self.count(x.tensor.shape) if self.is_mean else 1)


class _Table(Table):
    pool: list[int] = Field(min_length=1, max_length=2)


@dataclass(frozen=True)
class Pooling(_AnyPooling):
    """Pools of size ``pool`` that lie side by side."""

    kinds: ClassVar = (
        "max_pooling1d",
        "max_pooling2d",
        "average_pooling1d",
        "average_pooling2d",
    )
    table: ClassVar[type[Table]] = _Table

    pool: tuple[int, ...]
    is_mean: bool

    @property
    def kind(self) -> str:
        return f"{'average' if self.is_mean else 'max'}_pooling{len(self.pool)}d"

    def shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        return averaged(shape, self.pool) if self.is_mean else pooled(shape, self.pool)

    def count(self, shape: Shape) -> int:
        return prod(self.pool)

    def windows(self, shape: Shape) -> IntArray:
        pools = sweep(shape, self.pool, self.pool, "valid", self.shape(shape))
        return by_channel(pools.pixels(), shape[-1])

    def plain(self) -> dict[str, Any]:
        return {"pool": list(self.pool)}

    @classmethod
    def read(cls, table: Any) -> Self:
        if min(table.pool) < 1:
            raise ValueError(f"a pool has sides of 1 or more, not {shape_text(tuple(table.pool))}")
        return cls(tuple(table.pool), table.kind.startswith("average"))

    def __str__(self) -> str:
        return f"{self.kind} of {shape_text(self.pool)}"


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
        pooled_ = globally_averaged if self.is_mean else globally_pooled
        return pooled_(shape, self.axes)

    def count(self, shape: Shape) -> int:
        return prod(shape[:-1])

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
