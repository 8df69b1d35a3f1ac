"""Layer normalisation: each row's numbers around their mean, over a root kept in a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fpgac.numbers import FixedPoint
from fpgac.program.activations import Table, int_of, normalised
from fpgac.program.builder import Builder
from fpgac.program.program import Combination, Value
from fpgac.program.sums import in_turn
from fpgac.program.tables import inverse_roots
from fpgac.program.words import Words

__all__ = ["Roots", "layer_normalised"]


@dataclass(frozen=True)
class Roots:
    """A table of one over the roots of variances, from ``epsilon`` up to two to the ``-power``."""

    table: Table
    epsilon: float
    power: int

    def words(self) -> Words:
        """Its entries."""
        span, type_ = 2.0**-self.power, self.table.type
        return Words(inverse_roots(self.table.size, self.epsilon, span, type_), type_.fraction)


def layer_normalised(
    build: Builder,
    x: Value,
    rows: int,
    accumulator: FixedPoint,
    roots: Roots,
    scale: Words,
    bias: Words,
    to: FixedPoint,
) -> Value:
    """Rows of one length, each normalised by itself, then scaled and shifted, as words of ``to``.

    Args:
        build: takes the operations.
        x: all rows, end to end.
        rows: how many there are.
        accumulator: the type of sums, mean, differences and variance.
        roots: the table for the variance.
        scale: a factor for each place in a row.
        bias: likewise, what is added.
        to: the type of the result.
    """
    length = x.size // rows
    windows = np.arange(x.size).reshape(rows, length)
    share = Words.of(1.0 / length, accumulator)

    def mean(numbers: Value) -> Value:
        total = in_turn(build, numbers, windows, accumulator)
        return build.cast(build.scaled(total, share.words, share.fraction), accumulator)

    def each(one: Value) -> Value:
        return build.gather([one], np.repeat(np.arange(rows), length))

    x = build.cast(x, accumulator)
    apart = build.combine(x, each(mean(x)), Combination.SUBTRACT)
    apart = build.cast(apart, accumulator)
    squares = build.combine(apart, apart, Combination.MULTIPLY)
    variance = mean(build.cast(squares, accumulator))
    size = roots.table.size
    place = int_of(build, build.scaled(variance, size << roots.power))
    root = build.lookup(
        build.clip(place, 0, size - 1), roots.words().words, roots.table.type.fraction
    )
    product = build.combine(apart, each(root), Combination.MULTIPLY)
    return normalised(build, product, scale, bias, to)
