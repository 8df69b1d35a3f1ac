"""Each of Keras's and QKeras's layers, as steps of a draft."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.network.imports.advice import advice
from fpgac.network.imports.draft import (
    Drafting,
    Function,
    FunctionName,
    Numbers,
    Prelu,
    Scaling,
    Sums,
    UnreadInputError,
    UnsupportedError,
    What,
)
from fpgac.network.imports.imitating import Observed, imitated
from fpgac.network.imports.keras.graph import KerasLayer
from fpgac.network.imports.keras.quantisers import activation_of, learnt_alone, parse, quantised
from fpgac.network.ops.arrangement import (
    Cropping,
    Flatten,
    Permute,
    Reshape,
    Upsampling,
    ZeroPadding,
)
from fpgac.network.ops.merge import Concatenate, Merge
from fpgac.network.ops.pooling import GlobalPooling, Pooling
from fpgac.spec.shapes import Padding, Shape, Sides, pads, shape_text

__all__ = [
    "LAYERS",
    "Reading",
    "activated",
    "is_code",
    "kernel_options",
    "over_places",
    "read_layer",
    "reads",
]

Array = npt.NDArray[Any]

# What is there for training alone.
_NOTHING = (
    "Dropout",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "GaussianNoise",
    "GaussianDropout",
    "AlphaDropout",
    "ActivityRegularization",
    "Identity",
)
_MERGES: Mapping[str, Any] = {
    "Add": "add",
    "Subtract": "subtract",
    "Multiply": "multiply",
    "Average": "average",
    "Maximum": "maximum",
    "Minimum": "minimum",
}
_FUNCTIONS: Mapping[str, FunctionName] = {
    "relu": "relu",
    "relu6": "relu6",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "softplus": "softplus",
    "softsign": "softsign",
    "elu": "elu",
    "softmax": "softmax",
}


@dataclass(frozen=True, eq=False)
class Reading:
    """A call of a layer that becomes part of the draft; ``inputs`` are the draft's names.

    ``observed`` is what its code does, where the layer is code that was allowed to run.
    """

    draft: Drafting
    layer: KerasLayer
    inputs: tuple[str, ...]
    is_new: bool
    observed: Observed | None = None

    @property
    def config(self) -> Mapping[str, Any]:
        return self.layer.config

    @property
    def shape(self) -> Shape:
        """The shape of the first input.

        Raises:
            UnreadInputError: it is not known.
        """
        return self.shape_of(self.inputs[0])

    @cached_property
    def arrays(self) -> tuple[Array, ...]:
        return self.layer.weights.arrays

    def array(self, place: int) -> Array:
        """One of the layer's arrays.

        Raises:
            UnsupportedError: there are fewer.
        """
        if place >= len(self.arrays):
            raise UnsupportedError("its weights are not in the file", code="network.no-weights")
        return self.arrays[place]

    def shape_of(self, name: str) -> Shape:
        """The shape of a step that was just added, or read."""
        shape = self.draft.shape(name)
        if shape is None:
            raise UnreadInputError
        return shape

    def reading(self, inputs: tuple[str, ...]) -> Reading:
        """The same layer with other inputs."""
        return replace(self, inputs=inputs)

    def of_kind(self, kind: str) -> Reading:
        """The same layer as if it were of another class, with no activation of its own."""
        config = {key: value for key, value in self.config.items() if key != "activation"}
        return replace(self, layer=replace(self.layer, kind=kind, package="", config=config))

    def add(self, what: What, *inputs: str, suffix: str = "") -> str:
        """A step, by default of the layer's own name and inputs."""
        name = f"{self.layer.name}{suffix}"
        return self.draft.add(name, what, inputs or self.inputs, str(self.layer))

    def require(self, key: str, *usual: Any) -> None:
        """Refuse another value of ``key`` than the ``usual`` ones.

        Raises:
            UnsupportedError: it is another.
        """
        value = self.config.get(key, usual[0])
        given = tuple(value) if isinstance(value, list) else value
        if given not in usual:
            shown = usual[0]
            raise UnsupportedError(f"it has {key}={value!r}", f"fpgac imports {key}={shown!r}")


Reader = Callable[[Reading], str]

# By the package that registered the class, empty for Keras's and QKeras's, and the class.
LAYERS: dict[tuple[str, str], Reader] = {}


def reads(*kinds: str, package: str = "") -> Callable[[Reader], Reader]:
    """Registers what reads layers of these classes."""

    def register(reader: Reader) -> Reader:
        LAYERS.update({(package, kind): reader for kind in kinds})
        return reader

    return register


def read_layer(reading: Reading) -> str:
    """The name of the step that gives what the layer gives.

    Raises:
        UnsupportedError: it cannot be imported.
    """
    layer = reading.layer
    reader = LAYERS.get((layer.package, layer.kind))
    if reader is not None:
        return reader(reading)
    if is_code(layer):
        return _code(reading)
    known = {kind: None for package, kind in LAYERS if package == layer.package}
    what = f"fpgac does not import layers of the class {layer.kind}"
    raise UnsupportedError(what, advice(layer.kind, known))


def is_code(layer: KerasLayer) -> bool:
    """Whether a layer is program code of the file's author: a Lambda, or a class of its own."""
    return layer.kind == "Lambda" or all(package != layer.package for package, _ in LAYERS)


def _code(reading: Reading) -> str:
    """What code does, if it has been seen to do what one of the draft's steps does."""
    if reading.observed is None:
        raise _unseen(reading)
    steps = imitated(reading.observed)
    if steps is None:
        raise UnsupportedError(
            "its code was run, and does nothing that fpgac can build",
            "it may reshape, scale each channel, or be one of the imported functions, such as "
            "ReLU; else say it with Keras's own layers",
            "network.opaque-code",
        )
    name = reading.inputs[0]
    for what in steps:
        name = reading.add(what)
    return name


def _unseen(reading: Reading) -> UnsupportedError:
    """Code that did not run: nobody trusts it, or it reads more than one tensor."""
    layer = reading.layer
    hint = "say it with Keras's own layers, such as Rescaling or Multiply"
    if len(reading.inputs) != 1:
        what = "program code that reads several tensors"
        return UnsupportedError(what, hint, "network.opaque-code")
    hint += "; or --trust runs it, with all your rights: only if you trust its author"
    if layer.kind == "Lambda":
        what = "a Lambda layer holds program code, which is not executed"
        return UnsupportedError(what, hint, "network.code-in-file")
    own = f"{layer.package or 'of no package'}>{layer.kind}"
    return UnsupportedError(
        f"a class of its own, {own}, whose code is not executed", hint, "network.code-in-file"
    )


def activated(reading: Reading, name: str) -> str:
    """The step ``name``, followed by the layer's own activation."""
    for suffix, what in _activation(reading.config.get("activation"), reading):
        name = reading.add(what, name, suffix=f"_{suffix}")
    return name


def _activation(given: Any, reading: Reading) -> Iterator[tuple[str, What]]:
    """What an activation does, and what to call it; nothing if it is linear."""
    name = _function_name(given)
    if name in (None, "linear"):
        return
    if name in _FUNCTIONS:
        yield str(name), Function(_FUNCTIONS[str(name)])
    elif name == "leaky_relu":
        yield str(name), Function("leaky_relu", 0.2)
    elif str(name).isidentifier() and not isinstance(given, Mapping):
        known = dict.fromkeys(_FUNCTIONS)
        raise UnsupportedError(f"its activation, {name}, is not imported", advice(name, known))
    else:
        quantiser = parse(given)
        assert quantiser is not None
        yield quantiser.name.replace("quantized_", ""), activation_of(quantiser)


def _function_name(given: Any) -> str | None:
    """The name of one of Keras's functions; Keras 3 wraps it."""
    if isinstance(given, Mapping):
        inner = given.get("config")
        if given.get("class_name") == "function" and isinstance(inner, str):
            return inner
        return str(given.get("class_name"))
    return None if given is None else str(given)


@reads(*_NOTHING)
def _nothing(reading: Reading) -> str:
    return reading.inputs[0]


@reads("Activation", "QActivation")
def _activation_layer(reading: Reading) -> str:
    name = reading.inputs[0]
    for _, what in _activation(reading.config["activation"], reading):
        name = reading.add(what)
    return name


@reads("ReLU")
def _relu(reading: Reading) -> str:
    config = reading.config
    most, slope = config.get("max_value"), config.get("negative_slope") or 0.0
    reading.require("threshold", 0.0, 0, None)
    if most is not None and (most != 6 or slope):
        raise UnsupportedError(f"a ReLU up to {most}", "take max_value=6, or none")
    if slope:
        return reading.add(Function("leaky_relu", float(slope)))
    return reading.add(Function("relu" if most is None else "relu6"))


@reads("LeakyReLU")
def _leaky_relu(reading: Reading) -> str:
    slope = reading.config.get("negative_slope", reading.config.get("alpha", 0.3))
    return reading.add(Function("leaky_relu", float(slope)))


@reads("ELU")
def _elu(reading: Reading) -> str:
    reading.require("alpha", 1.0)
    return reading.add(Function("elu"))


@reads("PReLU")
def _prelu(reading: Reading) -> str:
    slopes = np.broadcast_to(reading.array(0), reading.shape).astype(np.float64)
    return reading.add(Prelu(Numbers(slopes)))


@reads("Softmax")
def _softmax(reading: Reading) -> str:
    reading.require("axis", -1, len(reading.shape))
    return reading.add(Function("softmax"))


def _learnt(reading: Reading, place: int, key: str) -> Numbers:
    """An array as the quantiser under ``key`` leaves it."""
    return quantised(parse(reading.config.get(key)), reading.array(place))


def _bias(reading: Reading, place: int) -> Numbers | None:
    if not reading.config.get("use_bias", True):
        return None
    quantiser = learnt_alone(parse(reading.config.get("bias_quantizer")))
    return quantised(quantiser, reading.array(place))


@reads("Dense", "QDense")
def _dense(reading: Reading) -> str:
    kernel = _learnt(reading, 0, "kernel_quantizer")
    return activated(reading, reading.add(over_places(kernel, _bias(reading, 1), reading.shape)))


def over_places(kernel: Numbers, bias: Numbers | None, shape: Shape) -> Sums:
    """A dense layer; over several axes it is a convolution with a kernel of 1."""
    axes = len(shape) - 1
    if not axes:
        return Sums("dense", kernel, bias)
    ones = (1,) * axes
    weights = kernel.values.reshape(*ones, *kernel.values.shape)
    return Sums("convolution", Numbers(weights, kernel.type), bias, ones)


def kernel_options(reading: Reading) -> tuple[tuple[int, ...], Padding]:
    ones = (1,) * (len(reading.shape) - 1)
    reading.require("data_format", "channels_last", None)
    reading.require("dilation_rate", ones, 1, (1,), (1, 1))
    strides = reading.config.get("strides", 1)
    steps = tuple(strides) if isinstance(strides, list | tuple) else (strides,) * len(ones)
    padding = reading.config.get("padding", "valid")
    if padding not in ("valid", "same"):
        raise UnsupportedError(f"its padding is {padding!r}", "'valid' or 'same'")
    return steps, padding


@reads("Conv1D", "Conv2D", "QConv1D", "QConv2D")
def _convolution(reading: Reading) -> str:
    reading.require("groups", 1)
    inputs, config = reading.inputs, dict(reading.config)
    if config.get("padding") == "causal":
        size = reading.array(0).shape[0]
        before = ZeroPadding(((size - 1, 0),))
        inputs = (reading.add(before, suffix="_padding"),)
        config["padding"] = "valid"
    reading = replace(reading, layer=replace(reading.layer, config=config), inputs=inputs)
    steps, padding = kernel_options(reading)
    kernel = _learnt(reading, 0, "kernel_quantizer")
    sums = Sums("convolution", kernel, _bias(reading, 1), steps, padding)
    return activated(reading, reading.add(sums))


def _by_channel(kernel: Numbers) -> Numbers:
    """A depthwise kernel without the axis of its multiplier.

    Raises:
        UnsupportedError: each channel has several filters.
    """
    if kernel.values.shape[-1] != 1:
        many = kernel.values.shape[-1]
        raise UnsupportedError(f"{many} filters for each channel", "take depth_multiplier=1")
    return Numbers(kernel.values[..., 0], kernel.type)


@reads("DepthwiseConv1D", "DepthwiseConv2D", "QDepthwiseConv2D")
def _depthwise(reading: Reading) -> str:
    steps, padding = kernel_options(reading)
    kernel = _by_channel(_learnt(reading, 0, "depthwise_quantizer"))
    sums = Sums("depthwise", kernel, _bias(reading, 1), steps, padding)
    return activated(reading, reading.add(sums))


@reads("SeparableConv1D", "SeparableConv2D", "QSeparableConv1D", "QSeparableConv2D")
def _separable(reading: Reading) -> str:
    steps, padding = kernel_options(reading)
    kernel = _by_channel(_learnt(reading, 0, "depthwise_quantizer"))
    first = reading.add(Sums("depthwise", kernel, None, steps, padding), suffix="_depthwise")
    mixing = _learnt(reading, 1, "pointwise_quantizer")
    ones = (1,) * len(steps)
    second = Sums("convolution", mixing, _bias(reading, 2), ones)
    return activated(reading, reading.add(second, first))


@reads("BatchNormalization")
def _normalisation(reading: Reading) -> str:
    axis = reading.config.get("axis", -1)
    last = len(reading.shape)
    if axis not in (-1, last, [-1], [last]):
        raise UnsupportedError(f"it normalises along the axis {axis}", "take axis=-1")
    return reading.add(scaling_of(reading, list(reading.arrays)))


def scaling_of(reading: Reading, arrays: list[Array]) -> Scaling:
    """What a batch normalisation does once it is trained.

    Raises:
        UnsupportedError: there are arrays missing.
    """
    config = reading.config
    has_scale, has_center = config.get("scale", True), config.get("center", True)
    if len(arrays) < 2 + has_scale + has_center:
        raise UnsupportedError("its weights are not in the file", code="network.no-weights")
    numbers = [array.astype(np.float64) for array in arrays]
    gamma = numbers.pop(0) if has_scale else 1.0
    beta = numbers.pop(0) if has_center else 0.0
    mean, variance = numbers[:2]
    factor = gamma / np.sqrt(variance + float(config.get("epsilon", 1e-3)))
    return Scaling(Numbers(factor), Numbers(beta - mean * factor))


@reads("Rescaling")
def _rescaling(reading: Reading) -> str:
    channels = reading.shape[-1]
    factor, shift = (
        np.broadcast_to(np.asarray(reading.config[key], np.float64), (channels,))
        for key in ("scale", "offset")
    )
    return reading.add(Scaling(Numbers(factor), Numbers(shift)))


@reads("Normalization")
def _data_normalisation(reading: Reading) -> str:
    reading.require("axis", -1, (-1,), (len(reading.shape),), None)
    reading.require("invert", False)
    config, channels = reading.config, reading.shape[-1]
    given = [config.get("mean"), config.get("variance")]
    numbers = reading.arrays[:2] if None in given else given
    mean, variance = (
        np.broadcast_to(np.asarray(each, np.float64).reshape(-1), (channels,)) for each in numbers
    )
    factor = 1 / np.maximum(np.sqrt(variance), 1e-7)
    return reading.add(Scaling(Numbers(factor), Numbers(-mean * factor)))


@reads(
    "MaxPooling1D",
    "MaxPooling2D",
    "AveragePooling1D",
    "AveragePooling2D",
    "QAveragePooling2D",
)
def _pooling(reading: Reading) -> str:
    reading.require("data_format", "channels_last", None)
    reading.require("average_quantizer", None)
    axes = len(reading.shape) - 1
    pool = _sizes(reading.config["pool_size"], axes)
    steps = _sizes(reading.config.get("strides") or pool, axes)
    sides: Sides | None = None
    if reading.config.get("padding", "valid") == "same":
        sides = tuple(pads(reading.shape, pool, steps))
    is_mean = "Average" in reading.layer.kind
    return activated(reading, add_pooling(reading.add, pool, steps, sides, is_mean=is_mean))


def add_pooling(
    add: Callable[[What], str],
    pool: Shape,
    steps: Shape,
    sides: Sides | None,
    *,
    is_mean: bool,
) -> str:
    """A pooling, in its simplest form."""
    margins = None if sides is None or not any(map(any, sides)) else sides
    return add(Pooling(pool, is_mean, None if steps == pool else steps, margins))


def _sizes(given: Any, axes: int) -> tuple[int, ...]:
    return tuple(given) if isinstance(given, list | tuple) else (int(given),) * axes


@reads(
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "QGlobalAveragePooling2D",
)
def _global_pooling(reading: Reading) -> str:
    reading.require("data_format", "channels_last", None)
    reading.require("average_quantizer", None)
    axes, is_mean = len(reading.shape) - 1, "Average" in reading.layer.kind
    name = reading.add(GlobalPooling(axes, is_mean))
    if reading.config.get("keepdims"):
        name = reading.add(Reshape((*(1,) * axes, reading.shape[-1])), name, suffix="_kept")
    return activated(reading, name)


@reads("Flatten")
def _flatten(reading: Reading) -> str:
    return reading.add(Flatten()) if len(reading.shape) > 1 else reading.inputs[0]


@reads("Reshape")
def _reshape(reading: Reading) -> str:
    wanted = [int(size) for size in reading.config["target_shape"]]
    known = prod(size for size in wanted if size > 0)
    shape = tuple(size if size > 0 else prod(reading.shape) // known for size in wanted)
    if not 1 <= len(shape) <= 3:
        raise UnsupportedError(f"a shape of {len(shape)} axes, {shape_text(shape)}", "1 to 3 axes")
    return reading.add(Reshape(shape))


@reads("Permute")
def _permute(reading: Reading) -> str:
    return reading.add(Permute(tuple(reading.config["dims"])))


def _margins(given: Any, axes: int) -> Sides:
    """Before and behind for each axis, however Keras says it."""
    if isinstance(given, int):
        return ((given, given),) * axes
    if axes == 1:
        return ((int(given[0]), int(given[1])),)
    return tuple(
        (side, side) if isinstance(side, int) else (int(side[0]), int(side[1])) for side in given
    )


@reads("ZeroPadding1D", "ZeroPadding2D")
def _zero_padding(reading: Reading) -> str:
    reading.require("data_format", "channels_last", None)
    axes = len(reading.shape) - 1
    return reading.add(ZeroPadding(_margins(reading.config["padding"], axes)))


@reads("Cropping1D", "Cropping2D")
def _cropping(reading: Reading) -> str:
    reading.require("data_format", "channels_last", None)
    axes = len(reading.shape) - 1
    return reading.add(Cropping(_margins(reading.config["cropping"], axes)))


@reads("UpSampling1D", "UpSampling2D")
def _upsampling(reading: Reading) -> str:
    reading.require("data_format", "channels_last", None)
    reading.require("interpolation", "nearest")
    axes = len(reading.shape) - 1
    return reading.add(Upsampling(_sizes(reading.config["size"], axes)))


@reads(*_MERGES)
def _merge(reading: Reading) -> str:
    if reading.layer.kind == "Average" and len(reading.inputs) > 2:
        raise UnsupportedError("the mean of more than two tensors", "take Add and Rescaling")
    operation = Merge(_MERGES[reading.layer.kind])
    return in_turn(reading.add, operation, reading.inputs)


@reads("Concatenate")
def _concatenate(reading: Reading) -> str:
    axis = int(reading.config.get("axis", -1))
    return in_turn(reading.add, Concatenate(axis), reading.inputs)


def in_turn(add: Callable[..., str], operation: Merge | Concatenate, inputs: Sequence[str]) -> str:
    """The first two merged, then their result with the next one, and so on; the last step has the
    layer's own name.
    """
    before, last = inputs[0], len(inputs) - 1
    for place, read in enumerate(inputs[1:], 1):
        suffix = "" if place == last else f"_{place}"
        before = add(operation, before, read, suffix=suffix)
    return before


@reads("TimeDistributed")
def _time_distributed(reading: Reading) -> str:
    inner = reading.config["layer"]
    kind = str(inner["class_name"])
    if kind not in _EACH_STEP:
        known = ", ".join(_EACH_STEP)
        raise UnsupportedError(f"{kind} for each step in time", f"fpgac imports {known} there")
    layer = KerasLayer(kind, reading.layer.name, inner["config"], reading.layer.weights)
    return read_layer(Reading(reading.draft, layer, reading.inputs, reading.is_new))


_EACH_STEP = ("Dense", "QDense", "Activation", "QActivation", "ReLU", "Dropout")


@reads("PruneLowMagnitude")
def _pruned(reading: Reading) -> str:
    inner = reading.config["layer"]
    config, kind = inner["config"], str(inner["class_name"])
    layer = KerasLayer(kind, str(config["name"]), config, reading.layer.weights)
    return read_layer(Reading(reading.draft, layer, reading.inputs, reading.is_new))
