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
from fpgac.network.ops.dense import Dense
from fpgac.network.ops.merge import Concatenate, Merge
from fpgac.network.ops.pooling import GlobalPooling, Pooling
from fpgac.network.ops.relu import Relu
from fpgac.network.ops.sloped import LeakyRelu, Prelu
from fpgac.network.ops.softmax import Argmax, Softmax
from fpgac.network.ops.squash import Squash
from fpgac.numbers import FixedPoint, IntArray
from fpgac.spec.shapes import pads

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
        known[node.name] = result(node.operation, [known[name] for name in node.inputs])
    ends = [known[output.node].reshape(len(words), -1) for output in network.outputs]
    return np.concatenate(ends, axis=1)


def result(operation: Operation, inputs: Sequence[Numbers]) -> Numbers:  # noqa: PLR0911, PLR0912
    """What an operation gives; every array has an axis for samples first."""
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
        case Pooling():
            return _pooled(operation.pool, x, np.mean if operation.is_mean else np.max)
        case GlobalPooling():
            flat = x.reshape(len(x), -1, x.shape[-1])
            return flat.mean(axis=1) if operation.is_mean else flat.max(axis=1)
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
    """To the nearest of the type's numbers, of two equally near ones to the even one; saturated."""
    one = _one(x)
    words = np.frompyfunc(round, 1, 1)(x * (2 * one) ** to.fraction)
    return (np.clip(words, to.lowest, to.highest) * (2 * one) ** -to.fraction).astype(x.dtype)


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


def _pooled(pool: tuple[int, ...], x: Numbers, of: Callable[..., Numbers]) -> Numbers:
    space = x.shape[1:-1]
    sides = [
        size for whole, side in zip(space, pool, strict=True) for size in (whole // side, side)
    ]
    inside = tuple(range(2, 2 * len(pool) + 1, 2))
    return of(x.reshape(len(x), *sides, x.shape[-1]), axis=inside)


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
