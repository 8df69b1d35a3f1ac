"""Number formats at the edge of the chip: ``ap_fixed``, raw words, and the one rule between them.

A raw word is the integer ``round(x · 2^f)`` that the chip holds for the number ``x``, where the
format has ``f = W - I`` fraction bits. Memory holds it padded to 8, 16, 32 or 64 bits.

The rule from a float to a raw word is stated once, in :func:`raw_word`, over an abstract set of
operations. numpy evaluates it here; :class:`Formula` traces it, so that the Python and the C++
hosts are rendered from the very same statement and agree for every float: ties, negatives,
overflow, infinities and NaN included. It is the rule of Vivado HLS's ``ap_fixed`` constructor.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from fpgac.errors import CoreError, Problem, nearest

__all__ = [
    "WIDEST",
    "FixedPoint",
    "Formula",
    "Overflow",
    "Rounding",
    "raw_word",
]

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.integer[Any]]

# Every raw word of up to 53 bits is a float64; wider ones could not be handed to a host as floats.
WIDEST = 53

# Far outside every format, and a multiple of every format's modulus: stands for what is infinite.
HUGE = 2.0**200

# Below every tie of every format, but more than nothing.
TINY = 2.0**-200

# Far beyond any use, and such that every power of two in the rule is a float64.
FARTHEST = 512


class Rounding(StrEnum):
    """What happens to the bits below the last one (Vitis HLS's quantisation modes)."""

    TRN = "TRN"
    TRN_ZERO = "TRN_ZERO"
    RND = "RND"
    RND_ZERO = "RND_ZERO"
    RND_MIN_INF = "RND_MIN_INF"
    RND_INF = "RND_INF"
    RND_CONV = "RND_CONV"


class Overflow(StrEnum):
    """What happens to numbers out of range (Vitis HLS's overflow modes)."""

    WRAP = "WRAP"
    SAT = "SAT"
    SAT_SYM = "SAT_SYM"
    SAT_ZERO = "SAT_ZERO"


_PATTERN = re.compile(
    r"\s*(?:ap_)?(?P<unsigned>u?)(?P<kind>fixed|int)\s*<\s*(?P<arguments>[^<>]*)>\s*"
)


@dataclass(frozen=True)
class FixedPoint:
    """The type ``ap_fixed<width, integer, rounding, overflow>``, or ``ap_ufixed`` if unsigned.

    ``integer`` counts the bits left of the point, the sign included; it may be negative or more
    than ``width``, as in Vitis HLS.

    Raises:
        ValueError: no bits, a point beyond all floats, or a signed number of one bit with SAT_SYM:
            its symmetric range is zero alone, but ``ap_fixed`` gives minus one there.
    """

    width: int
    integer: int
    signed: bool = True
    rounding: Rounding = Rounding.TRN
    overflow: Overflow = Overflow.WRAP

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"a number needs at least one bit, not {self.width}")
        if abs(self.integer) > FARTHEST:
            raise ValueError(
                f"the bits before the point must be from -{FARTHEST} to {FARTHEST}, "
                f"not {self.integer}"
            )
        if self.signed and self.width < 2 and self.overflow is Overflow.SAT_SYM:
            raise ValueError("a signed number of one bit has no symmetric range")

    @classmethod
    def parse(cls, text: str) -> FixedPoint:
        """Read ``ap_fixed<16,6,RND,SAT>``, ``ufixed<8,2>``, ``ap_int<4>`` and the like.

        Raises:
            ValueError: the text is no such type; the message says what was expected.
        """
        match = _PATTERN.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no fixed-point type such as 'ap_fixed<16,6,RND,SAT>'")
        arguments = [part.strip() for part in match["arguments"].split(",")]
        numbers = 1 if match["kind"] == "int" else 2
        modes = [mode.removeprefix("AP_") for mode in arguments[numbers:]]
        # hls4ml prints a fifth argument, the saturation bits, always 0.
        if len(modes) == 3 and modes.pop() != "0":
            raise ValueError(f"{text!r} asks for saturation bits, which hls4ml does not model")
        if len(arguments) < numbers or len(modes) > (0 if match["kind"] == "int" else 2):
            raise ValueError(f"{text!r} has {len(arguments)} arguments")
        try:
            width, integer = int(arguments[0]), int(arguments[numbers - 1])
        except ValueError:
            raise ValueError(f"the widths in {text!r} must be whole numbers") from None
        return cls(
            width,
            integer,
            signed=not match["unsigned"],
            rounding=Rounding(_known(modes[0], Rounding)) if modes else Rounding.TRN,
            overflow=Overflow(_known(modes[1], Overflow)) if len(modes) > 1 else Overflow.WRAP,
        )

    def __str__(self) -> str:
        kind = "ap_fixed" if self.signed else "ap_ufixed"
        modes = f",{self.rounding},{self.overflow}" if self._has_modes else ""
        return f"{kind}<{self.width},{self.integer}{modes}>"

    @property
    def _has_modes(self) -> bool:
        return (self.rounding, self.overflow) != (Rounding.TRN, Overflow.WRAP)

    @property
    def cpp(self) -> str:
        """The type as Vitis HLS spells it: ``ap_fixed<16,6,AP_RND,AP_SAT,0>``."""
        kind = "ap_fixed" if self.signed else "ap_ufixed"
        return f"{kind}<{self.width},{self.integer},AP_{self.rounding},AP_{self.overflow},0>"

    @property
    def fraction(self) -> int:
        """Bits right of the point; negative where the last bit weighs more than one."""
        return self.width - self.integer

    @property
    def step(self) -> float:
        """The weight of the last bit: the distance between neighbouring numbers."""
        return 2.0**-self.fraction

    @property
    def word_bits(self) -> int:
        """The width in memory: 8, 16, 32 or 64 bits."""
        if self.width > WIDEST:
            raise CoreError(
                Problem(
                    f"{self} does not fit a host's numbers",
                    expected=f"at most {WIDEST} bits, so that a float64 holds every word exactly",
                    got=f"{self.width} bits",
                    hint="choose a narrower type under [interface], or narrower layers",
                    code="core.format-too-wide",
                )
            )
        return next(bits for bits in (8, 16, 32, 64) if bits >= self.width)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The numpy type of a padded raw word, little-endian."""
        return np.dtype(f"<{'i' if self.signed else 'u'}{self.word_bits // 8}")

    @property
    def c_type(self) -> str:
        """The C type of a padded raw word: ``int16_t``."""
        return f"{'' if self.signed else 'u'}int{self.word_bits}_t"

    @property
    def float_dtype(self) -> np.dtype[Any]:
        """The narrowest float that holds every raw word exactly."""
        return np.dtype("<f4" if self.width <= 24 else "<f8")

    @property
    def lowest(self) -> int:
        """The least raw word that a conversion gives."""
        if not self.signed:
            return 0
        return -self.highest if self.overflow is Overflow.SAT_SYM else -(1 << (self.width - 1))

    @property
    def highest(self) -> int:
        """The greatest raw word."""
        return (1 << (self.width - self.signed)) - 1

    def raw(self, numbers: npt.ArrayLike, scale: npt.ArrayLike | None = None) -> IntArray:
        """The raw words of ``numbers`` (any shape), as padded words, by the one rule.

        With a ``scale`` they are those of ``numbers * scale``, exact: powers of two move the
        binary point.
        """
        x = np.asarray(numbers, dtype=np.float64)
        factor = None if scale is None else self.factor(np.asarray(scale))
        with np.errstate(invalid="ignore", over="ignore"):
            words: IntArray = np.asarray(raw_word(self, x, cast(Operations, np), factor=factor))
        return words.astype(self.dtype)

    def factor(self, scale: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """What numbers times ``scale``, powers of two, are multiplied by to count last bits."""
        return np.asarray(scale * 2.0**self.fraction)

    def number(self, words: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The numbers that raw words stand for: exact."""
        return np.asarray(words).astype(np.float64) * self.step

    def on_grid(self, numbers: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """``numbers`` put on this type's grid: what the chip sees of them."""
        return self.number(self.raw(numbers))


def _known(mode: str, modes: type[StrEnum]) -> str:
    names = [m.value for m in modes]
    if mode not in names:
        raise ValueError(f"unknown mode {mode!r}; {nearest(mode, names)}")
    return mode


class Operations(Protocol):
    """What the rule needs: numpy has them, and so has :class:`Formula`'s tracer."""

    floor: Any
    trunc: Any
    rint: Any
    fabs: Any
    fmin: Any
    fmax: Any
    copysign: Any


def raw_word(
    to: FixedPoint,
    x: Any,
    op: Operations,
    name: Any = lambda _, value: value,
    factor: Any = None,
) -> Any:
    """THE rule: the raw word, as a float64, of the float64 ``x``.

    Every step is exact in float64. ``fmin`` ignores NaN and ``copysign`` keeps its sign, so that
    what is not finite becomes a huge number of the same sign: it saturates or wraps to zero, as
    in ``ap_fixed``. ``name(variable, value)`` lets a tracer give the intermediate values names.
    ``factor`` is :meth:`FixedPoint.factor` where numbers are scaled, else that of the type.
    """
    scaled = name("scaled", op.copysign(_scaled_size(to, x, op, factor), x))
    return _overflow(to, name("rounded", _round(to, scaled, op, name)), op, name)


def _scaled_size(to: FixedPoint, x: Any, op: Operations, factor: Any) -> Any:
    # A signalling NaN is only ignored by fmin once a product has made it quiet; compilers leave
    # out a product with one, but not these two.
    own = x * 2.0**to.fraction if to.fraction else x * 2.0 * 0.5
    product = own if factor is None else x * factor
    size = op.fmin(op.fabs(product), HUGE)
    # What underflows here must still count as more than nothing: it rounds down to minus one.
    return op.fmax(size, (x != 0.0) * TINY) if factor is not None or to.fraction < 0 else size


def _round(to: FixedPoint, scaled: Any, op: Operations, name: Any) -> Any:
    match to.rounding:
        case Rounding.TRN:
            return op.floor(scaled)
        case Rounding.TRN_ZERO:
            return op.trunc(scaled)
        case Rounding.RND_CONV:
            return op.rint(scaled)
    # The magnitude's fraction is exact where `scaled - floor(scaled)` would not be.
    size = name("size", op.fabs(scaled))
    whole = name("whole", op.floor(size))
    rest = name("rest", size - whole)
    if to.rounding is Rounding.RND_INF:
        return op.copysign(whole + (rest >= 0.5), scaled)
    magnitude = whole + (rest > 0.5)
    if to.rounding is Rounding.RND:
        magnitude = magnitude + (rest == 0.5) * (scaled > 0.0)
    elif to.rounding is Rounding.RND_MIN_INF:
        magnitude = magnitude + (rest == 0.5) * (scaled < 0.0)
    return op.copysign(magnitude, scaled)


def _overflow(to: FixedPoint, rounded: Any, op: Operations, name: Any) -> Any:
    lowest, highest = float(to.lowest), float(to.highest)
    if to.overflow in (Overflow.SAT, Overflow.SAT_SYM):
        return op.fmin(op.fmax(rounded, lowest), highest)
    if to.overflow is Overflow.SAT_ZERO:
        return rounded * (rounded >= lowest) * (rounded <= highest)
    modulus = 2.0**to.width
    wrapped = name("wrapped", rounded - op.floor(rounded * (1.0 / modulus)) * modulus)
    return wrapped - (wrapped > highest) * modulus if to.signed else wrapped


@dataclass(frozen=True)
class Formula:
    """The rule written out for one format: assignments in order, the last one the raw word.

    ``lines`` holds ``(variable, expression)`` pairs whose expressions Python and C++ read alike.

    >>> Formula.of(FixedPoint.parse("ap_fixed<16,6,TRN,SAT>")).lines[1]
    ('rounded', 'floor(scaled)')
    """

    lines: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, to: FixedPoint, prefix: str = "", factor: str | None = None) -> Formula:
        """Trace the rule for ``to``; functions are spelled ``{prefix}floor(...)``.

        ``factor`` names what :meth:`FixedPoint.factor` gives where numbers are scaled.
        """
        lines: list[tuple[str, str]] = []

        def name(given: str, value: _Traced) -> _Traced:
            lines.append((given, value.bare))
            return _Traced(given)

        traced = None if factor is None else _Traced(factor)
        word = raw_word(to, _Traced("x"), _Tracer(prefix), name, traced)
        lines.append(("word", word.bare))
        return cls(tuple(lines))


class _Traced:
    """A value that writes down how it was made."""

    def __init__(self, text: str) -> None:
        self.text = text

    @property
    def bare(self) -> str:
        """The text without the outermost brackets, if it has any of its own."""
        return self.text[1:-1] if self.text.startswith("(") else self.text

    def _binary(self, sign: str, other: object) -> _Traced:
        return _Traced(f"({self.text} {sign} {_text(other)})")

    def __add__(self, other: object) -> _Traced:
        return self._binary("+", other)

    def __sub__(self, other: object) -> _Traced:
        return self._binary("-", other)

    def __mul__(self, other: object) -> _Traced:
        return self._binary("*", other)

    def __gt__(self, other: object) -> _Traced:
        return self._binary(">", other)

    def __lt__(self, other: object) -> _Traced:
        return self._binary("<", other)

    def __ge__(self, other: object) -> _Traced:
        return self._binary(">=", other)

    def __le__(self, other: object) -> _Traced:
        return self._binary("<=", other)

    def __eq__(self, other: object) -> _Traced:  # type: ignore[override]
        return self._binary("==", other)

    def __ne__(self, other: object) -> _Traced:  # type: ignore[override]
        return self._binary("!=", other)

    __hash__ = None  # type: ignore[assignment]


class _Tracer:
    """numpy's functions, written down instead of evaluated."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def __getattr__(self, function: str) -> Any:
        def call(*arguments: object) -> _Traced:
            return _Traced(f"{self.prefix}{function}({', '.join(map(_text, arguments))})")

        return call


def _text(value: object) -> str:
    return value.text if isinstance(value, _Traced) else repr(value)
