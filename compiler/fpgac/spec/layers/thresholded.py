"""ReLUs with a threshold in a spec."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from fpgac.spec.layers.base import LayerSection
from fpgac.spec.shapes import Shape

__all__ = ["ThresholdedReluSection"]


class ThresholdedReluSection(LayerSection):
    """The number itself where it is above a threshold, else zero; no bit is lost."""

    kind: Literal["thresholded_relu"] = Field(description="The layer's kind.")
    threshold: float = Field(
        default=1.0, ge=0, lt=8, description="The threshold: a whole number of 4096ths."
    )

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        return shape
