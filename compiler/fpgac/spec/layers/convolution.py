"""Convolutions in a spec: over one or two axes, whole, depthwise, or separable."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from fpgac.spec.layers.base import Pair, Side, WeightedSection, pair_of
from fpgac.spec.shapes import Padding, Shape, convolved

__all__ = ["ConvolutionSection", "DepthwiseSection", "SeparableSection", "SweepSection"]


class SweepSection(WeightedSection):
    """What convolutions have in common; they go over channels last, as in Keras."""

    padding: Padding = Field(
        default="valid", description="Whether zeros around the input keep its size ('same')."
    )

    @property
    @abstractmethod
    def kernel(self) -> tuple[int, ...]:
        """The kernel's size along each axis of space."""

    @property
    @abstractmethod
    def steps(self) -> tuple[int, ...]:
        """The strides along each axis of space."""

    @abstractmethod
    def channels(self, shape: Shape) -> int:
        """The channels of what it makes of ``shape``."""

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        return convolved(shape, self.kernel, self.steps, self.padding, self.channels(shape))


class _Line(SweepSection):
    kernel_size: Side = Field(description="Numbers under the kernel.")
    strides: Side = Field(default=1, description="How far the kernel moves each time.")

    @property
    def kernel(self) -> tuple[int, ...]:
        return (self.kernel_size,)

    @property
    def steps(self) -> tuple[int, ...]:
        return (self.strides,)


class _Plane(SweepSection):
    kernel_size: Pair = Field(description="The kernel's size, or [height, width].")
    strides: Pair = Field(default=1, description="Its steps, or those [down, across].")

    @property
    def kernel(self) -> tuple[int, ...]:
        return pair_of(self.kernel_size)

    @property
    def steps(self) -> tuple[int, ...]:
        return pair_of(self.strides)


class ConvolutionSection(SweepSection):
    """Convolutions that mix all channels."""

    filters: int = Field(ge=1, le=4096, description="Channels of the layer's output.")

    def channels(self, shape: Shape) -> int:
        return self.filters


class DepthwiseSection(SweepSection):
    """Convolutions that keep channels apart: one filter for each."""

    def channels(self, shape: Shape) -> int:
        return shape[-1]


class SeparableSection(ConvolutionSection):
    """A depthwise convolution, and one of size 1 that mixes its channels."""

    def parts(self, name: str) -> Iterator[str]:
        yield self.depthwise(name)
        yield from super().parts(name)

    @staticmethod
    def depthwise(name: str) -> str:
        """What the depthwise part of the layer ``name`` is called."""
        return f"{name}_depthwise"


class Conv1DSection(_Line, ConvolutionSection):
    """A convolution over one axis: inputs of shape [length, channels]."""

    kind: Literal["conv1d"] = Field(description="The layer's kind.")


class Conv2DSection(_Plane, ConvolutionSection):
    """A convolution over two axes: inputs of shape [height, width, channels]."""

    kind: Literal["conv2d"] = Field(description="The layer's kind.")


class DepthwiseConv1DSection(_Line, DepthwiseSection):
    """A convolution over one axis that keeps channels apart."""

    kind: Literal["depthwise_conv1d"] = Field(description="The layer's kind.")


class DepthwiseConv2DSection(_Plane, DepthwiseSection):
    """A convolution over two axes that keeps channels apart."""

    kind: Literal["depthwise_conv2d"] = Field(description="The layer's kind.")


class SeparableConv1DSection(_Line, SeparableSection):
    """A depthwise convolution over one axis, then one of size 1 that mixes the channels."""

    kind: Literal["separable_conv1d"] = Field(description="The layer's kind.")


class SeparableConv2DSection(_Plane, SeparableSection):
    """A depthwise convolution over two axes, then one of size 1 that mixes the channels."""

    kind: Literal["separable_conv2d"] = Field(description="The layer's kind.")
