"""What Keras and QKeras call each operation. Only the worker process calls this."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

from fpgac.network.keras.custom import depthwise, quantised, sloped
from fpgac.network.keras.folding import folding
from fpgac.network.keras.modules import Keras
from fpgac.network.network import Node
from fpgac.network.operation import Operation
from fpgac.network.ops.arrangement import (
    Cropping,
    Flatten,
    Permute,
    Reshape,
    Upsampling,
    ZeroPadding,
)
from fpgac.network.ops.convolution import Convolution, Depthwise
from fpgac.network.ops.dense import Dense
from fpgac.network.ops.merge import Concatenate, Merge
from fpgac.network.ops.pooling import GlobalPooling, Pooling
from fpgac.network.ops.relu import Relu
from fpgac.network.ops.sloped import LeakyRelu, Prelu
from fpgac.network.ops.softmax import Argmax, Softmax
from fpgac.network.ops.squash import Squash
from fpgac.network.ops.thresholded import ThresholdedRelu
from fpgac.network.ops.weighted import Weighted
from fpgac.numbers import FixedPoint
from fpgac.tensors import Tensor

__all__ = ["Making", "keras_layer"]

_FLOAT32_BITS = 24
_MERGES = {
    "add": "Add",
    "subtract": "Subtract",
    "multiply": "Multiply",
    "average": "Average",
    "maximum": "Maximum",
    "minimum": "Minimum",
}


@dataclass(frozen=True)
class Making:
    """A layer to be made.

    Args:
        k: the modules.
        node: whose layer it is.
        inputs: what the node reads.
        is_exact: whether its numbers must be exact in float64, not only trained.
        is_normalised: whether it is trained with batch normalisation.
        wrap: puts a layer with weights into another, to prune it.
        is_float: whether nothing is quantised.
    """

    k: Keras
    node: Node
    inputs: tuple[Tensor, ...]
    is_exact: bool
    is_normalised: bool
    wrap: Callable[[Any], Any]
    is_float: bool = False

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def plain(self) -> Any:
        """Keras's own layers."""
        return self.k.keras.layers

    def function(self, function: Callable[[Any], Any]) -> Any:
        """A layer that only computes."""
        return self.plain.Lambda(function, name=self.name)


@singledispatch
def keras_layer(operation: Operation, making: Making) -> Any:
    """The layer that gives the numbers of ``operation``; two inputs come as a list."""
    raise TypeError(f"Keras has no layer for {type(operation).__name__}")


def quantized_bits(making: Making, to: FixedPoint) -> Any:
    """The quantiser to a grid with a sign; None where nothing is quantised."""
    if making.is_float:
        return None
    return making.k.qkeras.quantized_bits(to.width, to.integer - 1, alpha=1)


def quantized_relu(making: Making, to: FixedPoint) -> Any:
    """The quantiser to a grid without a sign, in a form that is exact where that is asked.

    None where nothing is quantised.

    ``quantized_relu`` turns its operand into a float32. That is exact for what does not saturate
    as long as the operand's fraction and the type's integer bits make no more than 24. Beyond, a
    sum might be rounded twice: there ``quantized_bits`` without negatives, which works in Keras's
    own float type, does the same.
    """
    (x,) = making.inputs
    if making.is_float:
        return None
    if not making.is_exact or x.type.fraction + to.integer <= _FLOAT32_BITS:
        return making.k.qkeras.quantized_relu(to.width, to.integer)
    return making.k.qkeras.quantized_bits(to.width, to.integer, keep_negative=False, alpha=1)


def _weighted(making: Making, operation: Weighted, kind: Any, **options: Any) -> Any:
    quantisers = {
        "kernel_quantizer": quantized_bits(making, operation.weight_type),
        "bias_quantizer": quantized_bits(making, operation.bias_type),
    }
    kind = folding(making.k, kind) if making.is_normalised else kind
    return making.wrap(kind(**quantisers, **options, name=making.name))


@keras_layer.register
def _(operation: Dense, making: Making) -> Any:
    units = int(operation.bias.size)
    return _weighted(making, operation, making.k.qkeras.QDense, units=units)


@keras_layer.register
def _(operation: Convolution, making: Making) -> Any:
    kind = getattr(making.k.qkeras, f"QConv{len(operation.strides)}D")
    return _weighted(
        making,
        operation,
        kind,
        filters=int(operation.bias.size),
        kernel_size=operation.kernel,
        strides=operation.strides,
        padding=operation.padding,
    )


@keras_layer.register
def _(operation: Depthwise, making: Making) -> Any:
    (x,) = making.inputs
    return _weighted(
        making,
        operation,
        depthwise(making.k),
        kernel_size=operation.kernel,
        sweep=operation.sweep(x.shape),
    )


@keras_layer.register
def _(operation: Relu, making: Making) -> Any:
    quantiser, limit = quantized_relu(making, operation.grid), operation.limit
    if quantiser is None:
        return making.plain.ReLU(limit, name=making.name)
    if limit is None:
        return making.k.qkeras.QActivation(quantiser, name=making.name)
    return making.function(lambda x: quantiser(making.k.tf.minimum(x, float(limit))))


@keras_layer.register
def _(operation: Squash, making: Making) -> Any:
    if making.is_float:
        return making.plain.Activation(operation.function, name=making.name)
    quantiser = getattr(making.k.qkeras, f"quantized_{operation.function}")
    return making.k.qkeras.QActivation(quantiser(operation.grid.width), name=making.name)


@keras_layer.register
def _(operation: LeakyRelu, making: Making) -> Any:
    quantiser, tf = quantized_bits(making, operation.grid), making.k.tf
    return making.function(lambda x: quantised(quantiser, tf.where(x > 0, x, operation.slope * x)))


@keras_layer.register
def _(operation: Prelu, making: Making) -> Any:
    slopes = quantized_bits(making, operation.slope_type)
    grid = quantized_bits(making, operation.grid)
    return sloped(making.k)(slopes, grid, name=making.name)


@keras_layer.register
def _(operation: ThresholdedRelu, making: Making) -> Any:
    tf = making.k.tf
    return making.function(lambda x: tf.where(x > operation.threshold, x, tf.zeros_like(x)))


@keras_layer.register
def _(operation: Pooling, making: Making) -> Any:
    what = "Average" if operation.is_mean else "Max"
    kind = getattr(making.plain, f"{what}Pooling{len(operation.pool)}D")
    return kind(operation.pool, operation.steps_of_pools, name=making.name)


@keras_layer.register
def _(operation: GlobalPooling, making: Making) -> Any:
    what = "Average" if operation.is_mean else "Max"
    return getattr(making.plain, f"Global{what}Pooling{operation.axes}D")(name=making.name)


@keras_layer.register
def _(operation: Flatten, making: Making) -> Any:
    return making.plain.Flatten(name=making.name)


@keras_layer.register
def _(operation: Reshape, making: Making) -> Any:
    return making.plain.Reshape(operation.to, name=making.name)


@keras_layer.register
def _(operation: Permute, making: Making) -> Any:
    return making.plain.Permute(operation.order, name=making.name)


@keras_layer.register
def _(operation: ZeroPadding, making: Making) -> Any:
    axes, sides = len(operation.sides), operation.sides
    kind = getattr(making.plain, f"ZeroPadding{axes}D")
    return kind(sides if axes > 1 else sides[0], name=making.name)


@keras_layer.register
def _(operation: Cropping, making: Making) -> Any:
    axes, sides = len(operation.sides), operation.sides
    kind = getattr(making.plain, f"Cropping{axes}D")
    return kind(sides if axes > 1 else sides[0], name=making.name)


@keras_layer.register
def _(operation: Upsampling, making: Making) -> Any:
    axes, factors = len(operation.factors), operation.factors
    kind = getattr(making.plain, f"UpSampling{axes}D")
    return kind(factors if axes > 1 else factors[0], name=making.name)


@keras_layer.register
def _(operation: Merge, making: Making) -> Any:
    return getattr(making.plain, _MERGES[operation.function])(name=making.name)


@keras_layer.register
def _(operation: Concatenate, making: Making) -> Any:
    return making.plain.Concatenate(axis=operation.axis, name=making.name)


@keras_layer.register
def _(operation: Softmax, making: Making) -> Any:
    return making.plain.Softmax(name=making.name)


@keras_layer.register
def _(operation: Argmax, making: Making) -> Any:
    tf = making.k.tf
    return making.function(lambda x: tf.one_hot(tf.argmax(x, -1), x.shape[-1], dtype=x.dtype))
