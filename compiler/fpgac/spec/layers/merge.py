"""Layers in a spec that make one tensor of several."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from fpgac.spec.layers.base import LayerSection
from fpgac.spec.shapes import Shape, concatenated, merged

__all__ = ["ConcatenateSection", "MergeSection", "PairSection"]

_MOST = 16


class _SeveralSection(LayerSection):
    """Two at a time: with more inputs, the results of the first ones are merged with the next."""

    arity: ClassVar[tuple[int, int]] = (2, _MOST)

    def parts(self, name: str) -> Iterator[str]:
        inputs = len(self.inputs or ())
        yield from (self.part(name, place) for place in range(1, inputs - 1))
        yield name

    @staticmethod
    def part(name: str, place: int) -> str:
        """What the merging of the first inputs, up to ``place`` from 0, is called."""
        return f"{name}_part{place}"


class MergeSection(_SeveralSection):
    """Tensors of one shape, element by element, with every bit."""

    kind: Literal["add", "multiply", "maximum", "minimum"] = Field(description="The layer's kind.")

    def output_shape(self, *shapes: Shape) -> Shape:
        return merged(shapes)


class PairSection(LayerSection):
    """Two tensors of one shape, element by element, with every bit: their difference or mean."""

    arity: ClassVar[tuple[int, int]] = (2, 2)
    kind: Literal["subtract", "average"] = Field(description="The layer's kind.")

    def output_shape(self, *shapes: Shape) -> Shape:
        return merged(shapes)


class ConcatenateSection(_SeveralSection):
    """Tensors laid end to end."""

    kind: Literal["concatenate"] = Field(description="The layer's kind.")
    axis: int = Field(
        default=-1, ge=-3, le=3, description="Along which axis: from 1, or from -1 backwards."
    )

    def output_shape(self, *shapes: Shape) -> Shape:
        return concatenated(shapes, self.axis)
