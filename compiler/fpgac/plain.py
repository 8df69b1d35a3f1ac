"""Frozen dataclasses as plain data and back: the one way in which fpgac writes values down.

Plain data are what JSON holds. A dataclass becomes an object with its fields, a tuple a list, an
enumeration its value, and a type that is spelled as text (one with ``parse``, such as FixedPoint)
that text. Reading is strict: unknown keys and wrong types are refused with their place. A key that
is missing takes the field's default.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt

from fpgac.errors import nearest

__all__ = ["PlainError", "dumps", "from_plain", "loads", "to_plain"]

T = TypeVar("T")
Arrays = list[npt.NDArray[Any]]

_SCALARS = (type(None), bool, int, float, str)

# Where an array stands among plain data: its place in the list that is written beside them.
_ARRAY = "array"


class PlainError(ValueError):
    """Plain data that are not what they should be; ``key`` is the place: ``steps[2].key``."""

    def __init__(self, key: str, expected: str, got: str) -> None:
        self.key, self.expected, self.got = key, expected, got
        super().__init__(f"{key or 'all of it'}: expected {expected}, not {got}")


def dumps(value: object) -> bytes:
    """``value`` as JSON text, the same bytes each time."""
    return json.dumps(to_plain(value), indent=1, ensure_ascii=False).encode() + b"\n"


def loads(kind: type[T], text: bytes) -> T:
    """What :func:`dumps` wrote of a ``kind``.

    Raises:
        PlainError: the text is no JSON, or describes something else.
    """
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PlainError("", "JSON", str(error)) from None
    value: T = from_plain(kind, plain)
    return value


def to_plain(value: object, arrays: Arrays | None = None) -> Any:
    """``value`` as plain data; numpy's arrays in it go to the end of ``arrays``.

    Raises:
        TypeError: there is something in it that has no plain form.
    """
    plain: Any = value
    match value:
        case Enum():
            plain = value.value
        case None | bool() | int() | float() | str():
            pass
        case np.ndarray() if arrays is not None:
            arrays.append(value)
            plain = {_ARRAY: len(arrays) - 1}
        case tuple() | list():
            plain = [to_plain(item, arrays) for item in value]
        case Mapping():
            plain = {str(key): to_plain(item, arrays) for key, item in value.items()}
        case _ if hasattr(type(value), "parse"):
            plain = str(value)
        case _ if is_dataclass(value) and not isinstance(value, type):
            values = {field.name: getattr(value, field.name) for field in fields(value)}
            plain = to_plain(values, arrays)
        case _:
            raise TypeError(f"{type(value).__name__} has no plain form")
    return plain


def from_plain(kind: Any, plain: object, arrays: Arrays | None = None, key: str = "") -> Any:
    """The ``kind`` that :func:`to_plain` made plain; ``key`` is the place of it all.

    Raises:
        PlainError: it is something else.
    """
    return _reader(kind)(plain, arrays or [], key)


Reader = Callable[[object, Arrays, str], Any]


@cache
def _reader(kind: Any) -> Reader:
    """What reads a ``kind``; it is worked out once."""
    origin = get_origin(kind)
    if kind is Any:
        return lambda plain, arrays, key: plain
    if kind in _SCALARS:
        return _scalar(kind)
    if origin is not None:
        return _generic(origin, get_args(kind))
    if issubclass(kind, Enum):
        return _choice({member.value: member for member in kind})
    return _spelled(kind) if hasattr(kind, "parse") else _dataclass(kind)


def _generic(origin: Any, arguments: tuple[Any, ...]) -> Reader:
    if origin in (Union, types.UnionType):
        return _union(arguments)
    if origin is Literal:
        return _choice({value: value for value in arguments})
    if origin is tuple:
        return _tuple(arguments)
    if origin is np.ndarray:
        return _array
    if issubclass(origin, Mapping):
        return _mapping(arguments[1])
    raise TypeError(f"there is no reader for {origin}")


def _scalar(kind: type[Any]) -> Reader:
    def read(plain: object, arrays: Arrays, key: str) -> Any:
        if kind is float and type(plain) is int:
            return float(plain)
        if type(plain) is not kind:
            raise PlainError(key, kind.__name__, _short(plain))
        return plain

    return read


def _choice(values: Mapping[Any, Any]) -> Reader:
    def read(plain: object, arrays: Arrays, key: str) -> Any:
        if not isinstance(plain, str | int) or plain not in values:
            raise PlainError(key, " or ".join(map(repr, values)), _short(plain))
        return values[plain]

    return read


def _union(kinds: tuple[Any, ...]) -> Reader:
    def read(plain: object, arrays: Arrays, key: str) -> Any:
        for kind in kinds:
            try:
                return _reader(kind)(plain, arrays, key)
            except PlainError as error:
                refused = error
        raise (
            refused
            if len(kinds) == 2 and type(None) in kinds
            else PlainError(
                key,
                " or ".join(getattr(kind, "__name__", str(kind)) for kind in kinds),
                _short(plain),
            )
        )

    return read


def _tuple(kinds: tuple[Any, ...]) -> Reader:
    def read_all(plain: object, arrays: Arrays, key: str) -> Any:
        return tuple(_items(kinds[0], plain, arrays, key))

    def read_each(plain: object, arrays: Arrays, key: str) -> Any:
        items = _list(plain, key)
        if len(items) != len(kinds):
            raise PlainError(key, f"{len(kinds)} items", f"{len(items)} of them")
        return tuple(
            _reader(kind)(item, arrays, f"{key}[{place}]")
            for place, (kind, item) in enumerate(zip(kinds, items, strict=True))
        )

    return read_all if len(kinds) == 2 and kinds[1] is Ellipsis else read_each


def _items(kind: Any, plain: object, arrays: Arrays, key: str) -> Iterable[Any]:
    read = _reader(kind)
    return [read(item, arrays, f"{key}[{place}]") for place, item in enumerate(_list(plain, key))]


def _list(plain: object, key: str) -> list[Any]:
    if not isinstance(plain, list):
        raise PlainError(key, "a list", _short(plain))
    return plain


def _object(plain: object, key: str) -> dict[str, Any]:
    if not isinstance(plain, dict):
        raise PlainError(key, "an object", _short(plain))
    return plain


def _mapping(kind: Any) -> Reader:
    def read(plain: object, arrays: Arrays, key: str) -> Any:
        table = _object(plain, key)
        return {
            name: _reader(kind)(item, arrays, _below(key, name)) for name, item in table.items()
        }

    return read


def _array(plain: object, arrays: Arrays, key: str) -> Any:
    place = plain.get(_ARRAY) if isinstance(plain, dict) else None
    if type(place) is not int or not 0 <= place < len(arrays):
        raise PlainError(key, "an array", _short(plain))
    return arrays[place]


def _spelled(kind: Any) -> Reader:
    def read(plain: object, arrays: Arrays, key: str) -> Any:
        try:
            return kind.parse(_reader(str)(plain, arrays, key))
        except PlainError:
            raise
        except ValueError as error:
            raise PlainError(key, kind.__name__, f"{_short(plain)}: {error}") from None

    return read


def _dataclass(kind: Any) -> Reader:
    hints = get_type_hints(kind)
    known = {field.name: hints[field.name] for field in fields(kind)}
    needed = [f.name for f in fields(kind) if f.default is f.default_factory is MISSING]

    def read(plain: object, arrays: Arrays, key: str) -> Any:
        table = _object(plain, key)
        for name in table:
            if name not in known:
                raise PlainError(_below(key, name), "no such key", nearest(name, known))
        for name in needed:
            if name not in table:
                raise PlainError(_below(key, name), "a value", "none")
        return kind(
            **{
                name: _reader(known[name])(item, arrays, _below(key, name))
                for name, item in table.items()
            }
        )

    return read


def _below(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _short(plain: object) -> str:
    text = repr(plain)
    return text if len(text) <= 60 else f"{text[:57]}..."
