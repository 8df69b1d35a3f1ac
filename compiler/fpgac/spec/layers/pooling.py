"""Poolings in a spec: the greatest or the mean of pools that lie side by side, or of all places."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

from pydantic import Field

from fpgac.spec.layers.base import LayerSection, Pair, Side, pair_of
from fpgac.spec.shapes import Shape, averaged, globally_averaged, globally_pooled, pooled

__all__ = ["GlobalPoolingSection", "PoolingSection"]


class PoolingSection(LayerSection):
    """What pooling layers have in common: pools that lie side by side, without a rest."""

    @property
    @abstractmethod
    def pool(self) -> tuple[int, ...]:
        """A pool's size along each axis of space."""

    @property
    def is_mean(self) -> bool:
        """Whether a pool gives its mean, not its greatest number."""
        return self.kind.startswith("average")

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        return averaged(shape, self.pool) if self.is_mean else pooled(shape, self.pool)


class _Line(PoolingSection):
    pool_size: Side = Field(default=2, description="Numbers in a pool.")

    @property
    def pool(self) -> tuple[int, ...]:
        return (self.pool_size,)


class _Plane(PoolingSection):
    pool_size: Pair = Field(default=2, description="A pool's size, or [height, width].")

    @property
    def pool(self) -> tuple[int, ...]:
        return pair_of(self.pool_size)


class MaxPooling1DSection(_Line):
    """The greatest of each pool, along one axis."""

    kind: Literal["max_pooling1d"] = Field(description="The layer's kind.")


class MaxPooling2DSection(_Plane):
    """The greatest of each pool, along two axes."""

    kind: Literal["max_pooling2d"] = Field(description="The layer's kind.")


class AveragePooling1DSection(_Line):
    """The mean of each pool, along one axis; pools of 2, 4, 8 ... numbers, whose mean is exact."""

    kind: Literal["average_pooling1d"] = Field(description="The layer's kind.")


class AveragePooling2DSection(_Plane):
    """The mean of each pool, along two axes; pools of 2, 4, 8 ... numbers, whose mean is exact."""

    kind: Literal["average_pooling2d"] = Field(description="The layer's kind.")


class GlobalPoolingSection(LayerSection):
    """The greatest number, or the mean, of each channel over all places."""

    kind: Literal[
        "global_max_pooling1d",
        "global_max_pooling2d",
        "global_average_pooling1d",
        "global_average_pooling2d",
    ] = Field(description="The layer's kind; means are of 2, 4, 8 ... places.")

    @property
    def axes(self) -> int:
        """How many axes of space it goes over."""
        return int(self.kind[-2])

    @property
    def is_mean(self) -> bool:
        """Whether it gives the mean, not the greatest number."""
        return self.kind.startswith("global_average")

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        pooled_ = globally_averaged if self.is_mean else globally_pooled
        return pooled_(shape, self.axes)
