"""Layers in a spec that only put numbers in other places."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from fpgac.spec.faults import fault
from fpgac.spec.layers.base import LayerSection, Margins, Pair, Side, margins_of, pair_of
from fpgac.spec.shapes import Shape, Sides, cropped, enlarged, flattened, padded, permuted, reshaped

__all__ = [
    "CroppingSection",
    "FlattenSection",
    "PermuteSection",
    "ReshapeSection",
    "UpsamplingSection",
    "ZeroPaddingSection",
]

_Axis = Annotated[int, Field(ge=1, le=3)]
_Count = Annotated[int, Field(ge=1, le=65536)]
_MARGINS = (
    "One number for all sides, [before, behind] or [rows, columns], or [top, bottom, left, right]."
)


class FlattenSection(LayerSection):
    """All numbers in one list, for the dense layers behind."""

    kind: Literal["flatten"] = Field(description="The layer's kind.")

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        return flattened(shape)


class ReshapeSection(LayerSection):
    """The same numbers, in the same order, under another shape."""

    kind: Literal["reshape"] = Field(description="The layer's kind.")
    shape: Annotated[tuple[_Count, ...], Field(min_length=1, max_length=3)] = Field(
        description="The new shape, channels last."
    )

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        return reshaped(shape, self.shape)


class PermuteSection(LayerSection):
    """The axes in another order."""

    kind: Literal["permute"] = Field(description="The layer's kind.")
    order: Annotated[tuple[_Axis, ...], Field(min_length=2, max_length=3)] = Field(
        description="Which axis comes first, second, third; counted from 1, as in Keras: [2, 1]."
    )

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        return permuted(shape, self.order)


class _SidesSection(LayerSection):
    @property
    def axes(self) -> int:
        """How many axes of space it goes over."""
        return int(self.kind[-2])

    def _require_margins(self, margins: int | tuple[int, ...]) -> None:
        if isinstance(margins, tuple) and self.axes == 1 and len(margins) > 2:
            raise fault("spec.sides", "one axis has two sides: [before, behind]")


class ZeroPaddingSection(_SidesSection):
    """Zeros on the sides."""

    kind: Literal["zero_padding1d", "zero_padding2d"] = Field(description="The layer's kind.")
    padding: Margins = Field(default=1, description=_MARGINS)

    @model_validator(mode="after")
    def _sides_are_those_of_the_axes(self) -> ZeroPaddingSection:
        self._require_margins(self.padding)
        return self

    @property
    def sides(self) -> Sides:
        """Zeros before and behind, for each axis of space."""
        return margins_of(self.padding, self.axes)

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        return padded(shape, self.sides)


class CroppingSection(_SidesSection):
    """Without the places at the sides."""

    kind: Literal["cropping1d", "cropping2d"] = Field(description="The layer's kind.")
    cropping: Margins = Field(default=1, description=_MARGINS)

    @model_validator(mode="after")
    def _sides_are_those_of_the_axes(self) -> CroppingSection:
        self._require_margins(self.cropping)
        return self

    @property
    def sides(self) -> Sides:
        """Places left out before and behind, for each axis of space."""
        return margins_of(self.cropping, self.axes)

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        return cropped(shape, self.sides)


class UpsamplingSection(LayerSection):
    """What upsamplings have in common: each place several times, the nearest one's."""

    @property
    def factors(self) -> tuple[int, ...]:
        """How many times, for each axis of space."""
        raise NotImplementedError

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        return enlarged(shape, self.factors)


class Upsampling1DSection(UpsamplingSection):
    """Each place several times, along one axis."""

    kind: Literal["upsampling1d"] = Field(description="The layer's kind.")
    size: Side = Field(default=2, description="How many times.")

    @property
    def factors(self) -> tuple[int, ...]:
        return (self.size,)


class Upsampling2DSection(UpsamplingSection):
    """Each pixel several times, down and across."""

    kind: Literal["upsampling2d"] = Field(description="The layer's kind.")
    size: Pair = Field(default=2, description="How many times, or [down, across].")

    @property
    def factors(self) -> tuple[int, ...]:
        return pair_of(self.size)
