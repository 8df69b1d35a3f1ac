"""The network's shape as a spec states it: a chain of layers, each a table of its ``kind``."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from math import prod
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from fpgac.spec.formats import BitsQuantiser, Identifier, ReluQuantiser, Section
from fpgac.spec.shapes import (
    MisfitError,
    Padding,
    Shape,
    averaged,
    convolved,
    flattened,
    pooled,
    shape_text,
    summed,
)

__all__ = [
    "AveragePooling1DSection",
    "AveragePooling2DSection",
    "Conv1DSection",
    "Conv2DSection",
    "ConvSection",
    "DenseSection",
    "FlattenSection",
    "LayerSection",
    "MaxPooling1DSection",
    "MaxPooling2DSection",
    "PoolingSection",
    "TopologySection",
    "WeightedSection",
    "activation_name",
]

_Side = Annotated[int, Field(ge=1, le=4096)]
_Pair = _Side | tuple[_Side, _Side]
_Count = Annotated[int, Field(ge=1, le=65536)]


class LayerSection(Section):
    """Layers stand in order, each a table with its kind. Every layer may have a name."""

    name: Identifier | None = Field(
        default=None,
        description="A C identifier; by default the kind and the layer's place: dense_1.",
    )

    @abstractmethod
    def output_shape(self, shape: Shape) -> Shape:
        """What the layer makes of ``shape``.

        Raises:
            MisfitError: it cannot take it.
        """


class WeightedSection(LayerSection):
    """Dense layers and convolutions, and what follows their sums."""

    activation: Literal["relu", "sigmoid", "tanh", "linear"] = Field(
        default="linear",
        description="What follows the sum: QKeras's, whose sigmoid and tanh are piecewise linear; "
        "the last layer is linear.",
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


class DenseSection(WeightedSection):
    """One fully connected layer."""

    kind: Literal["dense"] = Field(description="The layer's kind.")
    units: int = Field(ge=1, le=4096, description="Outputs of the layer.")

    def output_shape(self, shape: Shape) -> Shape:
        return summed(shape, self.units)


class ConvSection(WeightedSection):
    """What convolutions have in common; they go over channels last, as in Keras."""

    filters: int = Field(ge=1, le=4096, description="Channels of the layer's output.")
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

    def output_shape(self, shape: Shape) -> Shape:
        return convolved(shape, self.kernel, self.steps, self.padding, self.filters)


class Conv1DSection(ConvSection):
    """A convolution over one axis: inputs of shape [length, channels]."""

    kind: Literal["conv1d"] = Field(description="The layer's kind.")
    kernel_size: _Side = Field(description="Numbers under the kernel.")
    strides: _Side = Field(default=1, description="How far the kernel moves each time.")

    @property
    def kernel(self) -> tuple[int, ...]:
        return (self.kernel_size,)

    @property
    def steps(self) -> tuple[int, ...]:
        return (self.strides,)


class Conv2DSection(ConvSection):
    """A convolution over two axes: inputs of shape [height, width, channels]."""

    kind: Literal["conv2d"] = Field(description="The layer's kind.")
    kernel_size: _Pair = Field(description="The kernel's size, or [height, width].")
    strides: _Pair = Field(default=1, description="Its steps, or those [down, across].")

    @property
    def kernel(self) -> tuple[int, ...]:
        return _pair(self.kernel_size)

    @property
    def steps(self) -> tuple[int, ...]:
        return _pair(self.strides)


class PoolingSection(LayerSection):
    """What pooling layers have in common: pools that lie side by side, without a rest."""

    @property
    @abstractmethod
    def pool(self) -> tuple[int, ...]:
        """A pool's size along each axis of space."""

    def output_shape(self, shape: Shape) -> Shape:
        return pooled(shape, self.pool)


class MaxPooling1DSection(PoolingSection):
    """The greatest of each pool, along one axis."""

    kind: Literal["max_pooling1d"] = Field(description="The layer's kind.")
    pool_size: _Side = Field(default=2, description="Numbers in a pool.")

    @property
    def pool(self) -> tuple[int, ...]:
        return (self.pool_size,)


class MaxPooling2DSection(PoolingSection):
    """The greatest of each pool, along two axes."""

    kind: Literal["max_pooling2d"] = Field(description="The layer's kind.")
    pool_size: _Pair = Field(default=2, description="A pool's size, or [height, width].")

    @property
    def pool(self) -> tuple[int, ...]:
        return _pair(self.pool_size)


class AveragePooling1DSection(PoolingSection):
    """The mean of each pool, along one axis; pools of 2, 4, 8 ... numbers, whose mean is exact."""

    kind: Literal["average_pooling1d"] = Field(description="The layer's kind.")
    pool_size: _Side = Field(default=2, description="Numbers in a pool.")

    @property
    def pool(self) -> tuple[int, ...]:
        return (self.pool_size,)

    def output_shape(self, shape: Shape) -> Shape:
        return averaged(shape, self.pool)


class AveragePooling2DSection(PoolingSection):
    """The mean of each pool, along two axes; pools of 2, 4, 8 ... numbers, whose mean is exact."""

    kind: Literal["average_pooling2d"] = Field(description="The layer's kind.")
    pool_size: _Pair = Field(default=2, description="A pool's size, or [height, width].")

    @property
    def pool(self) -> tuple[int, ...]:
        return _pair(self.pool_size)

    def output_shape(self, shape: Shape) -> Shape:
        return averaged(shape, self.pool)


class FlattenSection(LayerSection):
    """All numbers in one list, for the dense layers behind."""

    kind: Literal["flatten"] = Field(description="The layer's kind.")

    def output_shape(self, shape: Shape) -> Shape:
        return flattened(shape)


def _pair(size: int | tuple[int, int]) -> tuple[int, int]:
    return size if isinstance(size, tuple) else (size, size)


def activation_name(layer: str, activation: str) -> str:
    """What the activation after the layer of this name is called."""
    return f"{layer}_{activation}"


_AnyLayer = Annotated[
    DenseSection
    | Conv1DSection
    | Conv2DSection
    | MaxPooling1DSection
    | MaxPooling2DSection
    | AveragePooling1DSection
    | AveragePooling2DSection
    | FlattenSection,
    Field(discriminator="kind"),
]


class TopologySection(Section):
    """The network's shape: a chain of layers."""

    inputs: _Count | Annotated[tuple[_Count, ...], Field(min_length=2, max_length=3)] = Field(
        description="Numbers in one sample, or its shape, channels last: [8, 8, 1]."
    )
    layers: tuple[_AnyLayer, ...] = Field(min_length=1, description="The layers, in order.")

    @model_validator(mode="after")
    def _last_layer_gives_the_answer(self) -> TopologySection:
        last = self.layers[-1]
        if not isinstance(last, DenseSection):
            raise ValueError("the last layer must be dense: its sums are the output")
        if last.activation != "linear":
            raise ValueError(
                "the last layer must have activation 'linear': its sums are the output"
            )
        return self

    @model_validator(mode="after")
    def _names_differ(self) -> TopologySection:
        layers = zip(self.names, self.layers, strict=True)
        names = [
            *self.names,
            *(
                activation_name(name, layer.activation)
                for name, layer in layers
                if isinstance(layer, WeightedSection) and layer.activation != "linear"
            ),
        ]
        if twice := sorted(name for name, times in Counter(names).items() if times > 1):
            raise ValueError(
                f"two layers would be named {twice[0]!r}; an activation has its layer's name and "
                "its own, such as '_relu'"
            )
        return self

    @model_validator(mode="after")
    def _shapes_fit(self) -> TopologySection:
        shape: Shape | None = self.input_shape
        misfits: list[InitErrorDetails] = []
        for place, layer in enumerate(self.layers):
            try:
                shape = layer.output_shape(shape) if shape else None
            except MisfitError as misfit:
                shape = misfit.shape
                wrong = PydanticCustomError("misfit", "{what}", {"what": str(misfit)})
                key = ("layers", place, misfit.key)
                misfits.append(InitErrorDetails(type=wrong, loc=key, input=layer.kind))
        if misfits:
            raise ValidationError.from_exception_data("topology", misfits)
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Each layer's name, given or made from its kind and place."""
        return tuple(
            layer.name or f"{layer.kind}_{place}" for place, layer in enumerate(self.layers, 1)
        )

    @property
    def normalised(self) -> frozenset[str]:
        """The names of the layers that are trained with batch normalisation."""
        layers = zip(self.names, self.layers, strict=True)
        return frozenset(
            name
            for name, layer in layers
            if isinstance(layer, WeightedSection) and layer.batch_normalisation
        )

    @property
    def input_shape(self) -> Shape:
        """One sample's shape."""
        return self.inputs if isinstance(self.inputs, tuple) else (self.inputs,)

    @property
    def input_size(self) -> int:
        """Numbers in one sample."""
        return prod(self.input_shape)

    @property
    def outputs(self) -> int:
        """Numbers in one result."""
        last = self.layers[-1]
        assert isinstance(last, DenseSection)
        return last.units

    def __str__(self) -> str:
        """The network in short: its input's shape, and those that layers with weights give."""
        shape, said = self.input_shape, [shape_text(self.input_shape)]
        for layer in self.layers:
            shape = layer.output_shape(shape)
            if isinstance(layer, WeightedSection):
                said.append(shape_text(shape))
        return " → ".join(said)
