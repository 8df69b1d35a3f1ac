"""What a network's numbers mean: a function for each kind of decoding.

The C++ hosts and fpgac do the same operations of float64 in the same order, none left to a library
whose rounding differs between machines, so that all of them give the same bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

__all__ = ["argmax", "exponential", "linear", "sigmoid", "softmax"]

LN_2 = 0.6931471805599453
LOG_E = (1.4426950216293335, 1.9259629834540223e-08)  # log2 of e: 24 bits, and the rest
LARGEST_EXPONENT = 1100.0  # powers of 2 beyond are infinite, or zero
TERMS = 13  # what is left out of the series is below the last bit


def power_of_two(high: Array, low: Array) -> Array:
    """2 to the power of ``high + low``, where ``low`` is small."""
    high = np.clip(high, -LARGEST_EXPONENT, LARGEST_EXPONENT)
    whole = np.rint(high)
    rest = ((high - whole) + np.clip(low, -1.0, 1.0)) * LN_2
    series = np.ones_like(rest)
    for term in range(TERMS, 0, -1):
        series = 1.0 + series * rest / term
    return np.ldexp(series, whole.astype(np.int32))


def exp(y: Array) -> Array:
    """E to the power of ``y``."""
    high, low = LOG_E
    return power_of_two(y * high, y * low)


def exponential(y: Array, high: float, low: float, factor: float) -> Array:
    """``factor * base ** y``, where log2 of the base is ``high + low``."""
    return factor * power_of_two(y * high, y * low)


def linear(y: Array, factor: Any, offset: Any) -> Array:
    """``factor * y + offset``, each a number, or one for each of a sample's."""
    return np.asarray(y.reshape(len(y), -1) * factor + offset).reshape(y.shape)


def sigmoid(y: Array) -> Array:
    """Probabilities."""
    return np.asarray(1.0 / (1.0 + exp(-y)))


def softmax(y: Array) -> Array:
    """Probabilities of the classes on the last axis."""
    raised = exp(y - y.max(axis=-1, keepdims=True))
    sums = np.cumsum(raised, axis=-1)[..., -1:]  # in the order of the classes
    return np.asarray(raised / sums)


def argmax(y: Array) -> Array:
    """The number of the most probable class on the last axis, from 0."""
    return np.asarray(y.argmax(axis=-1))
