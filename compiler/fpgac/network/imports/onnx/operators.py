"""Each of ONNX's operators, as steps of a draft."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.network.imports.advice import advice
from fpgac.network.imports.draft import (
    Function,
    FunctionName,
    Numbers,
    Prelu,
    Scaling,
    Sums,
    UnsupportedError,
    What,
)
from fpgac.network.imports.keras.layers import over_places
from fpgac.network.imports.numbers import exact_type
from fpgac.network.imports.onnx.graph import Call, View
from fpgac.network.imports.onnx.integers import clip_integers, dequantise, quantise_linear
from fpgac.network.imports.onnx.quantisers import quantise
from fpgac.network.ops.arrangement import Flatten, Reshape, Upsampling, ZeroPadding
from fpgac.network.ops.merge import Concatenate, Merge
from fpgac.network.ops.pooling import GlobalPooling, Pooling
from fpgac.spec.shapes import Padding, Shape, Sides, pads

__all__ = ["OPERATORS", "read_node"]

Floats = npt.NDArray[np.float64]
Reader = Callable[[Call], None]

# Beyond so many bits, constants that are factors count as floats.
_MOST_FACTOR_BITS = 18

_FUNCTIONS: Mapping[str, FunctionName] = {
    "Relu": "relu",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Softplus": "softplus",
    "Softsign": "softsign",
}
_MERGES: Mapping[str, Any] = {
    "Add": "add",
    "Sum": "add",
    "Sub": "subtract",
    "Mul": "multiply",
    "Max": "maximum",
    "Min": "minimum",
}

OPERATORS: dict[str, Reader] = {}


def reads(*kinds: str) -> Callable[[Reader], Reader]:
    """Registers what reads these operators."""

    def register(reader: Reader) -> Reader:
        OPERATORS.update(dict.fromkeys(kinds, reader))
        return reader

    return register


def read_node(call: Call) -> None:
    """Put a node into the draft.

    Raises:
        UnsupportedError: it cannot be imported.
    """
    if call.kind not in OPERATORS:
        domain = f"{call.node.domain}::" if call.node.domain else ""
        what = f"fpgac does not import the operator {domain}{call.kind}"
        raise UnsupportedError(what, advice(call.kind, OPERATORS))
    OPERATORS[call.kind](call)


@reads("Identity", "Dropout", "Cast")
def _nothing(call: Call) -> None:
    call.graph.views[call.output] = call.view(0)


@reads("Quant", "IntQuant")
def _quant(call: Call) -> None:
    view = call.view(0)
    shape = call.draft_shape(view)
    assert shape is not None
    call.give(call.add(quantise(call, shape, view.axes), view.name), view.axes)


@reads(*_FUNCTIONS)
def _function(call: Call) -> None:
    _elementwise(call, Function(_FUNCTIONS[call.kind]))


def _elementwise(call: Call, what: What) -> None:
    view = call.view(0)
    call.give(call.add(what, view.name), view.axes)


@reads("LeakyRelu")
def _leaky_relu(call: Call) -> None:
    _elementwise(call, Function("leaky_relu", float(call.attributes.get("alpha", 0.01))))


@reads("Elu")
def _elu(call: Call) -> None:
    call.require("alpha", 1.0)
    _elementwise(call, Function("elu"))


@reads("PRelu")
def _prelu(call: Call) -> None:
    view = call.view(0)
    slopes = _spread(call, call.constant(1).values, view)
    call.give(call.add(Prelu(Numbers(slopes)), view.name), view.axes)


@reads("QuantizeLinear")
def _quantise_linear(call: Call) -> None:
    quantise_linear(call)


@reads("DequantizeLinear")
def _dequantise_linear(call: Call) -> None:
    dequantise(call)


@reads("Clip")
def _clip(call: Call) -> None:
    least, most = (_bound(call, place, key) for place, key in ((1, "min"), (2, "max")))
    if call.name(0) in call.graph.integers:
        clip_integers(call, (least, most))
        return
    if least == 0 and most in (None, 6):
        _elementwise(call, Function("relu" if most is None else "relu6"))
        return
    raise UnsupportedError(f"it clips from {least} to {most}", "ReLU, or ReLU6")


def _bound(call: Call, place: int, key: str) -> float | None:
    if call.name(place):
        bound = float(call.constant(place).values.reshape(()))
    elif key in call.attributes:
        bound = float(call.attributes[key])
    else:
        return None
    return None if abs(bound) > 1e30 else bound


@reads("Softmax")
def _softmax(call: Call) -> None:
    view = call.view(0)
    call.require("axis", 1, -1)
    name = call.plain(view)
    call.give(call.add(Function("softmax"), name))


@reads("MatMul")
def _matmul(call: Call) -> None:
    view = call.view(0)
    weights = call.constant(1)
    if weights.values.ndim != 2:
        raise UnsupportedError(f"it multiplies with {weights.values.ndim} axes", "2 axes")
    name = call.plain(view)
    call.give(call.add(over_places(_floats(weights), None, call.shape(view)), name))


@reads("Gemm")
def _gemm(call: Call) -> None:
    call.require("transA", 0)
    alpha, beta = (float(call.attributes.get(key, 1.0)) for key in ("alpha", "beta"))
    weights = _floats(call.constant(1))
    if call.attributes.get("transB", 0):
        weights = Numbers(weights.values.T, weights.type)
    bias = _floats(call.constant(2)) if call.name(2) else None
    if bias is not None:
        outputs = weights.values.shape[-1]
        row = np.broadcast_to(bias.values.reshape(-1), (outputs,))
        bias = _times(Numbers(row, bias.type), beta)
    sums = Sums("dense", _times(weights, alpha), bias)
    call.give(call.add(sums, call.plain(call.view(0))))


def _floats(numbers: Numbers) -> Numbers:
    return Numbers(numbers.values.astype(np.float64), numbers.type)


def _times(numbers: Numbers, factor: float) -> Numbers:
    return numbers if factor == 1 else Numbers(numbers.values * factor)


@reads("Conv")
def _convolution(call: Call) -> None:
    call.require("group", 1, _channels(call))
    kernel, name = _floats(call.constant(1)), _image(call)
    axes = kernel.values.ndim - 2
    call.require("dilations", None, [1] * axes)
    groups = int(call.attributes.get("group", 1))
    shape = call.graph.drafting.shape(name)
    assert shape is not None
    size = kernel.values.shape[1:-1] if _is_last(call) else kernel.values.shape[2:]
    steps = tuple(call.attributes.get("strides", [1] * axes))
    sides = _sides(call, shape, size, steps)
    padding: Padding = "valid"
    if any(map(any, sides)) and list(sides) == pads(shape, size, steps):
        padding = "same"
    elif any(map(any, sides)):
        name = call.add(ZeroPadding(sides), name, suffix="_padding")
    bias = _floats(call.constant(2)) if call.name(2) else None
    # From (filters, channels, *kernel) to (*kernel, channels, filters).
    axes_of = (-1, 0) if _is_last(call) else (1, 0)
    moved = np.moveaxis(kernel.values, axes_of, (-2, -1))
    sums = Sums("convolution", Numbers(moved, kernel.type), bias, steps, padding)
    _give_image(call, call.add(sums if groups == 1 else _depthwise(sums, groups), name))


def _depthwise(sums: Sums, groups: int) -> Sums:
    """The sums of each channel by itself, whose kernels have one channel."""
    kernel = sums.weights
    if kernel.values.shape[-1] != groups:
        raise UnsupportedError("it has several filters for each group of channels")
    return replace(sums, kind="depthwise", weights=Numbers(kernel.values[..., 0, :], kernel.type))


def _channels(call: Call) -> int:
    view = call.view(0)
    shape = call.shape(view)
    return shape[-1] if _is_last(call) else shape[0]


def _is_last(call: Call) -> bool:
    """Whether the operator is QONNX's own, with the channels last."""
    return str(call.node.domain).endswith("channels_last")


def _image(call: Call) -> str:
    """The step that gives the first input with the channels last."""
    view = call.view(0)
    return call.plain(view) if _is_last(call) else call.channels_last(view)


def _give_image(call: Call, name: str) -> None:
    if _is_last(call):
        call.give(name)
    else:
        call.give_channels_last(name)


def _sides(call: Call, shape: Shape, size: Sequence[int], steps: Sequence[int]) -> Sides:
    """How much padding stands before and behind, for each axis of space.

    Raises:
        UnsupportedError: fpgac does not know the kind of padding.
    """
    automatic = call.attributes.get("auto_pad", "NOTSET")
    axes = len(size)
    if automatic == "SAME_UPPER":
        return tuple(pads(shape, size, steps))
    if automatic == "SAME_LOWER":
        return tuple((behind, before) for before, behind in pads(shape, size, steps))
    if automatic not in ("NOTSET", "VALID"):
        raise UnsupportedError(f"it has auto_pad={automatic!r}")
    given = call.attributes.get("pads", [0] * 2 * axes)
    return tuple(zip(given[:axes], given[axes:], strict=True))


@reads("BatchNormalization")
def _normalisation(call: Call) -> None:
    gamma, beta, mean, variance = (
        call.constant(place).values.astype(np.float64) for place in range(1, 5)
    )
    factor = gamma / np.sqrt(variance + float(call.attributes.get("epsilon", 1e-5)))
    _scale(call, Scaling(Numbers(factor), Numbers(beta - mean * factor)))


def _scale(call: Call, scaling: Scaling) -> None:
    """A factor and a shift for each of ONNX's channels, its first axis."""
    view = call.view(0)
    if len(view.axes) == 1:
        call.give(call.add(scaling, view.name))
    else:
        call.give_channels_last(call.add(scaling, call.channels_last(view)))


def _spread(call: Call, values: npt.NDArray[Any], view: View) -> Floats:
    """Constants for each number of the step behind ``view``.

    Raises:
        UnsupportedError: they do not fit its shape.
    """
    shape = call.shape(view)
    try:
        whole = np.broadcast_to(values.astype(np.float64), (1, *shape))[0]
    except ValueError:
        raise UnsupportedError(
            f"its constant of shape {values.shape} does not fit {shape}"
        ) from None
    return np.asarray(whole.transpose(view.order), np.float64)


@reads("Add", "Sub", "Mul", "Div", "Max", "Min", "Sum")
def _arithmetic(call: Call) -> None:
    if len(call.node.input) == 2 and (call.is_constant(0) or call.is_constant(1)):
        _with_constant(call)
    else:
        _merge(call)


def _with_constant(call: Call) -> None:
    place = 1 if call.is_constant(1) else 0
    view, constant = call.view(1 - place), call.constant(place)
    if call.kind not in ("Add", "Sub", "Mul", "Div") or (call.kind == "Div" and place == 0):
        raise UnsupportedError(f"{call.kind} with a constant", "Add or Mul with a constant")
    values = _spread(call, constant.values, view)
    rows = values.reshape(-1, values.shape[-1])
    if (rows != rows[0]).any():
        raise UnsupportedError(
            f"{call.kind} with a constant for each number", "one for each channel, or for all"
        )
    if call.kind == "Add" and _is_bias(call, view):
        call.graph.drafting.add_bias(view.name, Numbers(rows[0], constant.type), call.output)
        call.graph.views[call.output] = view
        return
    factor, shift = _factor_and_shift(call.kind, place, rows[0])
    scaling = Scaling(_factor(factor, None), _factor(shift, constant.type))
    call.give(call.add(scaling, view.name), view.axes)


def _factor_and_shift(kind: str, place: int, row: Floats) -> tuple[Floats, Floats]:
    """What an operator with a constant does; ``place`` is which of its operands that is."""
    ones, zeros = np.ones(len(row)), np.zeros(len(row))
    match kind:
        case "Add":
            return ones, row
        case "Sub":
            return (-ones, row) if place == 0 else (ones, -row)
        case "Mul":
            return row, zeros
    return 1 / row, zeros


def _factor(values: Floats, type_: Any) -> Numbers:
    """Constants as what they are where few bits hold them, else as floats."""
    exact = type_ or exact_type(values)
    narrow = exact is not None and exact.width <= _MOST_FACTOR_BITS
    return Numbers(values, exact if narrow else None)


def _is_bias(call: Call, view: View) -> bool:
    """Whether what is added can be the bias of the sums before, which nothing else reads."""
    read = next(name for name in call.node.input if name not in call.graph.constants)
    return call.graph.readers[read] == 1 and call.graph.drafting.has_no_bias(view.name)


def _merge(call: Call) -> None:
    if call.kind not in _MERGES:
        raise UnsupportedError(f"{call.kind} of two tensors", "Mul, or a layer before it")
    views = [call.view(place) for place in range(len(call.node.input))]
    first = views[0]
    names = [first.name]
    for view in views[1:]:
        same = view.axes == first.axes
        names.append(view.name if same else _as(call, view, first))
    _in_turn(call, Merge(_MERGES[call.kind]), names, first.axes)


def _as(call: Call, view: View, other: View) -> str:
    """The step that gives ``view`` with its axes as ``other`` has them."""
    return call.ordered(view, other.order)


def _in_turn(
    call: Call, operation: Merge | Concatenate, names: Sequence[str], axes: tuple[int, ...]
) -> None:
    before = names[0]
    for place, name in enumerate(names[1:], 1):
        suffix = "" if place == len(names) - 1 else f"_{place}"
        before = call.add(operation, before, name, suffix=suffix)
    call.give(before, axes)


@reads("Concat")
def _concatenate(call: Call) -> None:
    views = [call.view(place) for place in range(len(call.node.input))]
    first = views[0]
    axis = int(call.attributes["axis"])
    axis = axis - 1 if axis > 0 else len(first.axes) + axis
    names = [v.name if v.axes == first.axes else _as(call, v, first) for v in views]
    _in_turn(call, Concatenate(first.axes[axis] + 1), names, first.axes)


@reads("MaxPool", "AveragePool")
def _pooling(call: Call) -> None:
    name = _image(call)
    shape = call.graph.drafting.shape(name)
    assert shape is not None
    size = tuple(call.attributes["kernel_shape"])
    call.require("dilations", None, [1] * len(size))
    call.require("ceil_mode", 0)
    steps = tuple(call.attributes.get("strides", [1] * len(size)))
    sides = _sides(call, shape, size, steps)
    is_mean = call.kind == "AveragePool"
    margins: Sides | None = sides if any(map(any, sides)) else None
    if is_mean and margins and call.attributes.get("count_include_pad", 0):
        name, margins = call.add(ZeroPadding(sides), name, suffix="_padding"), None
    pooling = Pooling(size, is_mean, None if steps == size else steps, margins)
    _give_image(call, call.add(pooling, name))


@reads("GlobalMaxPool", "GlobalAveragePool")
def _global_pooling(call: Call) -> None:
    name = _image(call)
    shape = call.graph.drafting.shape(name)
    assert shape is not None
    pooled = call.add(GlobalPooling(len(shape) - 1, "Average" in call.kind), name)
    kept = (*(1,) * (len(shape) - 1), shape[-1])
    call.give_channels_last(call.add(Reshape(kept), pooled, suffix="_kept"))


@reads("ReduceMean")
def _mean(call: Call) -> None:
    view = call.view(0)
    count = len(view.axes)
    given = call.attributes.get("axes")
    if given is None and call.name(1):
        given = call.constant(1).values.tolist()
    axes = sorted(axis % (count + 1) for axis in given or ())
    if count < 2 or axes != list(range(2, count + 1)):
        raise UnsupportedError(f"the mean along the axes {given}", "GlobalAveragePool")
    name = call.add(GlobalPooling(count - 1, True), call.channels_last(view))
    if not call.attributes.get("keepdims", 1):
        call.give(name)
        return
    shape = call.graph.drafting.shape(name)
    assert shape is not None
    call.give_channels_last(call.add(Reshape((*(1,) * (count - 1), *shape)), name, suffix="_kept"))


@reads("Flatten")
def _flatten(call: Call) -> None:
    # With one sample at a time, as some exporters have it, axis 0 makes the same of it.
    call.require("axis", 1, 0)
    view = call.view(0)
    name = call.plain(view)
    call.give(call.add(Flatten(), name) if len(view.axes) > 1 else name)


@reads("Reshape", "Squeeze", "Unsqueeze")
def _reshape(call: Call) -> None:
    view = call.view(0)
    shape = call.shape(view)
    wanted = _wanted(call, shape)
    if wanted == shape:
        call.graph.views[call.output] = view
        return
    if not 1 <= len(wanted) <= 3:
        raise UnsupportedError(f"a shape of {len(wanted)} axes, {wanted}", "1 to 3 axes")
    what = Flatten() if len(wanted) == 1 else Reshape(wanted)
    call.give(call.add(what, call.plain(view)))


def _wanted(call: Call, shape: Shape) -> Shape:
    """The shape that is asked for, the samples' axis not counted."""
    if call.kind == "Reshape":
        given = [int(size) for size in call.constant(1).values.reshape(-1)]
        sizes = [shape[place - 1] if size == 0 else size for place, size in enumerate(given)][1:]
        known = prod(size for size in sizes if size > 0)
        return tuple(size if size > 0 else prod(shape) // known for size in sizes)
    axes: list[int] = list(call.attributes.get("axes") or ())
    if call.name(1):
        axes = call.constant(1).values.reshape(-1).tolist()
    whole = [1, *shape]
    if call.kind == "Squeeze":
        gone = {axis % len(whole) for axis in axes} or _ones(shape)
        return tuple(size for axis, size in enumerate(whole) if axis and axis not in gone)
    count = len(whole) + len(axes)
    for axis in sorted(axis % count for axis in axes):
        if axis == 0:
            raise UnsupportedError("an axis before that of the samples")
        whole.insert(axis, 1)
    return tuple(whole[1:])


def _ones(shape: Shape) -> set[int]:
    return {axis for axis, size in enumerate(shape, 1) if size == 1}


@reads("Transpose")
def _transpose(call: Call) -> None:
    view = call.view(0)
    order = call.attributes.get("perm") or list(range(len(view.axes) + 1))[::-1]
    if order[0] != 0:
        raise UnsupportedError("it moves the samples' axis")
    axes = tuple(view.axes[axis - 1] for axis in order[1:])
    call.graph.views[call.output] = View(view.name, axes)


@reads("Pad")
def _pad(call: Call) -> None:
    mode = call.attributes.get("mode", "constant")
    given = call.attributes.get("pads")
    if given is None:
        given = call.constant(1).values.reshape(-1).tolist()
    value = call.attributes.get("value", 0.0)
    if call.name(2):
        value = float(call.constant(2).values.reshape(()))
    count = len(given) // 2
    sides = list(zip(given[:count], given[count:], strict=True))
    if mode != "constant" or value or any(sides[0]) or any(sides[1]):
        raise UnsupportedError("it pads with other than zeros, or along other axes than space's")
    name = call.add(ZeroPadding(tuple((int(a), int(b)) for a, b in sides[2:])), _image(call))
    _give_image(call, name)


@reads("Resize", "Upsample")
def _resize(call: Call) -> None:
    call.require("mode", "nearest")
    call.require("coordinate_transformation_mode", "asymmetric", "half_pixel")
    given = call.attributes.get("scales")
    if given is None:
        place = 1 if call.kind == "Upsample" or len(call.node.input) == 2 else 2
        given = call.constant(place).values.reshape(-1).tolist()
    factors = [int(scale) for scale in given]
    is_last = len(factors) > 2 and factors[1] != 1 and factors[-1] == 1
    rest = factors[1:-1] if is_last else factors[2:]
    channels = factors[-1] if is_last else factors[1]
    if factors != list(given) or min(factors) < 1 or factors[0] != 1 or channels != 1:
        raise UnsupportedError(f"it resizes by {given}", "whole factors along the axes of space")
    view = call.view(0)
    if is_last:
        call.give(call.add(Upsampling(tuple(rest)), call.plain(view)))
    else:
        call.give_channels_last(call.add(Upsampling(tuple(rest)), call.channels_last(view)))
