"""What a network's numbers mean: the last step of ``predict``, after the chip has answered.

A decoding is written as a call, such as ``exponential(base=2, factor=16)``, in a spec and in the
contract. Hosts written in Python are rendered from :attr:`Decoding.formula`, which is also what is
evaluated here, so that all of them give the same bits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fpgac.errors import nearest

__all__ = ["Decoding"]

Array = npt.NDArray[Any]

_CALL: Final = re.compile(r"\s*(?P<kind>[a-z]+)\s*(?:\((?P<arguments>[^()]*)\)\s*)?")


def _exponential(y: Array, base: float, factor: float) -> Array:
    return np.asarray(factor * np.power(base, y))


def _linear(y: Array, factor: float, offset: float) -> Array:
    return np.asarray(factor * y + offset)


def _sigmoid(y: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-y)))


def _softmax(y: Array) -> Array:
    raised = np.exp(y - y.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


def _argmax(y: Array) -> Array:
    return np.asarray(y.argmax(axis=-1))


@dataclass(frozen=True)
class _Kind:
    """``formula`` is numpy's expression of ``y``; ``defaults`` are those of its parameters."""

    compute: Callable[..., Array]
    formula: str
    defaults: Mapping[str, float]
    of_several: bool = False


_RAISED: Final = "np.exp(y - y.max(axis=-1, keepdims=True))"
_KINDS: Final[Mapping[str, _Kind]] = MappingProxyType(
    {
        "exponential": _Kind(
            _exponential, "{factor!r} * np.power({base!r}, y)", {"base": float(np.e), "factor": 1.0}
        ),
        "linear": _Kind(_linear, "{factor!r} * y + {offset!r}", {"factor": 1.0, "offset": 0.0}),
        "sigmoid": _Kind(_sigmoid, "1.0 / (1.0 + np.exp(-y))", {}),
        "softmax": _Kind(_softmax, f"{_RAISED} / {_RAISED}.sum(axis=-1, keepdims=True)", {}, True),
        "argmax": _Kind(_argmax, "y.argmax(axis=-1)", {}, True),
    }
)


@dataclass(frozen=True)
class Decoding:
    """A kind of decoding and its parameters, as ``(name, number)`` in the kind's order.

    ==============================  ============================================================
    ``exponential(base, factor)``   ``factor * base ** y``; by default e and 1
    ``linear(factor, offset)``      ``factor * y + offset``; by default 1 and 0
    ``sigmoid``                     ``1 / (1 + exp(-y))``: a probability
    ``softmax``                     probabilities of the classes on the last axis
    ``argmax``                      the number of the most probable class on the last axis, from 0
    ==============================  ============================================================
    """

    kind: str
    parameters: tuple[tuple[str, float], ...] = ()

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
        given = dict(map(_parameter, filter(str.strip, (match["arguments"] or "").split(","))))
        defaults = _KINDS[kind].defaults
        for name in given:
            if name not in defaults:
                hint = nearest(name, defaults) or "it has none"
                raise ValueError(f"{kind!r} has no parameter {name!r}; {hint}")
        if given.get("base", 1.0) <= 0:
            raise ValueError("the base must be above 0")
        return cls(kind, tuple({**defaults, **given}.items()))

    def __str__(self) -> str:
        arguments = ", ".join(f"{name}={number!r}" for name, number in self.parameters)
        return f"{self.kind}({arguments})" if arguments else self.kind

    @property
    def formula(self) -> str:
        """A numpy expression of ``y``, an array of float64."""
        return _KINDS[self.kind].formula.format(**dict(self.parameters))

    @property
    def of_several(self) -> bool:
        """Whether the last axis must hold several numbers."""
        return _KINDS[self.kind].of_several

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
        with np.errstate(over="ignore"):
            result = _KINDS[self.kind].compute(y, **dict(self.parameters))
        return result.astype(self.dtype, copy=False)


def _parameter(text: str) -> tuple[str, float]:
    name, equals, number = map(str.strip, text.partition("="))
    try:
        value = float(number)
    except ValueError:
        value = float("nan")
    if not equals or not np.isfinite(value):
        raise ValueError(f"{text.strip()!r} is no parameter such as 'base=2'")
    return name, value
