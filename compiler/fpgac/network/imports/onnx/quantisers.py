"""QONNX's quantisers, as types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.network.imports.draft import Numbers, UnsupportedError
from fpgac.network.imports.numbers import on_type
from fpgac.network.imports.onnx.graph import Call
from fpgac.network.ops.quantise import Quantise
from fpgac.numbers import FixedPoint, Overflow, Rounding
from fpgac.program.formats import Formats
from fpgac.spec.shapes import Shape

__all__ = ["quantise", "quantised"]

Floats = npt.NDArray[np.float64]

_ROUNDINGS: Mapping[str, Rounding] = {
    "ROUND": Rounding.RND_CONV,
    "HALF_EVEN": Rounding.RND_CONV,
    "FLOOR": Rounding.TRN,
    "DOWN": Rounding.TRN_ZERO,
    "HALF_UP": Rounding.RND_INF,
    "HALF_DOWN": Rounding.RND_ZERO,
}


def _told(call: Call) -> tuple[Floats, int, bool, Overflow, Rounding]:
    """Scale, bits, sign and modes of a ``Quant``.

    Raises:
        UnsupportedError: a fixed-point type has no such thing.
    """
    scale = call.constant(1).values.astype(np.float64)
    if call.constant(2).values.any():
        raise UnsupportedError("it has a zero point", "quantise with a zero point of 0")
    bits = float(call.constant(3).values.reshape(-1)[0])
    signed, narrow = bool(call.attributes.get("signed", 1)), bool(call.attributes.get("narrow", 0))
    mode = str(call.attributes.get("rounding_mode", "ROUND")).upper()
    if bits != int(bits) or (narrow and not signed) or mode not in _ROUNDINGS:
        raise UnsupportedError(
            f"a quantiser of {bits:g} bits, narrow={narrow}, signed={signed}, rounding {mode}",
            f"whole bits, and one of {', '.join(_ROUNDINGS)}",
        )
    overflow = Overflow.SAT_SYM if narrow else Overflow.SAT
    return scale, int(bits), signed, overflow, _ROUNDINGS[mode]


def quantise(call: Call, shape: Shape, axes: tuple[int, ...]) -> Quantise:
    """What a ``Quant`` does to the samples: ``shape`` is the step's, ``axes`` are its view's.

    Raises:
        UnsupportedError: its scale is no power of two, or a type has no such thing.
    """
    scale, bits, signed, overflow, rounding = _told(call)
    exponents = np.log2(scale)
    if (exponents != np.round(exponents)).any():
        raise UnsupportedError(
            f"its scale {scale.reshape(-1)[0]:g} is no power of two",
            "train with power-of-two scales: Brevitas has them for all its quantisers",
        )
    if bits == 1 and signed:
        raise UnsupportedError("one bit with a sign", "two bits, or BipolarQuant for weights")
    if exponents.size == 1:
        integer = bits + int(exponents.reshape(-1)[0])
        return Quantise(FixedPoint(bits, integer, signed, rounding, overflow))
    onnx_shape = tuple(shape[axis] for axis in axes)
    each = np.broadcast_to(exponents, (1, *onnx_shape))[0]
    order = tuple(int(axis) for axis in np.argsort(axes))
    integers = bits + each.transpose(order).astype(np.int64)
    return Quantise.of(Formats.of_widths(bits, integers, signed, rounding, overflow))


def quantised(call: Call) -> Numbers:
    """Constants as a ``Quant`` or a ``BipolarQuant`` leaves them.

    Raises:
        UnsupportedError: a fixed-point type has no such thing.
    """
    values = call.constant(0).values.astype(np.float64)
    if call.kind == "BipolarQuant":
        return on_type(np.where(values >= 0, 1.0, -1.0) * call.constant(1).values)
    scale, bits, signed, overflow, rounding = _told(call)
    if bits == 1 and signed:
        return on_type(np.where(values >= 0, 1.0, -1.0) * scale)
    least = -(2 ** (bits - 1)) + (overflow is Overflow.SAT_SYM) if signed else 0
    most = 2 ** (bits - signed) - 1
    # In single precision, as QONNX divides.
    single = (values.astype(np.float32) / scale.astype(np.float32)).astype(np.float64)
    words = _rounded(np.clip(single, least, most), rounding)
    return on_type(words * scale)


def _rounded(numbers: Floats, rounding: Rounding) -> Floats:
    half: dict[Rounding, Any] = {
        Rounding.RND_CONV: np.round,
        Rounding.TRN: np.floor,
        Rounding.TRN_ZERO: np.fix,
        Rounding.RND_INF: lambda x: np.sign(x) * np.floor(np.abs(x) + 0.5),
        Rounding.RND_ZERO: lambda x: np.sign(x) * np.ceil(np.abs(x) - 0.5),
    }
    return np.asarray(half[rounding](numbers), np.float64)
