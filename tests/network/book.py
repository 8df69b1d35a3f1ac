"""What a network must answer, worked out by the book: no integers, no program, no tables of types.

Numbers are fractions, which are exact whatever the formats, or floats, which are quicker and exact
as long as no sum has more than 53 bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from fpgac.network.network import Network
from fpgac.network.operation import Operation, Parameter
from fpgac.network.ops.arrangement import (
    Cropping,
    Flatten,
    Permute,
    Reshape,
    Upsampling,
    ZeroPadding,
)
from fpgac.network.ops.convolution import Convolution, Depthwise, Sweeping
from fpgac.network.ops.curve import Curve
from fpgac.network.ops.dense import Dense
from fpgac.network.ops.merge import Concatenate, Merge
from fpgac.network.ops.pooling import GlobalPooling, Pooling
from fpgac.network.ops.quantise import Quantise
from fpgac.network.ops.relu import Relu
from fpgac.network.ops.scale import Scale
from fpgac.network.ops.sloped import LeakyRelu, Prelu
from fpgac.network.ops.softmax import Argmax, Softmax
from fpgac.network.ops.squash import Squash
from fpgac.network.ops.thresholded import ThresholdedRelu
from fpgac.numbers import FixedPoint, IntArray
from fpgac.program.formats import Formats
from fpgac.spec.shapes import pads
from fpgac.tensors import Tensor
from tests.core.reference import overflowed, rounds_up

Numbers = Any  # arrays of fractions, or of floats; the first axis is that of the samples
Number = type[Fraction] | type[float]


def by_the_book(network: Network, words: IntArray, number: Number = float) -> Numbers:
    """Rows of answers to rows of raw words."""
    layout = network.input_layout
    known = {
        tensor.name: _numbers(tensor.type, words[:, columns], number).reshape(-1, *tensor.shape)
        for tensor, columns in layout.places
    }
    for node in network.nodes:
        inputs = [known[name] for name in node.inputs]
        known[node.name] = result(node.operation, network.read_by(node), inputs)
    ends = [known[output.node].reshape(len(words), -1) for output in network.outputs]
    return np.concatenate(ends, axis=1)


def result(  # noqa: PLR0911, PLR0912
    operation: Operation, tensors: Sequence[Tensor], inputs: Sequence[Numbers]
) -> Numbers:
    """What an operation gives of ``inputs``, whose tensors are ``tensors``.

    Every array has an axis for samples first.
    """
    x = inputs[0]
    match operation:
        case Dense():
            return x @ _like(x, operation, "weights") + _like(x, operation, "bias")
        case Convolution() | Depthwise():
            return _convolved(operation, x)
        case Relu(limit=limit):
            kept = np.maximum(x, 0)
            return on_grid(operation.grid, kept if limit is None else np.minimum(kept, limit))
        case Squash(function="sigmoid"):
            return on_grid(operation.grid, np.clip((x + 1) / 2, 0, 1))
        case Squash():
            return on_grid(operation.grid, np.clip(x, -1, 1))
        case LeakyRelu():
            below = x * type(_one(x))(operation.slope)
            return on_grid(operation.grid, np.where(x > 0, x, below))
        case Prelu():
            below = x * _like(x, operation, "slopes")
            return on_grid(operation.grid, np.where(x > 0, x, below))
        case ThresholdedRelu(threshold=threshold):
            return np.where(x > threshold, x, 0 * x)
        case Curve():
            return _curve(operation, x)
        case Quantise(to=FixedPoint() as to):
            return x if to == tensors[0].type else on_grid(to, x)
        case Quantise(to=Formats() as formats):
            return _on_grids(formats, x.reshape(len(x), -1)).reshape(x.shape)
        case Scale():
            return x * _like(x, operation, "factor") + _like(x, operation, "shift")
        case Pooling():
            return _pooled(operation, tensors[0], x)
        case GlobalPooling():
            places = x.reshape(len(x), -1, x.shape[-1])
            if not operation.is_mean:
                return places.max(axis=1)
            return _mean(list(np.moveaxis(places, 1, 0)), tensors[0], places.shape[1])
        case Flatten():
            return x.reshape(len(x), -1)
        case Reshape():
            return x.reshape(len(x), *operation.to)
        case Permute():
            return x.transpose(0, *operation.order)
        case ZeroPadding():
            return np.pad(x, [(0, 0), *operation.sides, (0, 0)])
        case Cropping():
            sizes = zip(x.shape[1:], operation.sides, strict=False)
            return x[:, *(slice(before, size - behind) for size, (before, behind) in sizes)]
        case Upsampling():
            for axis, factor in enumerate(operation.factors, start=1):
                x = x.repeat(factor, axis)
            return x
        case Merge():
            return _MERGES[operation.function](*inputs)
        case Concatenate():
            return np.concatenate(inputs, operation.axis)
        case Argmax():
            return (x.argmax(axis=1)[:, None] == np.arange(x.shape[1])) * _one(x)
        case Softmax():
            return _softmax(operation, x)
    raise TypeError(f"the book does not know {operation}")


_MERGES: dict[str, Callable[[Numbers, Numbers], Numbers]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "average": lambda a, b: (a + b) / 2,
    "maximum": np.maximum,
    "minimum": np.minimum,
}


def on_grid(to: FixedPoint, x: Numbers) -> Numbers:
    """As numbers of the type, by its own modes."""
    one = _one(x)
    words = x * (2 * one) ** to.fraction
    whole = np.floor(words)
    up = rounds_up(to.rounding, words, whole, words - whole, one / 2)
    return (overflowed(whole + up, to) * (2 * one) ** -to.fraction).astype(x.dtype)


def _on_grids(formats: Formats, x: Numbers) -> Numbers:
    """Each column as numbers of its own type, or zero."""
    types = [formats.types[index] for index in formats.index]
    columns = [on_grid(to, x[:, at]) if to else 0 * x[:, at] for at, to in enumerate(types)]
    return np.stack(columns, axis=1)


def _one(x: Numbers) -> Any:
    return Fraction(1) if x.dtype == object else 1.0


def _numbers(type_: FixedPoint, words: IntArray, number: Number) -> Numbers:
    dtype = object if number is Fraction else np.float64
    return words.astype(dtype) * number(2) ** -type_.fraction


def _like(x: Numbers, operation: Operation, name: str) -> Numbers:
    """The numbers of a parameter, fractions where ``x`` is made of them."""
    parameter: Parameter = operation.parameters[name]
    return _numbers(parameter.type, parameter.words, type(_one(x)))


def _convolved(operation: Sweeping, x: Numbers) -> Numbers:
    """Each place of the kernel in turn, over all places where the kernel lies."""
    weights, bias = _like(x, operation, "weights"), _like(x, operation, "bias")
    shape, steps, kernel = x.shape[1:], operation.strides, operation.kernel
    sides = [(0, 0)] * len(kernel)
    if operation.padding == "same":
        sides = pads(shape, kernel, steps)
    padded = np.pad(x, [(0, 0), *sides, (0, 0)])
    sizes = zip(padded.shape[1:], kernel, steps, strict=False)
    places = [(size - reach) // step + 1 for size, reach, step in sizes]
    total = bias
    for offset in product(*map(range, kernel)):
        corners = zip(offset, places, steps, strict=True)
        seen = padded[:, *(slice(o, o + (n - 1) * step + 1, step) for o, n, step in corners)]
        kind = isinstance(operation, Depthwise)
        total = total + (seen * weights[offset] if kind else seen @ weights[offset])
    return total


def _pooled(operation: Pooling, tensor: Tensor, x: Numbers) -> Numbers:
    """Each pool by itself; places beside the image do not count."""
    places = operation.shape(tensor.shape)[:-1]
    out = np.empty((len(x), *places, x.shape[-1]), x.dtype)
    windows = [
        [
            [p * step - before + o for o in range(size) if 0 <= p * step - before + o < whole]
            for p in range(count)
        ]
        for count, step, (before, _), size, whole in zip(
            places,
            operation.steps_of_pools,
            operation.margins,
            operation.pool,
            tensor.shape,
            strict=False,
        )
    ]
    most = max(math.prod(map(len, pool)) for pool in product(*windows))
    for at in product(*map(range, places)):
        pool = [
            x[:, *place] for place in product(*(w[p] for w, p in zip(windows, at, strict=True)))
        ]
        out[:, *at] = _mean(pool, tensor, most) if operation.is_mean else np.max(pool, axis=0)
    return out


def _mean(numbers: Sequence[Numbers], tensor: Tensor, most: int) -> Numbers:
    """The mean, with as many bits more as ``most`` numbers need where it is exact; cut off."""
    one = _one(numbers[0])
    fraction = tensor.type.fraction + most.bit_length() - 1
    words = sum(numbers) * (2 * one) ** fraction / len(numbers)
    return np.where(words < 0, np.ceil(words), np.floor(words)) * (2 * one) ** -fraction


# Each with what its table spans.
_CURVES: dict[str, tuple[Callable[[float], float], int]] = {
    "true_sigmoid": (lambda x: 1 / (1 + math.exp(-x)), 16),
    "true_tanh": (math.tanh, 8),
    "softplus": (lambda x: math.log(math.exp(x) + 1), 16),
    "softsign": (lambda x: x / (abs(x) + 1), 16),
}


def _curve(operation: Curve, x: Numbers) -> Numbers:
    """The function of the number, or of the nearest one towards zero that the table has."""
    size = 2**operation.table_bits
    if operation.function == "elu":
        place = np.clip(np.trunc(x * size / 8), 1 - size, 0)
        below = np.vectorize(math.exp)(place * 8 / size) - 1
        return on_grid(operation.grid, np.where(x > 0, x, below))
    function, span = _CURVES[operation.function]
    place = np.clip(np.trunc(x * size / span), -size // 2, size // 2 - 1)
    return on_grid(operation.grid, np.vectorize(function)(place * span / size))


def _softmax(operation: Softmax, x: Numbers) -> Numbers:
    """Exponentials and one over their sum, each rounded as the tables' entries are."""
    tables = operation.tables(x.shape[1])
    below = _half_up(operation.distance, x.max(axis=1, keepdims=True) - x)
    powers = _half_up(tables.exponential, np.float32(np.vectorize(math.exp)(-below)))
    total = _half_up(tables.total, powers.sum(axis=1, keepdims=True))
    return _half_up(operation.result, powers * _half_up(tables.inverse, 1 / np.float32(total)))


def _half_up(to: FixedPoint, x: Numbers) -> Numbers:
    words = np.floor(np.asarray(x, np.float64) * 2.0**to.fraction + 0.5)
    return np.clip(words, to.lowest, to.highest) * 2.0**-to.fraction
