"""Activations as layers of their own in a spec."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from fpgac.spec.formats import BitsQuantiser, ReluQuantiser
from fpgac.spec.layers.base import LayerSection
from fpgac.spec.shapes import Shape

__all__ = ["ActivationSection", "LeakyReluSection", "PreluSection"]


class _ElementwiseSection(LayerSection):
    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        return shape


class ActivationSection(_ElementwiseSection):
    """What may follow any layer: QKeras's functions, as the ``activation`` of a dense layer."""

    kind: Literal["relu", "relu6", "sigmoid", "tanh"] = Field(description="The layer's kind.")
    activations: ReluQuantiser | None = Field(
        default=None, description="Overrides quantisation.activations for this layer."
    )


class _SlopedSection(_ElementwiseSection):
    activations: BitsQuantiser | None = Field(
        default=None,
        description="The grid of the results, which have a sign: 'quantized_bits(8, 2)'; by "
        "default with the bits of quantisation.activations.",
    )


class LeakyReluSection(_SlopedSection):
    """The number itself, or below zero a part of it."""

    kind: Literal["leaky_relu"] = Field(description="The layer's kind.")
    slope: float = Field(
        default=0.25, gt=0, lt=1, description="The part: a whole number of 4096ths, such as 0.125."
    )


class PreluSection(_SlopedSection):
    """The number itself, or below zero a part of it that each element learns."""

    kind: Literal["prelu"] = Field(description="The layer's kind.")
    weights: BitsQuantiser | None = Field(
        default=None, description="Overrides quantisation.weights for the slopes of this layer."
    )
