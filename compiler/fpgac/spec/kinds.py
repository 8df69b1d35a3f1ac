"""What a field of a spec's models may hold, in words: for messages and for the reference page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from fpgac.numbers import FixedPoint
from fpgac.spec.formats import Quantiser

__all__ = ["either", "field_text", "inner_models", "keys_of", "kind_text", "limit_texts"]

_TYPES: dict[Any, str] = {
    str: "string",
    int: "whole number",
    float: "number",
    bool: "true or false",
    FixedPoint: "fixed-point type",
    Quantiser: "QKeras quantiser",
}
_LIMITS = {
    "ge": "at least {}",
    "gt": "above {}",
    "le": "at most {}",
    "lt": "below {}",
    "min_length": "with {} or more entries",
    "max_length": "with at most {} entries",
}


def field_text(field: FieldInfo, quote: str = "`") -> str:
    """What a field may hold, with its limits: ``whole number, at least 1, at most 4096``."""
    bounds = {
        name: getattr(limit, name)
        for limit in field.metadata
        for name in _LIMITS
        if hasattr(limit, name)
    }
    return ", ".join([kind_text(field.annotation, quote), *limit_texts(bounds)])


def limit_texts(bounds: Mapping[str, Any]) -> list[str]:
    """Limits, by pydantic's names of them, in words: ``["at least 1"]``."""
    return [text.format(_number(bounds[n])) for n, text in _LIMITS.items() if n in bounds]


def kind_text(annotation: Any, quote: str = "`") -> str:
    """What an annotation admits, without limits: ``whole number or array of 2 whole numbers``."""
    arguments = get_args(annotation)
    match get_origin(annotation):
        case None:
            return _TYPES.get(annotation, "table")
        case origin if origin is Literal:
            return either(f"{quote}{choice}{quote}" for choice in arguments)
        case origin if origin is Annotated:
            return kind_text(arguments[0], quote)
        case origin if origin is dict:
            return "tables by name" if arguments[1] == dict[str, Any] else "values by name"
        case origin if origin is tuple:
            return _array_text(arguments, quote)
    kinds = [kind_text(argument, quote) for argument in arguments if argument is not NoneType]
    return either(dict.fromkeys(kinds))


def keys_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """A table's keys, as files have them: one that Python could not spell has an alias."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def inner_models(annotation: Any) -> list[type[BaseModel]]:
    """The models that an annotation is made of, in order."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for argument in get_args(annotation) for found in inner_models(argument)]


def either(choices: Iterable[str]) -> str:
    """
    >>> either(["relu", "tanh", "linear"])
    'relu, tanh or linear'
    """
    *others, last = choices
    return f"{', '.join(others)} or {last}" if others else last


def _array_text(arguments: Sequence[Any], quote: str) -> str:
    fixed = "" if arguments[-1] is Ellipsis else f"{len(arguments)} "
    return f"array of {fixed}{kind_text(arguments[0], quote)}s"


def _number(value: float) -> str:
    if value == 2**32:
        return "2³²"
    return str(value) if isinstance(value, int) else f"{value:g}"
