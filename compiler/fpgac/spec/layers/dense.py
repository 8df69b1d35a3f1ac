"""Fully connected layers in a spec."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from fpgac.spec.layers.base import WeightedSection
from fpgac.spec.shapes import Shape, summed

__all__ = ["DenseSection"]


class DenseSection(WeightedSection):
    """One fully connected layer."""

    kind: Literal["dense"] = Field(description="The layer's kind.")
    units: int = Field(ge=1, le=4096, description="Outputs of the layer.")

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        return summed(shape, self.units)
