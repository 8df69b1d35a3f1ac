"""What a network's numbers mean: the last step of ``predict``, after the chip has answered.

A decoding is written as a call, such as ``exponential(base=2, factor=16)``, in a spec and in the
contract. Each kind is a function of that name here, in the runtime of Python hosts and in the
headers of C++ hosts. All of them do the same operations of float64 in the same order, none left to
a library whose rounding differs between machines, so that all results have the same bits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fpgac.errors import nearest

__all__ = ["Decoding"]

Array = npt.NDArray[Any]
# The value of a parameter: the same for all numbers of an output, or one for each of them.
Value = float | tuple[float, ...]

_CALL: Final = re.compile(r"\s*(?P<kind>[a-z]+)\s*(?:\((?P<arguments>[^()]*)\)\s*)?")
# Commas between parameters, and not those within a list.
_BETWEEN: Final = re.compile(r",(?![^\[]*\])")

_LN_2: Final = 0.6931471805599453
# Powers of 2 beyond these are infinite, or zero.
_LARGEST_EXPONENT: Final = 1100.0
# What is left out of the series is below a float64's last bit.
_TERMS: Final = 13


def _logarithm(base: float) -> tuple[float, float]:
    """log2 of the base: 24 bits of it, times which a short number is exact, and the rest.

    >>> sum(_logarithm(8.0))
    3.0
    """
    exact = Decimal(base).ln() / Decimal(2).ln()
    high = float(np.float32(exact))
    return high, float(round(exact - Decimal(high), 24))


_LOG_E: Final = _logarithm(float(np.e))


def _power_of_two(high: Array, low: Array) -> Array:
    """2 to the power of ``high + low``, where ``low`` is small."""
    high = np.clip(high, -_LARGEST_EXPONENT, _LARGEST_EXPONENT)
    whole = np.rint(high)
    rest = ((high - whole) + np.clip(low, -1.0, 1.0)) * _LN_2
    series = np.ones_like(rest)
    for term in range(_TERMS, 0, -1):
        series = 1.0 + series * rest / term
    return np.ldexp(series, whole.astype(np.int32))


def _exp(y: Array) -> Array:
    high, low = _LOG_E
    return _power_of_two(y * high, y * low)


def _exponential(y: Array, high: float, low: float, factor: float) -> Array:
    return factor * _power_of_two(y * high, y * low)


def _linear(y: Array, factor: Value, offset: Value) -> Array:
    return np.asarray(y.reshape(len(y), -1) * factor + offset).reshape(y.shape)


def _sigmoid(y: Array) -> Array:
    return np.asarray(1.0 / (1.0 + _exp(-y)))


def _softmax(y: Array) -> Array:
    raised = _exp(y - y.max(axis=-1, keepdims=True))
    sums = np.cumsum(raised, axis=-1)[..., -1:]  # in the order of the classes
    return np.asarray(raised / sums)


def _argmax(y: Array) -> Array:
    return np.asarray(y.argmax(axis=-1))


@dataclass(frozen=True)
class _Kind:
    """``defaults`` are those of a kind's parameters.

    ``of_several`` kinds need several numbers on the last axis; those of ``lists`` take a number
    for each of an output's.
    """

    compute: Callable[..., Array]
    defaults: Mapping[str, float]
    of_several: bool = False
    lists: bool = False


_KINDS: Final[Mapping[str, _Kind]] = MappingProxyType(
    {
        "exponential": _Kind(_exponential, {"base": float(np.e), "factor": 1.0}),
        "linear": _Kind(_linear, {"factor": 1.0, "offset": 0.0}, lists=True),
        "sigmoid": _Kind(_sigmoid, {}),
        "softmax": _Kind(_softmax, {}, of_several=True),
        "argmax": _Kind(_argmax, {}, of_several=True),
    }
)


@dataclass(frozen=True)
class Decoding:
    """A kind of decoding and its parameters, as ``(name, value)`` in the kind's order.

    ==============================  ============================================================
    ``exponential(base, factor)``   ``factor * base ** y``; by default e and 1
    ``linear(factor, offset)``      ``factor * y + offset``; by default 1 and 0. Each may be a list
                                    in brackets with a number for each of the output's
    ``sigmoid``                     ``1 / (1 + exp(-y))``: a probability
    ``softmax``                     probabilities of the classes on the last axis
    ``argmax``                      the number of the most probable class on the last axis, from 0
    ==============================  ============================================================
    """

    kind: str
    parameters: tuple[tuple[str, Value], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Decoding:
        """Read what ``str`` gives; parameters may be left out.

        Raises:
            ValueError: no such kind or parameter, or no number; the message says what was expected.
        """
        match = _CALL.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no decoding such as 'exponential(base=2, factor=16)'")
        kind = match["kind"]
        if kind not in _KINDS:
            raise ValueError(f"there is no decoding {kind!r}; {nearest(kind, _KINDS)}")
        given = dict(map(_parameter, filter(str.strip, _BETWEEN.split(match["arguments"] or ""))))
        defaults = _KINDS[kind].defaults
        for name, value in given.items():
            if name not in defaults:
                hint = nearest(name, defaults) or "it has none"
                raise ValueError(f"{kind!r} has no parameter {name!r}; {hint}")
            if isinstance(value, tuple) and not _KINDS[kind].lists:
                raise ValueError(f"{name!r} of {kind!r} is a single number")
        base = given.get("base", 1.0)
        if not isinstance(base, tuple) and base <= 0:
            raise ValueError("the base must be above 0")
        return cls(kind, tuple({**defaults, **given}.items()))

    def __str__(self) -> str:
        arguments = ", ".join(f"{name}={_text(value)}" for name, value in self.parameters)
        return f"{self.kind}({arguments})" if arguments else self.kind

    @property
    def arguments(self) -> tuple[Value, ...]:
        """What the function of this kind takes after the numbers ``y``, in every host.

        An exponential takes log2 of its base, in two parts whose sum it is, and the factor.
        """
        values = dict(self.parameters)
        base = values.pop("base", None)
        split = () if base is None or isinstance(base, tuple) else _logarithm(base)
        return (*split, *values.values())

    @property
    def of_several(self) -> bool:
        """Whether the last axis must hold several numbers."""
        return _KINDS[self.kind].of_several

    @property
    def sizes(self) -> frozenset[int]:
        """How many numbers an output must have: none says, or that of the parameters' lists."""
        return frozenset(len(value) for _, value in self.parameters if isinstance(value, tuple))

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of a result whose network numbers have ``shape``."""
        return shape[:-1] if self.kind == "argmax" else shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """What results are: float64, or int64 for classes."""
        return np.dtype("<i8" if self.kind == "argmax" else "<f8")

    def apply(self, numbers: npt.ArrayLike) -> Array:
        """The results of a network's numbers, shape (n, \\*shape)."""
        y = np.asarray(numbers, dtype=np.float64)
        with np.errstate(over="ignore", under="ignore"):
            result = _KINDS[self.kind].compute(y, *self.arguments)
        return np.asarray(result).astype(self.dtype, copy=False)


def _text(value: Value) -> str:
    return f"[{', '.join(map(repr, value))}]" if isinstance(value, tuple) else repr(value)


def _parameter(text: str) -> tuple[str, Value]:
    name, equals, value = map(str.strip, text.partition("="))
    listed = value.startswith("[") and value.endswith("]")
    try:
        numbers = tuple(map(float, value[1:-1].split(","))) if listed else (float(value),)
    except ValueError:
        numbers = ()
    if not equals or not numbers or not np.isfinite(numbers).all():
        raise ValueError(f"{text.strip()!r} is no parameter such as 'base=2'")
    return name, numbers if listed else numbers[0]
