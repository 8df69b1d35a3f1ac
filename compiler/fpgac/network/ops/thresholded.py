"""ReLUs with a threshold: what is not above it becomes zero, all else stays as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np

from fpgac.errors import Problem
from fpgac.network.operation import Bound, Operand, Operation, Part, Table, parts_of, problem
from fpgac.numbers import FixedPoint
from fpgac.program.activations import thresholded
from fpgac.program.builder import Builder
from fpgac.program.program import Value
from fpgac.program.words import Words
from fpgac.spec.layers.thresholded import ThresholdedReluSection
from fpgac.spec.models import QuantisationSection
from fpgac.spec.shapes import Shape
from fpgac.tensors import Tensor

__all__ = ["ThresholdedRelu"]


class _Table(Table):
    kind: Literal["thresholded_relu"]
    threshold: float


@dataclass(frozen=True)
class ThresholdedRelu(Operation):
    """``x`` where it is above ``threshold``, else zero."""

    kinds: ClassVar = ("thresholded_relu",)
    table: ClassVar[type[Table]] = _Table
    # The threshold's type: from 0 to 8 in steps of 4096ths.
    threshold_type: ClassVar = FixedPoint(16, 4)

    threshold: float

    def shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        return shape

    def type(self, *inputs: Tensor) -> FixedPoint:
        (x,) = inputs
        return x.type

    def lower(self, build: Builder, output: Tensor, *inputs: Operand) -> Value:
        (x,) = inputs
        threshold = Words.of(np.array(self.threshold), self.threshold_type)
        return thresholded(build, x.value, x.type, threshold, output.type)

    def reach(self, *inputs: Bound) -> float:
        (x,) = inputs
        return x.reach

    def plain(self) -> dict[str, Any]:
        return {"threshold": self.threshold}

    @classmethod
    def read(cls, table: Any) -> Self:
        return cls(table.threshold)

    def problems(self) -> Iterator[Problem]:
        if not 0 <= self.threshold < 8 or self.threshold % self.threshold_type.step:
            yield problem(
                "bad-threshold",
                "threshold",
                "a threshold is a whole number of 4096ths from 0 to 8",
                got=repr(self.threshold),
            )

    def __str__(self) -> str:
        return f"{self.kind} above {self.threshold}"


@parts_of.register
def _(
    section: ThresholdedReluSection,
    name: str,
    reads: Sequence[str],
    shapes: Sequence[Shape],
    usual: QuantisationSection,
) -> Iterator[Part]:
    yield Part(name, ThresholdedRelu(section.threshold), tuple(reads))
