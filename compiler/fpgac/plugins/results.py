"""What code of a plugin gave, held against the annotations of the base class."""

from __future__ import annotations

import sys
from collections.abc import Collection, Hashable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from importlib import import_module
from itertools import repeat
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from fpgac.errors import shown

__all__ = ["hints_of", "misfit"]

Misfits = Iterator[str]


class _Names(dict[str, Any]):
    """Names that a module imports for type checkers only, as :mod:`fpgac.plugins` knows them."""

    def __missing__(self, name: str) -> Any:
        try:
            return getattr(import_module("fpgac.plugins"), name)
        except AttributeError:
            raise KeyError(name) from None


@cache
def hints_of(thing: Hashable) -> Mapping[str, Any]:
    """The annotations of a function or a class, as types; what cannot be resolved is left out.

    Those of a class are its own and its bases'; class variables are as their values.
    """
    found: dict[str, Any] = {}
    owners: Any = reversed(thing.__mro__) if isinstance(thing, type) else [thing]
    for owner in owners:
        names = _Names(vars(sys.modules[owner.__module__]))
        for name, said in getattr(owner, "__annotations__", {}).items():
            alone = type("Alone", (), {"__annotations__": {name: said}})
            try:
                hint = get_type_hints(alone, {}, names)[name]
            except NameError:
                continue
            found[name] = get_args(hint)[0] if get_origin(hint) is ClassVar else hint
    return found


def misfit(value: object, hint: Any, name: str) -> str | None:
    """What is wrong with ``value``, which ``name`` gave and ``hint`` describes; None if nothing.

    >>> misfit((2021, "2"), tuple[int, ...], "version")
    "version[1] must be int, not '2'"
    """
    return next(_misfits(value, hint, name), None)


def _misfits(value: Any, hint: Any, name: str) -> Misfits:
    """A complaint for each part of ``value`` that does not fit; classes decide by ``isinstance``.

    A number that is whole serves as a float. Of functions nothing is known but that they can be
    called; of arrays, that they are arrays.
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if isinstance(hint, TypeVar):
        yield from _misfits(value, hint.__bound__ or Any, name)
    elif origin in (Union, UnionType):
        if all(any(True for _ in _misfits(value, choice, name)) for choice in arguments):
            yield _wrong(value, hint, name)
    elif origin is Literal:
        if value not in arguments:
            yield _wrong(value, hint, name)
    elif origin is type:
        yield from _class_misfits(value, arguments[0], name)
    elif not _is_a(value, origin or hint):
        yield _wrong(value, hint, name)
    elif origin is not None and arguments:
        yield from _item_misfits(value, origin, arguments, name)
    elif is_dataclass(value) and not isinstance(value, type):
        yield from _field_misfits(value, name)


def _is_a(value: object, kind: Any) -> bool:
    if kind is Any or not isinstance(kind, type):
        return True
    if kind in (int, float) and isinstance(value, bool):
        return False
    if isinstance(value, str | bytes) and issubclass(kind, Collection):
        return isinstance(value, kind) and issubclass(kind, str | bytes)
    return isinstance(value, (int, float) if kind is float else kind)


def _class_misfits(value: object, wanted: Any, name: str) -> Misfits:
    base: Any = wanted.__bound__ if isinstance(wanted, TypeVar) else get_origin(wanted) or wanted
    if not (isinstance(value, type) and issubclass(value, base)):
        yield f"{name} must be a subclass of {base.__name__}, not {shown(value)}"


def _item_misfits(value: Any, origin: Any, arguments: Any, name: str) -> Misfits:
    """What is wrong inside a mapping, a tuple or another collection; arrays are left alone."""
    if issubclass(origin, Mapping):
        for key, item in value.items():
            yield from _misfits(key, arguments[0], f"a key of {name}")
            yield from _misfits(item, arguments[1], f"{name}[{key!r}]")
    elif issubclass(origin, tuple) and arguments[-1] is not Ellipsis:
        if len(value) != len(arguments):
            yield f"{name} must have {len(arguments)} items, not {len(value)}"
        yield from _each_misfits(value, arguments, name)
    elif issubclass(origin, Collection) and origin.__module__ != "numpy":
        yield from _each_misfits(value, repeat(arguments[0]), name)


def _each_misfits(values: Any, hints: Any, name: str) -> Misfits:
    for place, (item, hint) in enumerate(zip(values, hints, strict=False)):
        yield from _misfits(item, hint, f"{name}[{place}]")


def _field_misfits(value: Any, name: str) -> Misfits:
    kind: Any = type(value)
    hints = hints_of(kind)
    for field in fields(value):
        if field.name in hints:
            yield from _misfits(
                getattr(value, field.name), hints[field.name], f"{name}.{field.name}"
            )


def _wrong(value: object, hint: Any, name: str) -> str:
    return f"{name} must be {_text(hint)}, not {shown(value)}"


def _text(hint: Any) -> str:
    """A type as messages name it."""
    if isinstance(hint, type) and not get_args(hint):
        return "None" if hint is NoneType else hint.__name__
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(map(_text, get_args(hint)))
    if get_origin(hint) is Literal:
        return " or ".join(map(repr, get_args(hint)))
    if isinstance(get_origin(hint), type):
        inside = ", ".join("..." if each is ... else _text(each) for each in get_args(hint))
        return f"{get_origin(hint).__name__}[{inside}]"
    return str(hint)
