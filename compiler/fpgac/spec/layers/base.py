"""What the layers of a spec have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from fpgac.spec.formats import BitsQuantiser, Identifier, ReluQuantiser, Section
from fpgac.spec.shapes import Shape, Sides

__all__ = [
    "ActivationName",
    "LayerSection",
    "Margins",
    "Pair",
    "Side",
    "WeightedSection",
    "activation_name",
    "margins_of",
    "pair_of",
]

Side = Annotated[int, Field(ge=1, le=4096)]
Pair = Side | tuple[Side, Side]
Margin = Annotated[int, Field(ge=0, le=4096)]
Margins = Margin | tuple[Margin, Margin] | tuple[Margin, Margin, Margin, Margin]

ActivationName = Literal["relu", "relu6", "sigmoid", "tanh", "linear"]


class LayerSection(Section):
    """Layers stand in order, each a table with its kind, and read the one before them or those
    that they name. Every layer may have a name.
    """

    # All kinds are built once, into what a topology's layers may be.
    model_config = ConfigDict(defer_build=True)

    # How many tensors a layer reads at the least and at the most.
    arity: ClassVar[tuple[int, int]] = (1, 1)

    kind: str = Field(description="The layer's kind.")
    name: Identifier | None = Field(
        default=None,
        description="A C identifier; by default the kind and the layer's place: dense_1.",
    )
    inputs: tuple[Identifier, ...] | None = Field(
        default=None,
        description="What the layer reads: names of inputs and of layers above it; by default the "
        "layer before it.",
    )

    @abstractmethod
    def output_shape(self, *shapes: Shape) -> Shape:
        """What the layer makes of tensors of these shapes.

        Raises:
            MisfitError: it cannot take them.
        """

    def parts(self, name: str) -> Iterator[str]:
        """The names of the nodes that the layer ``name`` becomes, the last one its result."""
        yield name

    @property
    def takes_logits(self) -> bool:
        """Whether classes are trained on what it reads, not on what it gives: softmax, argmax."""
        return False


class WeightedSection(LayerSection):
    """Dense layers and convolutions, and what follows their sums."""

    activation: ActivationName = Field(
        default="linear",
        description="What follows the sum: QKeras's, whose sigmoid and tanh are piecewise linear.",
    )
    batch_normalisation: bool = Field(
        default=False,
        description="Normalise the sums while training; folded into the weights, it costs nothing.",
    )
    weights: BitsQuantiser | None = Field(
        default=None, description="Overrides quantisation.weights for this layer."
    )
    biases: BitsQuantiser | None = Field(
        default=None, description="Overrides quantisation.biases for this layer."
    )
    activations: ReluQuantiser | None = Field(
        default=None, description="Overrides quantisation.activations for this layer."
    )
    reuse_factor: int | None = Field(
        default=None, ge=1, description="Overrides hls.reuse_factor for this layer."
    )

    def parts(self, name: str) -> Iterator[str]:
        yield name
        if self.activation != "linear":
            yield activation_name(name, self.activation)


def activation_name(layer: str, activation: str) -> str:
    """What the activation after the layer of this name is called."""
    return f"{layer}_{activation}"


def pair_of(size: int | tuple[int, int]) -> tuple[int, int]:
    """Down and across: one number stands for both."""
    return size if isinstance(size, tuple) else (size, size)


def margins_of(margins: int | tuple[int, ...], axes: int) -> Sides:
    """Before and behind for each axis of space, from one number, one an axis, or all of them.

    >>> margins_of(1, 2), margins_of((0, 2), 1), margins_of((1, 2), 2), margins_of((1, 2, 3, 4), 2)
    (((1, 1), (1, 1)), ((0, 2),), ((1, 1), (2, 2)), ((1, 2), (3, 4)))
    """
    if isinstance(margins, int):
        return ((margins, margins),) * axes
    if len(margins) == 2 * axes:
        return tuple(zip(margins[::2], margins[1::2], strict=True))
    return tuple((margin, margin) for margin in margins)
