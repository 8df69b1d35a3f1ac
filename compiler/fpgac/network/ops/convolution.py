"""Convolutions, as Keras has them: over one or two axes, over all channels or over each alone."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field

from fpgac.errors import Problem
from fpgac.network.operation import Part, Table, blank, parts_of, problem
from fpgac.network.ops.weighted import Weighted, WeightedTable, followed, precision_of
from fpgac.program.sums import Products
from fpgac.program.windows import Sweep, by_channel, spread
from fpgac.spec.layers.convolution import (
    ConvolutionSection,
    DepthwiseSection,
    SeparableSection,
    SweepSection,
)
from fpgac.spec.models import QuantisationSection
from fpgac.spec.shapes import Padding, Shape, convolved, pads, shape_text

__all__ = ["Convolution", "Depthwise", "Sweeping", "sweep"]


def sweep(
    shape: Shape,
    kernel: Sequence[int],
    strides: Sequence[int],
    befores: Sequence[int],
    places: Shape,
) -> Sweep:
    """How a kernel goes over an image of ``shape`` with margins, to as many ``places``; lines have
    height 1.
    """
    return Sweep(
        image=_plane(shape[:-1], 1),
        size=_plane(kernel, 1),
        stride=_plane(strides, 1),
        before=_plane(befores, 0),
        places=_plane(places[:-1], 1),
    )


def _plane(sizes: Sequence[int], height: int) -> tuple[int, int]:
    *first, width = sizes
    return (first[0] if first else height), width


class _Table(WeightedTable):
    strides: list[Annotated[int, Field(ge=1)]] = Field(min_length=1, max_length=2)
    padding: Padding


@dataclass(frozen=True, eq=False)
class Sweeping(Weighted):
    """A kernel that goes over one or two axes, for which ``strides`` has an entry each."""

    strides: tuple[int, ...]
    padding: Padding

    @property
    def kernel(self) -> tuple[int, ...]:
        """The kernel's size along each axis of space."""
        return self.weights.shape[: len(self.strides)]

    def shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        outputs = convolved(shape, self.kernel, self.strides, self.padding, self.bias.size)
        return self.require_weights((*self.kernel, *self.mixing(shape)), outputs)

    @abstractmethod
    def mixing(self, shape: Shape) -> Shape:
        """The shape of the weights at one place of the kernel."""

    def sweep(self, shape: Shape) -> Sweep:
        """How it goes over an input of ``shape``."""
        sides = pads(shape, self.kernel, self.strides) if self.padding == "same" else []
        befores = [before for before, _ in sides] or [0] * len(self.kernel)
        return sweep(shape, self.kernel, self.strides, befores, self.shape(shape))

    def plain(self) -> dict[str, Any]:
        return {"strides": list(self.strides), "padding": self.padding, **super().plain()}

    def problems(self) -> Iterator[Problem]:
        if min(self.strides) < 1:
            got = shape_text(self.strides)
            yield problem("bad-strides", "strides", "strides are 1 or more", got=got)
        yield from super().problems()

    def __str__(self) -> str:
        return f"{super().__str__()}, in steps of {shape_text(self.strides)}, {self.padding}"


@dataclass(frozen=True, eq=False)
class Convolution(Sweeping):
    """All channels under the kernel; ``weights`` has shape (*kernel, channels, filters)."""

    kinds: ClassVar = ("conv1d", "conv2d")
    table: ClassVar[type[Table]] = _Table

    @property
    def kind(self) -> str:
        return self.kinds[len(self.strides) - 1]

    def mixing(self, shape: Shape) -> Shape:
        return (shape[-1], self.bias.size)

    def windows(self, shape: Shape) -> Products:
        windows = spread(self.sweep(shape).pixels(), shape[-1])
        return Products(windows, self.matrix[None], self.weight_type.fraction)

    @classmethod
    def read(cls, table: Any) -> Self:
        return cls(
            *cls.words_of(table, 2 + len(table.strides)), tuple(table.strides), table.padding
        )


@dataclass(frozen=True, eq=False)
class Depthwise(Sweeping):
    """Each channel under a kernel of its own; ``weights`` has shape (*kernel, channels)."""

    kinds: ClassVar = ("depthwise_conv1d", "depthwise_conv2d")
    table: ClassVar[type[Table]] = _Table

    @property
    def kind(self) -> str:
        return self.kinds[len(self.strides) - 1]

    def mixing(self, shape: Shape) -> Shape:
        return shape[-1:]

    def windows(self, shape: Shape) -> Products:
        windows = by_channel(self.sweep(shape).pixels(), shape[-1])
        return Products(windows, self.matrix.T[:, :, None], self.weight_type.fraction)

    @classmethod
    def read(cls, table: Any) -> Self:
        return cls(
            *cls.words_of(table, 1 + len(table.strides)), tuple(table.strides), table.padding
        )


def _zeros(
    section: SweepSection, shape: Shape, usual: QuantisationSection, filters: int | None
) -> Convolution | Depthwise:
    """A convolution to ``filters``, or for None a depthwise one, with all weights zero."""
    weights, biases = precision_of(section, usual)
    mixing = shape[-1:] if filters is None else (shape[-1], filters)
    words = blank(*section.kernel, *mixing)
    bias = blank(mixing[-1])
    kind = Depthwise if filters is None else Convolution
    return kind(words, weights, bias, biases, section.steps, section.padding)


@parts_of.register
def _(
    section: ConvolutionSection,
    name: str,
    reads: Sequence[str],
    shapes: Sequence[Shape],
    usual: QuantisationSection,
) -> Iterator[Part]:
    convolution = _zeros(section, shapes[0], usual, section.filters)
    yield from followed(section, Part(name, convolution, tuple(reads)), usual)


@parts_of.register
def _(
    section: DepthwiseSection,
    name: str,
    reads: Sequence[str],
    shapes: Sequence[Shape],
    usual: QuantisationSection,
) -> Iterator[Part]:
    depthwise = _zeros(section, shapes[0], usual, None)
    yield from followed(section, Part(name, depthwise, tuple(reads)), usual)


@parts_of.register
def _(
    section: SeparableSection,
    name: str,
    reads: Sequence[str],
    shapes: Sequence[Shape],
    usual: QuantisationSection,
) -> Iterator[Part]:
    first = section.depthwise(name)
    yield Part(first, _zeros(section, shapes[0], usual, None), tuple(reads))
    weights, biases = precision_of(section, usual)
    ones = (1,) * len(section.kernel)
    words = blank(*ones, shapes[0][-1], section.filters)
    bias = blank(section.filters)
    mixing = Convolution(words, weights, bias, biases, ones, "valid")
    yield from followed(section, Part(name, mixing, (first,)), usual)
