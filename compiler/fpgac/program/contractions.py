"""Einsum: products of two tensors' elements, summed over the axes that only they share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fpgac.numbers import FixedPoint, IntArray
from fpgac.program.arrangements import places
from fpgac.program.builder import Builder
from fpgac.program.program import Combination, Value
from fpgac.program.sums import in_turn

__all__ = ["Contraction", "contracted", "turned"]

Axes = tuple[int, ...]


@dataclass(frozen=True)
class Contraction:
    """How an einsum is one batch of matrix products.

    Args:
        batch: how many matrix products there are.
        left: rows of each that the first tensor gives.
        right: columns of each that the second tensor gives.
        summed: products in each sum.
    """

    batch: int
    left: int
    right: int
    summed: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of all sums: (batch, left, right)."""
        return self.batch, self.left, self.right


def turned(shape: Axes, order: Axes) -> IntArray:
    """The places of a tensor's elements with its axes in another order, in one row."""
    return places(shape).transpose(order).reshape(-1)


def contracted(
    build: Builder, a: Value, b: Value, how: Contraction, accumulator: FixedPoint
) -> Value:
    """The sums of products of ``a`` and ``b``, of :attr:`Contraction.shape`.

    ``a`` has the shape (batch, left, summed) and ``b`` (batch, right, summed). Each product is
    added as it is; each sum is cast to the accumulator.
    """
    former = places((how.batch, how.left, 1, how.summed))
    latter = places((how.batch, 1, how.right, how.summed))
    former, latter = np.broadcast_arrays(former, latter)
    products = build.combine(
        build.gather([a], former.reshape(-1)),
        build.gather([b], latter.reshape(-1)),
        Combination.MULTIPLY,
    )
    windows = np.arange(products.size).reshape(-1, how.summed)
    return in_turn(build, products, windows, accumulator)
