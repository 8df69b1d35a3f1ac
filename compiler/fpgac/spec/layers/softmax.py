"""What turns the sums of a classifier into probabilities, or into its choice."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from fpgac.spec.layers.base import LayerSection
from fpgac.spec.shapes import Shape, summed

__all__ = ["ArgmaxSection", "SoftmaxSection"]


class _ClassesSection(LayerSection):
    @property
    def takes_logits(self) -> bool:
        return True

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        return summed(shape, shape[0])


class SoftmaxSection(_ClassesSection):
    """Probabilities, by tables: close to Keras's, not equal to the last bit."""

    kind: Literal["softmax"] = Field(description="The layer's kind.")
    bits: int = Field(
        default=16, ge=4, le=24, description="Bits of a probability, one of them before the point."
    )
    table_bits: int = Field(
        default=10, ge=4, le=14, description="The tables have two to the power of so many entries."
    )


class ArgmaxSection(_ClassesSection):
    """One for the first of the greatest numbers, zero for all others."""

    kind: Literal["argmax"] = Field(description="The layer's kind.")
