"""The elements of a spec's tables: names, fixed-point types, QKeras quantisers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from fpgac.decoding import Decoding
from fpgac.errors import closest
from fpgac.numbers import WIDEST, FixedPoint, Overflow, Rounding
from fpgac.spec.faults import fault
from fpgac.spec.names import check_identifier

__all__ = [
    "BitsQuantiser",
    "DecodingText",
    "Format",
    "Identifier",
    "Quantiser",
    "ReluQuantiser",
    "Section",
    "hard_type",
]


# Integer bits of a format, or zeros after its point, beyond which no sum makes sense.
FARTHEST = 64

# Characters of a format or a quantiser: far more than any needs.
LONGEST = 100


class Section(BaseModel):
    """Base of every table in a spec: immutable, strict, and closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def _parse_name(name: str) -> str:
    try:
        return check_identifier(name)
    except ValueError as error:
        raise fault("spec.invalid-name", str(error)) from None


Identifier = Annotated[
    str,
    AfterValidator(_parse_name),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_]*$"}),
]


def _parse_format(value: object) -> FixedPoint:
    if isinstance(value, FixedPoint):
        return value
    text = _short(value)
    try:
        format_ = FixedPoint.parse(text)
    except ValueError as error:
        raise fault("spec.invalid-format", str(error)) from None
    if format_.width > WIDEST or abs(format_.integer) > FARTHEST:
        raise fault(
            "spec.format-too-wide",
            "does not fit a host's numbers",
            expected=f"at most {WIDEST} bits, so that a float64 holds every word exactly, and at "
            f"most {FARTHEST} of them before the point",
        )
    return format_


def _parse_decoding(value: object) -> Decoding:
    if isinstance(value, Decoding):
        return value
    text = _short(value)
    try:
        return Decoding.parse(text)
    except ValueError as error:
        raise fault("spec.invalid-decoding", str(error)) from None


def _short(value: object) -> str:
    """``value``, if it is a string and not far too long."""
    if not isinstance(value, str):
        raise fault("spec.wrong-type", "wrong type of value")
    if len(value) > LONGEST:
        raise fault("spec.too-long", "too long", expected=f"at most {LONGEST} characters")
    return value


class Quantiser(Section):
    """A QKeras quantiser, as the fixed-point grid that it rounds numbers to."""

    function: Literal["quantized_bits", "quantized_relu"]
    bits: int = Field(ge=1, le=24)
    integer: int = Field(ge=0, le=16)

    @model_validator(mode="after")
    def _has_a_grid(self) -> Quantiser:
        if self.function == "quantized_bits" and self.bits < 2:
            raise ValueError("quantized_bits needs 2 bits or more, including the sign")
        return self

    @classmethod
    def parse(cls, text: str) -> Quantiser:
        """Read QKeras's own notation, such as ``quantized_bits(8, 0, alpha=1)``.

        Raises:
            ValueError: anything else, and an ``alpha`` other than 1 (it has no exact form).
        """
        match = _QUANTISER.fullmatch(text)
        if match is None:
            raise ValueError("not a quantiser that fpgac knows")
        function, bits, integer = match.groups()
        return cls.model_validate(
            {"function": function, "bits": int(bits), "integer": int(integer or 0)}
        )

    def __str__(self) -> str:
        alpha = ", alpha=1" if self.function == "quantized_bits" else ""
        return f"{self.function}({self.bits}, {self.integer}{alpha})"

    @property
    def format(self) -> FixedPoint:
        """The fixed-point type of the quantiser's values; QKeras does not count the sign."""
        signed = self.function == "quantized_bits"
        return FixedPoint(self.bits, self.integer + signed, signed, Rounding.RND_CONV, Overflow.SAT)


def hard_type(function: Literal["sigmoid", "tanh"], bits: int) -> FixedPoint:
    """The fixed-point type of the values of QKeras's ``quantized_sigmoid(bits)`` or ``..tanh``."""
    signed = function == "tanh"
    return FixedPoint(bits, int(signed), signed, Rounding.RND_CONV, Overflow.SAT)


_QUANTISER = re.compile(
    r"\s*(quantized_bits|quantized_relu)\(\s*(\d+)\s*(?:,\s*(-?\d+)\s*)?"
    r"(?:,\s*alpha\s*=\s*1(?:\.0*)?\s*)?\)\s*"
)


def _hint_for(text: str) -> str:
    """What is wrong with the text of a quantiser, where that can be seen."""
    called = re.match(r"\s*(\w+)", text)
    names = get_args(Quantiser.model_fields["function"].annotation)
    if called and called[1] not in names:
        slip = closest(called[1], names, least=0.85)
        return f"did you mean {slip!r}?" if slip else ""
    return "only alpha=1 has an exact form" if "alpha" in text else ""


def _parse_quantiser(function: str) -> Callable[[object], Quantiser]:
    example = f"'{function}(bits, integer)'"

    def parse(value: object) -> Quantiser:
        if isinstance(value, Quantiser):
            return value
        text = _short(value)
        try:
            quantiser = Quantiser.parse(text)
        except ValueError as error:
            raise fault(
                "spec.invalid-quantiser", _refusal(error), expected=example, hint=_hint_for(text)
            ) from None
        if quantiser.function != function:
            raise fault("spec.wrong-quantiser", "not the quantiser of this key", expected=example)
        return quantiser

    return parse


def _refusal(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    (detail, *_) = error.errors()
    if not detail["loc"]:
        return str(detail["ctx"]["error"])
    return f"{detail['loc'][0]} must be {detail['msg'].removeprefix('Input should be ')}"


_TEXT = PlainSerializer(str, return_type=str)
Format = Annotated[
    FixedPoint,
    BeforeValidator(_parse_format),
    _TEXT,
    WithJsonSchema({"type": "string", "pattern": r"^(ap_)?u?(fixed|int)<.*>$"}),
]
DecodingText = Annotated[
    Decoding,
    BeforeValidator(_parse_decoding),
    _TEXT,
    WithJsonSchema({"type": "string", "pattern": r"^[a-z]+(\(.*\))?$"}),
]
BitsQuantiser = Annotated[
    Quantiser,
    BeforeValidator(_parse_quantiser("quantized_bits")),
    _TEXT,
    WithJsonSchema({"type": "string", "pattern": r"^quantized_bits\(.*\)$"}),
]
ReluQuantiser = Annotated[
    Quantiser,
    BeforeValidator(_parse_quantiser("quantized_relu")),
    _TEXT,
    WithJsonSchema({"type": "string", "pattern": r"^quantized_relu\(.*\)$"}),
]
