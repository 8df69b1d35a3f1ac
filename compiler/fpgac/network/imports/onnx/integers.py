"""ONNX's own quantisers: ``QuantizeLinear``, perhaps ``Clip``, and ``DequantizeLinear``, as types.

Brevitas's QCDQ has a ``Clip`` where a number has fewer bits than ONNX's integers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.network.imports.draft import Numbers, UnsupportedError
from fpgac.network.imports.numbers import on_type
from fpgac.network.imports.onnx.graph import Call, Integers
from fpgac.network.ops.quantise import Quantise
from fpgac.numbers import FixedPoint, Overflow, Rounding

__all__ = ["clip_integers", "dequantise", "dequantised", "quantise_linear", "quantised_linear"]

Floats = npt.NDArray[np.float64]

_POWERS_OF_TWO = "train with power-of-two scales: Brevitas has them for all its quantisers"


def quantise_linear(call: Call) -> None:
    """Samples become integers.

    Raises:
        UnsupportedError: a fixed-point type has no such thing.
    """
    scale = call.constant(1).values.astype(np.float64).reshape(-1)
    if scale.size != 1:
        raise UnsupportedError("it has a scale for each channel", "one scale for all of them")
    kind = np.iinfo(_zero_point(call).dtype)
    view = call.view(0)
    call.graph.integers[call.output] = Integers(view, float(scale[0]), int(kind.min), int(kind.max))


def clip_integers(call: Call, bounds: tuple[float | None, float | None]) -> None:
    """Integers become fewer: ``bounds`` are those of a ``Clip``."""
    given = call.graph.integers[call.name(0)]
    lowest = max(given.lowest, int(given.lowest if bounds[0] is None else bounds[0]))
    highest = min(given.highest, int(given.highest if bounds[1] is None else bounds[1]))
    call.graph.integers[call.output] = Integers(given.view, given.scale, lowest, highest)


def dequantise(call: Call) -> None:
    """Integers become numbers again, on the grid of a type.

    Raises:
        UnsupportedError: a fixed-point type has no such thing.
    """
    if call.name(0) not in call.graph.integers:
        call.view(0)
        raise UnsupportedError("its input comes from no QuantizeLinear")
    given = call.graph.integers[call.name(0)]
    _zero_point(call)
    if (call.constant(1).values.reshape(-1) != np.float32(given.scale)).any():
        raise UnsupportedError("its scale is not that of the QuantizeLinear before it")
    view = given.view
    call.give(call.add(Quantise(_type(given)), view.name), view.axes)


def _type(given: Integers) -> FixedPoint:
    exponent = np.log2(given.scale)
    if exponent != np.round(exponent):
        raise UnsupportedError(f"its scale {given.scale:g} is no power of two", _POWERS_OF_TWO)
    signed = given.lowest < 0
    bits = given.highest.bit_length() + signed
    narrow = given.lowest == -given.highest
    if given.highest != 2 ** (bits - signed) - 1 or (
        not narrow and given.lowest != -signed * 2 ** (bits - 1)
    ):
        raise UnsupportedError(
            f"it clips integers from {given.lowest} to {given.highest}",
            "all that so many bits hold",
        )
    overflow = Overflow.SAT_SYM if signed and narrow else Overflow.SAT
    return FixedPoint(bits, bits + int(exponent), signed, Rounding.RND_CONV, overflow)


def quantised_linear(call: Call) -> Numbers:
    """Constants as integers.

    Raises:
        UnsupportedError: they have a zero point.
    """
    values = call.constant(0).values.astype(np.float32)
    zero = _zero_point(call)
    kind = np.iinfo(zero.dtype)
    # In single precision, as ONNX divides.
    words = np.rint(values / _along_axis(call, call.constant(1).values, values.ndim))
    return Numbers(np.clip(words, kind.min, kind.max).astype(zero.dtype))


def dequantised(call: Call) -> Numbers:
    """Constants that are integers times a scale, with the type that holds them, if there is one.

    Raises:
        UnsupportedError: they have a zero point.
    """
    words = call.constant(0).values.astype(np.float64)
    _zero_point(call)
    scale = call.constant(1).values.astype(np.float64)
    values = words * _along_axis(call, scale, words.ndim)
    return on_type(values) if (np.frexp(scale)[0] == 0.5).all() else Numbers(values)


def _zero_point(call: Call) -> npt.NDArray[Any]:
    """The zero point, which must be 0, of the integers' own kind.

    Raises:
        UnsupportedError: it is not.
    """
    zero = call.constant(2).values if call.name(2) else np.uint8(0)
    if np.any(zero):
        raise UnsupportedError("it has a zero point", "quantise with a zero point of 0")
    return np.asarray(zero)


def _along_axis(call: Call, scale: npt.NDArray[Any], axes: int) -> npt.NDArray[Any]:
    """A scale for all numbers, or for each place along the axis that the node names."""
    if scale.size == 1:
        return scale.reshape(())
    shape = [1] * axes
    shape[int(call.attributes.get("axis", 1))] = scale.size
    return scale.reshape(shape)
