"""The network as a QKeras model. Only the worker process calls this: it imports TensorFlow.

QKeras 0.9 needs Keras 2, which TensorFlow 2.21 has as ``tf_keras`` when ``TF_USE_LEGACY_KERAS`` is
set; the switch is for a whole process, and so is Keras's default float type.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.errors import Problem, ToolchainError
from fpgac.network.arithmetic import Step, steps
from fpgac.network.keras_folding import folding
from fpgac.network.network import (
    AveragePoolLayer,
    ConvLayer,
    DenseLayer,
    FlattenLayer,
    HardLayer,
    MaxPoolLayer,
    Network,
    ReluLayer,
    WeightedLayer,
)
from fpgac.numbers import FixedPoint, IntArray

__all__ = ["Keras", "build", "exact_outputs", "load", "quantized_relu"]

_FLOAT32_BITS = 24
_BATCH = 4096


@dataclass(frozen=True)
class Keras:
    """The modules, all untyped."""

    tf: Any
    keras: Any
    qkeras: Any
    sparsity: Any


def load() -> Keras:
    """Import TensorFlow, Keras 2, QKeras and its pruning.

    Raises:
        ToolchainError: one is not installed, or is broken.
    """
    try:
        import tf_keras

        sys.modules["keras"] = tf_keras
        import qkeras
        import tensorflow
        import tensorflow_model_optimization
    except Exception as error:  # A broken package fails with whatever it likes.
        missing = isinstance(error, ModuleNotFoundError)
        what = "is not installed" if missing else "cannot be imported"
        raise ToolchainError(
            Problem(
                f"training needs TensorFlow and QKeras, of which something {what}",
                got=f"{type(error).__name__}: {error}",
                hint="pip install 'fpgac[train]'",
            )
        ) from error
    return Keras(tensorflow, tf_keras, qkeras, tensorflow_model_optimization.sparsity.keras)


def build(
    k: Keras,
    network: Network,
    relu: Callable[[Keras, Step, ReluLayer], Any],
    wrap: Callable[[Any], Any] = lambda layer: layer,
    normalised: Collection[str] = (),
) -> Any:
    """A Keras model of ``network``'s layers; its weights are left as Keras starts them.

    Its inputs have shape (samples, *network.input_shape). ``relu`` gives a ReLU's quantiser, and
    ``wrap`` may put each layer with weights into another. The layers that ``normalised`` names are
    to be trained with batch normalisation.
    """
    x = first = k.keras.layers.Input(network.input_shape, name="input")
    for step in steps(network.input_type, network.layers):
        match step.layer:
            case WeightedLayer():
                x = wrap(_weighted(k, step.layer, step.layer.name in normalised))(x)
            case ReluLayer():
                x = k.qkeras.QActivation(relu(k, step, step.layer), name=step.layer.name)(x)
            case HardLayer():
                quantiser = getattr(k.qkeras, f"quantized_{step.layer.kind}")
                x = k.qkeras.QActivation(quantiser(step.layer.type.width), name=step.layer.name)(x)
            case MaxPoolLayer() | AveragePoolLayer():
                operation = "Max" if isinstance(step.layer, MaxPoolLayer) else "Average"
                pooling = getattr(k.keras.layers, f"{operation}Pooling{len(step.layer.pool)}D")
                x = pooling(step.layer.pool, name=step.layer.name)(x)
            case FlattenLayer():
                x = k.keras.layers.Flatten(name=step.layer.name)(x)
    return k.keras.Model(first, x)


def _weighted(k: Keras, layer: DenseLayer | ConvLayer, normalised: bool) -> Any:
    options: dict[str, Any] = {
        "kernel_quantizer": _quantized_bits(k, layer.weight_type),
        "bias_quantizer": _quantized_bits(k, layer.bias_type),
        "name": layer.name,
    }
    if isinstance(layer, DenseLayer):
        kind = k.qkeras.QDense
        options |= {"units": int(layer.bias.size)}
    else:
        kind = getattr(k.qkeras, f"QConv{len(layer.strides)}D")
        options |= {"filters": int(layer.bias.size), "kernel_size": layer.kernel}
        options |= {"strides": layer.strides, "padding": layer.padding}
    return (folding(k, kind) if normalised else kind)(**options)


def _quantized_bits(k: Keras, to: FixedPoint) -> Any:
    return k.qkeras.quantized_bits(to.width, to.integer - 1, alpha=1)


def quantized_relu(k: Keras, _: Step, relu: ReluLayer) -> Any:
    """The quantiser that networks are trained with."""
    return k.qkeras.quantized_relu(relu.type.width, relu.type.integer)


def exact_relu(k: Keras, step: Step, relu: ReluLayer) -> Any:
    """``quantized_relu`` where it is exact, else QKeras's other name for the same function.

    ``quantized_relu`` turns its operand into a float32. That is exact for what does not saturate
    as long as the sums' fraction and the type's integer bits make no more than 24. Beyond, a sum
    might be rounded twice: there ``quantized_bits`` without negatives, which works in Keras's own
    float type, does the same sum by sum.
    """
    to = relu.type
    if step.given.fraction + to.integer <= _FLOAT32_BITS:
        return quantized_relu(k, step, relu)
    return k.qkeras.quantized_bits(to.width, to.integer, keep_negative=False, alpha=1)


def exact_outputs(k: Keras, network: Network, words: IntArray) -> npt.NDArray[np.float64]:
    """What the quantised Keras model answers to raw input words, shape (samples, outputs).

    The model computes in float64, whose sums are exact where float32's need not be: 27 inputs of
    16 bits times weights of 8 bits can make sums of 28 bits. Leaves Keras's float type at float64.
    """
    k.keras.backend.set_floatx("float64")
    model = build(k, network, exact_relu)
    for layer in network.weighted_layers:
        model.get_layer(layer.name).set_weights(
            [layer.weight_type.number(layer.weights), layer.bias_type.number(layer.bias)]
        )
    x = network.input_type.number(words).reshape(-1, *network.input_shape)
    if not len(x):
        return np.empty((0, network.output_size))
    answers = np.asarray(model.predict(x, batch_size=_BATCH, verbose=0), np.float64)
    # Adding zero turns -0.0, which no integer has, into 0.0.
    return answers + 0.0
