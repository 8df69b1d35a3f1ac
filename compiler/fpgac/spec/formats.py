"""What every table of a spec is made of: names, fixed-point types, QKeras quantisers."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

from fpgac.numbers import WIDEST, FixedPoint, Overflow, Rounding
from fpgac.spec.names import check_identifier

__all__ = [
    "BitsQuantiser",
    "Format",
    "Identifier",
    "Quantiser",
    "ReluQuantiser",
    "Section",
    "hard_type",
]


# Integer bits of a format, or zeros behind its point, beyond which no sum makes sense.
FARTHEST = 64


class Section(BaseModel):
    """Base of every table in a spec: immutable, strict, and closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


Identifier = Annotated[
    str,
    AfterValidator(check_identifier),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_]*$"}),
]


def _parse_format(value: object) -> object:
    if isinstance(value, FixedPoint) or value == "auto":
        return value
    format_ = FixedPoint.parse(_string(value))
    if format_.width > WIDEST or abs(format_.integer) > FARTHEST:
        raise ValueError(
            f"{value!r} does not fit a host's numbers: at most {WIDEST} bits, so that a float64 "
            f"holds every word exactly, and at most {FARTHEST} of them before the point"
        )
    return format_


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be a string, not {value!r}")
    return value


class Quantiser(Section):
    """A QKeras quantiser, as the fixed-point grid that it puts numbers on."""

    function: Literal["quantized_bits", "quantized_relu"]
    bits: int = Field(ge=1, le=24)
    integer: int = Field(ge=0, le=16)

    @model_validator(mode="after")
    def _has_a_grid(self) -> Quantiser:
        if self.function == "quantized_bits" and self.bits < 2:
            raise ValueError("quantized_bits needs 2 bits or more, the sign among them")
        return self

    @classmethod
    def parse(cls, text: str) -> Quantiser:
        """Read QKeras's own notation, such as ``quantized_bits(8, 0, alpha=1)``.

        Raises:
            ValueError: anything else, and an ``alpha`` other than 1 (it has no exact form).
        """
        match = re.fullmatch(
            r"\s*(quantized_bits|quantized_relu)\(\s*(\d+)\s*(?:,\s*(-?\d+)\s*)?"
            r"(?:,\s*alpha\s*=\s*1(?:\.0*)?\s*)?\)\s*",
            text,
        )
        if match is None:
            raise ValueError(
                f"{text!r} is no quantiser that fpgac knows: quantized_bits(bits, integer) or "
                "quantized_relu(bits, integer), both with alpha=1"
            )
        function, bits, integer = match.groups()
        return cls.model_validate(
            {"function": function, "bits": int(bits), "integer": int(integer or 0)}
        )

    def __str__(self) -> str:
        alpha = ", alpha=1" if self.function == "quantized_bits" else ""
        return f"{self.function}({self.bits}, {self.integer}{alpha})"

    @property
    def format(self) -> FixedPoint:
        """The fixed-point type whose words the quantiser's values are; QKeras counts no sign."""
        signed = self.function == "quantized_bits"
        return FixedPoint(self.bits, self.integer + signed, signed, Rounding.RND_CONV, Overflow.SAT)


def hard_type(function: Literal["sigmoid", "tanh"], bits: int) -> FixedPoint:
    """The fixed-point type whose words QKeras's ``quantized_sigmoid(bits)`` or ``..tanh`` gives."""
    signed = function == "tanh"
    return FixedPoint(bits, int(signed), signed, Rounding.RND_CONV, Overflow.SAT)


def _parse_quantiser(function: str) -> Any:
    def parse(value: object) -> object:
        quantiser = value if isinstance(value, Quantiser) else Quantiser.parse(_string(value))
        if quantiser.function != function:
            raise ValueError(f"expected {function}(bits, integer), got {value!r}")
        return quantiser

    return parse


_TEXT = PlainSerializer(str, return_type=str)
Format = Annotated[
    FixedPoint,
    BeforeValidator(_parse_format),
    _TEXT,
    WithJsonSchema({"type": "string", "pattern": r"^(ap_)?u?(fixed|int)<.*>$"}),
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
