"""Dense layers: ``y = x · weights + bias``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from fpgac.network.operation import Part, Table, blank, parts_of
from fpgac.network.ops.weighted import Weighted, WeightedTable, followed, precision_of
from fpgac.program.sums import Products
from fpgac.spec.layers.dense import DenseSection
from fpgac.spec.models import QuantisationSection
from fpgac.spec.shapes import Shape, summed

__all__ = ["Dense"]


class _Table(WeightedTable):
    kind: Literal["dense"]


@dataclass(frozen=True, eq=False)
class Dense(Weighted):
    """Each output is a sum over all inputs; ``weights`` has shape (inputs, outputs)."""

    kinds: ClassVar = ("dense",)
    table: ClassVar[type[Table]] = _Table

    def shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        outputs = summed(shape, self.bias.size)
        return self.require_weights((*shape, *outputs), outputs)

    def windows(self, shape: Shape) -> Products:
        return Products(np.arange(shape[0])[None], self.weights[None], self.weight_type.fraction)


@parts_of.register
def _(
    section: DenseSection,
    name: str,
    reads: Sequence[str],
    shapes: Sequence[Shape],
    usual: QuantisationSection,
) -> Iterator[Part]:
    weights, biases = precision_of(section, usual)
    words = blank(*shapes[0], section.units)
    dense = Dense(words, weights, blank(section.units), biases)
    yield from followed(section, Part(name, dense, tuple(reads)), usual)
