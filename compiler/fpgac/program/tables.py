"""The tables of hls4ml's activations, with the very words that its C++ fills them with.

The C++ computes in single precision with the C library's functions; so do these, for the last bit
of a table's entry may depend on it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from functools import cache, partial

import numpy as np
import numpy.typing as npt

from fpgac.numbers import FixedPoint, IntArray
from fpgac.program.words import words_of

__all__ = [
    "FUNCTIONS",
    "exponentials",
    "inverse_roots",
    "inverses",
    "inverses_from_zero",
    "table_of",
]

Singles = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


@cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL("libm.so.6")


def _each(name: str, number: type[ctypes.c_float | ctypes.c_double], x: Doubles) -> Doubles:
    """A function of the C library, element by element."""
    function = getattr(_library(), name)
    function.argtypes, function.restype = (number,), number
    return np.array([function(value) for value in x.tolist()], np.float64)


_expf = partial(_each, "expf", ctypes.c_float)
_tanhf = partial(_each, "tanhf", ctypes.c_float)
_log = partial(_each, "log", ctypes.c_double)


def _sigmoid(x: Doubles) -> Doubles:
    return 1.0 / (1.0 + _expf(-x)).astype(np.float32).astype(np.float64)


def _softplus(x: Doubles) -> Doubles:
    return _log(_expf(x) + 1.0)


def _softsign(x: Doubles) -> Doubles:
    return x / (np.abs(x) + 1.0)


def _elu(x: Doubles) -> Doubles:
    return _expf(x) - 1.0


def _selu(x: Doubles) -> Doubles:
    return 1.0507009873554804934193349852946 * (
        1.6732632423543772848170429916717 * (_expf(x) - 1.0)
    )


# Each with what its table spans, and where in the table zero lies.
FUNCTIONS: Mapping[str, tuple[Callable[[Doubles], Doubles], float, float]] = {
    "exponential": (_expf, 16.0, 0.5),
    "sigmoid": (_sigmoid, 16.0, 0.5),
    "tanh": (_tanhf, 8.0, 0.5),
    "softplus": (_softplus, 16.0, 0.5),
    "softsign": (_softsign, 16.0, 0.5),
    "elu": (_elu, -8.0, 0.0),
    "selu": (_selu, -8.0, 0.0),
}


def table_of(name: str, size: int, to: FixedPoint) -> IntArray:
    """The words of the table of a function of :data:`FUNCTIONS`, shape (size,), int64."""
    function, span, zero = FUNCTIONS[name]
    places = span * (np.arange(size) - size * zero) / size
    return words_of(_single(function(_single(places))), to)


def exponentials(numbers: Singles, to: FixedPoint) -> IntArray:
    """The exponentials of single-precision numbers, as words."""
    return words_of(_expf(numbers.astype(np.float64)), to)


def inverses(numbers: Doubles, to: FixedPoint) -> IntArray:
    """One over single-precision numbers, as words; over zero it is infinite."""
    with np.errstate(divide="ignore"):
        return words_of(_single(np.float32(1.0) / numbers.astype(np.float32)), to)


def inverses_from_zero(size: int, span: float, to: FixedPoint) -> IntArray:
    """One over numbers from zero up to ``span``, shape (size,), as words; over zero it is zero."""
    numbers = _single(span * np.arange(size) / size)
    quotients = np.divide(1.0, numbers, out=np.zeros(size), where=numbers > 0)
    return words_of(quotients, to)


def inverse_roots(size: int, first: float, span: float, to: FixedPoint) -> IntArray:
    """One over the roots of numbers from ``first`` on, up to ``span`` more, as words."""
    step = np.float32(span) / np.float32(size)
    numbers = np.float32(first) + step * np.arange(size).astype(np.float32)
    return words_of(1.0 / np.sqrt(numbers).astype(np.float64), to)


def _single(numbers: Doubles | Singles) -> Doubles:
    """Rounded to single precision."""
    return numbers.astype(np.float32).astype(np.float64)
