"""What pydantic refuses, as problems that a user can fix: each mistake once, with its line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from fpgac.errors import Problem, Where, closest, nearest, shown
from fpgac.spec.kinds import either, field_text, inner_models, keys_of, kind_text, limit_texts
from fpgac.spec.lines import KeyPath, key_text, nearest_line

__all__ = ["MOST_PROBLEMS", "problems_of"]

# Nobody mends more at once, and each looks for what was meant.
MOST_PROBLEMS = 200

# How pydantic labels the members of a union that take values of each type.
_MEMBERS: Mapping[type, tuple[str, ...]] = {
    list: ("tuple[", "list["),
    str: ("str", "constrained-str", "literal[", "function-"),
    bool: ("bool",),
    int: ("int", "constrained-int", "float", "constrained-float"),
    float: ("float", "constrained-float"),
}


def problems_of(
    error: ValidationError,
    model: type[BaseModel],
    file: Path | None,
    lines: Mapping[KeyPath, int],
    data: Mapping[str, Any],
    root: KeyPath = (),
) -> list[Problem]:
    """Every problem that pydantic found in ``data``, one for each key, in the order of lines.

    Of very many the last one says how many more there are. ``root`` is the place of ``data`` in
    the file, where it is only a part of it.
    """
    document = _Document(model, data, root)
    chosen = list(_chosen(error, data).items())
    mistakes = [_mistake(document, path, detail) for path, detail in chosen[:MOST_PROBLEMS]]
    # A slip in a key is one mistake, not an unknown key and a missing one.
    meant = {(path, "spec.missing-key") for mistake in mistakes for path in mistake.meant}
    problems = [
        replace(mistake.problem, where=Where(file, nearest_line(lines, whole), key_text(whole)))
        for mistake in mistakes
        if (mistake.path, mistake.problem.code) not in meant
        for whole in [(*root, *mistake.path)]
    ]
    problems.sort(key=lambda problem: (problem.where and problem.where.line) or 0)
    return [*problems, *_more(len(chosen) - len(mistakes), Where(file))]


def _more(mistakes: int, where: Where) -> Iterator[Problem]:
    if mistakes > 0:
        hint = "fix those above first"
        yield Problem(f"{mistakes} more mistakes", where, hint=hint, code="spec.more-mistakes")


@dataclass(frozen=True)
class _Document:
    """The data that were refused, and the model that refused them."""

    model: type[BaseModel]
    data: Mapping[str, Any]
    root: KeyPath

    def value(self, path: KeyPath) -> Any:
        """What was given at ``path``; None where nothing was."""
        value: Any = self.data
        for part in path:
            if not _holds(value, part):
                return None
            value = value[part]
        return value

    def annotation(self, path: KeyPath) -> Any:
        """What may be at ``path``: the annotation of a field, or of an item of its array."""
        annotation: Any = self.model
        for place, part in enumerate(path, start=1):
            if isinstance(part, int):
                annotation = _item(annotation, part)
            elif (field := self._field(annotation, path[:place])) is not None:
                annotation = field.annotation
            else:
                annotation = _value_by_name(annotation)
        return annotation

    def field(self, path: KeyPath) -> FieldInfo | None:
        """The field at ``path``; None for an item of an array, and where there is none."""
        if not path or isinstance(path[-1], int):
            return None
        return self._field(self.annotation(path[:-1]), path)

    def keys(self, path: KeyPath) -> list[str]:
        """The keys that the table at ``path`` may have."""
        models = self._models(self.annotation(path), path)
        return [key for model in models for key in keys_of(model)]

    def _field(self, annotation: Any, path: KeyPath) -> FieldInfo | None:
        fields = (keys_of(m).get(str(path[-1])) for m in self._models(annotation, path[:-1]))
        return next(filter(None, fields), None)

    def _models(self, annotation: Any, path: KeyPath) -> list[type[BaseModel]]:
        """The models of the table at ``path``; of a union's, the one that its ``kind`` names."""
        models, table = inner_models(annotation), self.value(path)
        if len(models) > 1 and isinstance(table, Mapping):
            return [model for model in models if table.get("kind") in _kinds(model)]
        return models


@dataclass(frozen=True)
class _Mistake:
    """A problem at ``path``, yet without its place, and the missing keys that were meant by it."""

    path: KeyPath
    problem: Problem
    meant: tuple[KeyPath, ...] = ()


# Which of pydantic's errors to speak of, and where in the data they are


def _chosen(error: ValidationError, data: Mapping[str, Any]) -> dict[KeyPath, ErrorDetails]:
    """One error for each path: of a union's, that of the member which the value was meant for."""
    fitting: dict[KeyPath, list[ErrorDetails]] = {}
    others: dict[KeyPath, ErrorDetails] = {}
    for detail in error.errors(include_url=False):
        path, fits = _place(detail, data)
        if fits and not _is_consequence(detail):
            fitting.setdefault(path, []).append(detail)
        elif not fits:
            others.setdefault(path, detail)
    chosen = {path: _best(details) for path, details in fitting.items()}
    for path in sorted(others, key=len, reverse=True):
        # Where no member fits, the union refuses; else a member has said more, here or further in.
        if not any(found[: len(path)] == path for found in chosen):
            chosen[path] = others[path]
    return chosen


def _place(detail: ErrorDetails, data: Any) -> tuple[KeyPath, bool]:
    """The part of pydantic's location that is keys, and whether a union's members fit the data."""
    path: list[str | int] = []
    fits, tagged, value = True, False, data
    *_, last = (None, *detail["loc"])
    for part in detail["loc"]:
        if not tagged and isinstance(value, dict) and value.get("kind") == part:
            tagged = True  # a member of a union, by its tag
        elif _holds(value, part):
            path.append(part)
            value, tagged = value[part], False
        elif part is last and _names_absent_key(detail, value):
            path.append(part)
        elif isinstance(part, str) and part != "[key]":
            fits = fits and _takes(part, value)
    if detail["type"].startswith("union_tag"):
        path.append("kind")
    return tuple(path), fits


def _names_absent_key(detail: ErrorDetails, value: object) -> bool:
    """Whether an error is about the last key of its location, which the table does not have."""
    last = detail["loc"][-1]
    if not isinstance(last, str) or not isinstance(value, dict):
        return False
    return detail["type"] == "missing" or ("." in detail["type"] and last.isidentifier())


def _takes(label: str, value: object) -> bool:
    """Whether the member of a union with pydantic's ``label`` is one for such a value."""
    if isinstance(value, dict):
        return label.startswith("dict[") or label[:1].isupper()
    return label.startswith(_MEMBERS.get(type(value), ()))


def _is_consequence(detail: ErrorDetails) -> bool:
    """Whether an array is too short only because its items are refused."""
    if detail["type"] != "too_short":
        return False
    return bool(len(detail["input"]) >= detail["ctx"]["min_length"])


def _best(details: list[ErrorDetails]) -> ErrorDetails:
    """The error of the choice that was mistyped, if there is one; else the first."""
    slips = (d for d in details if d["type"] == "literal_error" and _is_slip(d))
    return next(slips, details[0])


def _is_slip(detail: ErrorDetails) -> bool:
    given = detail["input"]
    return isinstance(given, str) and closest(given, _choices(detail)) is not None


def _choices(detail: ErrorDetails) -> list[str]:
    context = detail.get("ctx", {})
    return re.findall(r"'([^']*)'", context.get("expected", context.get("expected_tags", "")))


# What to say of them


def _mistake(document: _Document, path: KeyPath, detail: ErrorDetails) -> _Mistake:
    kind = detail["type"]
    if kind == "extra_forbidden":
        return _unknown_key(document, path)
    if kind == "union_tag_not_found":
        return _no_kind(document, path, detail)
    if kind.endswith("_type") or kind in ("int_from_float", "spec.wrong-type"):
        return _Mistake(path, _wrong_type(document, path, detail))
    return _Mistake(path, _PROBLEMS.get(kind, _invalid)(document, path, detail))


def _unknown_key(document: _Document, path: KeyPath) -> _Mistake:
    *table, last = path
    key, known = str(last), document.keys(tuple(table))
    here = tuple(0 if isinstance(part, int) else part for part in table)
    homes = [home for home in _homes(document.model).get(key, ()) if home != here]
    # A key of another table is rather misplaced than mistyped.
    slip = closest(key, known, least=0.8 if homes else 0.6)
    home = ""
    if homes:
        places = either(_home_text(document.root, home) for home in homes)
        home = f"{shown(key)} belongs {places}"
    hint = f"did you mean {slip!r}?" if slip else home or nearest(key, known)
    if slip and home:
        hint += f" ({home})"
    problem = Problem(f"unknown key {shown(key)}", hint=hint, code="spec.unknown-key")
    if slip:
        return _Mistake(path, problem, ((*table, slip),))
    return _Mistake(path, problem, ((*homes[0], key),) if len(homes) == 1 else ())


@cache
def _homes(model: type[BaseModel]) -> Mapping[str, tuple[KeyPath, ...]]:
    """The tables below ``model`` that know a key, by the key; an array's have the index 0."""
    homes: dict[str, tuple[KeyPath, ...]] = {}
    for key, table in dict.fromkeys(_known_keys(model, ())):
        homes[key] = (*homes.get(key, ()), table)
    return homes


def _known_keys(model: type[BaseModel], table: KeyPath) -> Iterator[tuple[str, KeyPath]]:
    yield from ((name, table) for name in keys_of(model))
    for name, field in model.model_fields.items():
        index = (0,) if _is_array(field.annotation) else ()
        for inner in inner_models(field.annotation):
            yield from _known_keys(inner, (*table, name, *index))


def _home_text(root: KeyPath, home: KeyPath) -> str:
    whole = (*root, *home)
    if not whole:
        return "at the top of the file, before the first [table]"
    if whole[-1] == 0:
        return f"in the tables of {key_text(whole[:-1])}"
    return f"under [{key_text(whole)}]"


def _no_kind(document: _Document, path: KeyPath, detail: ErrorDetails) -> _Mistake:
    """A table without its ``kind``, which may be there with a slip."""
    table, field = path[:-1], str(path[-1])
    slips = [key for key in document.value(table) if closest(key, [field])]
    if slips:
        hint = f"did you mean {field!r}?"
        problem = Problem(f"unknown key {slips[0]!r}", hint=hint, code="spec.unknown-key")
        return _Mistake((*table, slips[0]), problem)
    return _Mistake(path, _missing(document, path, detail))


def _missing(document: _Document, path: KeyPath, detail: ErrorDetails) -> Problem:
    if isinstance(document.value(path), list):  # an item of an array whose length is fixed
        return _wrong_length(document, path, detail)
    return Problem(
        f"missing key {str(path[-1])!r}",
        expected=_expected(document, path),
        hint=_description(document, path),
        code="spec.missing-key",
    )


def _wrong_length(document: _Document, path: KeyPath, detail: ErrorDetails) -> Problem:
    return Problem(
        "wrong number of entries",
        expected=_expected(document, path, detail),
        got=shown(document.value(path)),
        hint=_description(document, path),
        code="spec.wrong-length",
    )


def _no_choice(document: _Document, path: KeyPath, detail: ErrorDetails) -> Problem:
    given = document.value(path)
    if not isinstance(given, str):
        return _wrong_type(document, path, detail)
    slip = closest(given, _choices(detail))
    return Problem(
        "not one of the choices",
        expected=_expected(document, path),
        got=shown(given),
        hint=f"did you mean {slip!r}?" if slip else "",
        code="spec.unknown-choice",
    )


def _out_of_range(document: _Document, path: KeyPath, detail: ErrorDetails) -> Problem:
    return Problem(
        "out of range",
        expected=_expected(document, path, detail),
        got=shown(document.value(path)),
        hint=_description(document, path),
        code="spec.out-of-range",
    )


def _wrong_type(document: _Document, path: KeyPath, detail: ErrorDetails) -> Problem:
    table = detail["type"] in ("dict_type", "model_type", "model_attributes_type")
    return Problem(
        "wrong type of value",
        expected=_expected(document, path),
        got=shown(document.value(path)),
        hint=_table_hint(document, path) if table else _description(document, path),
        code="spec.wrong-type",
    )


def _table_hint(document: _Document, path: KeyPath) -> str:
    whole = (*document.root, *path)
    if any(isinstance(part, int) for part in whole):
        return "a table in one line is written { key = value, ... }"
    return f"write [{key_text(whole)}] on a line of its own, and its keys below"


def _invalid(document: _Document, path: KeyPath, detail: ErrorDetails) -> Problem:
    """What a validator of the model itself refuses."""
    kind, context, value = detail["type"], detail.get("ctx", {}), document.value(path)
    about_value = not isinstance(value, Mapping | None) and "[key]" not in detail["loc"]
    got = shown(value) if about_value else ""
    if "." in kind:  # a fault, which brings its own code
        what = context["what"]
        got = "" if got in what else got
        return Problem(what, None, context["expected"], got, context["hint"], code=kind)
    if kind == "value_error":
        return Problem(str(context["error"]), code="spec.invalid-value")
    return Problem("impossible value", expected=detail["msg"], got=got, code="spec.invalid-value")


_PROBLEMS: Mapping[str, Callable[[_Document, KeyPath, ErrorDetails], Problem]] = {
    "missing": _missing,
    "too_short": _wrong_length,
    "too_long": _wrong_length,
    "literal_error": _no_choice,
    "union_tag_invalid": _no_choice,
    "greater_than_equal": _out_of_range,
    "greater_than": _out_of_range,
    "less_than_equal": _out_of_range,
    "less_than": _out_of_range,
    "finite_number": _out_of_range,
}


def _expected(document: _Document, path: KeyPath, detail: ErrorDetails | None = None) -> str:
    """What may be at ``path``, with the limit that ``detail`` is about."""
    field, annotation = document.field(path), document.annotation(path)
    if field is None and annotation is None:
        tables = inner_models(document.annotation(path[:-1]))
        kinds = [repr(kind) for model in tables for kind in _kinds(model)]
        return either(kinds) if kinds else "table"
    text = field_text(field, "'") if field else kind_text(annotation, "'")
    limits = limit_texts(detail.get("ctx", {})) if detail else []
    if detail and detail["type"] == "finite_number":
        limits = ["finite"]
    if detail and f"array of {detail.get('ctx', {}).get('max_length')} " in text:
        limits = []
    return ", ".join([text, *(limit for limit in limits if limit not in text)])


def _description(document: _Document, path: KeyPath) -> str:
    field = document.field(path)
    return (field.description or "") if field else ""


# Data and annotations


def _holds(value: Any, part: str | int) -> bool:
    if isinstance(value, Mapping):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and part < len(value)


def _is_array(annotation: Any) -> bool:
    return get_origin(annotation) is tuple


def _item(annotation: Any, index: int) -> Any:
    """What an array with this annotation may hold at ``index``."""
    if get_origin(annotation) is tuple:
        items = get_args(annotation)
        return items[0] if items[-1] is Ellipsis else items[min(index, len(items) - 1)]
    return next((_item(a, index) for a in get_args(annotation) if _has_array(a)), None)


def _value_by_name(annotation: Any) -> Any:
    """What a table with this annotation holds under any name; None where its keys are fixed."""
    if get_origin(annotation) is dict:
        return get_args(annotation)[1]
    return next(filter(None, map(_value_by_name, get_args(annotation))), None)


def _has_array(annotation: Any) -> bool:
    return _is_array(annotation) or any(map(_has_array, get_args(annotation)))


def _kinds(model: type[BaseModel]) -> tuple[Any, ...]:
    """What a table of ``model`` may have as its ``kind``."""
    field = model.model_fields.get("kind")
    return get_args(field.annotation) if field and get_origin(field.annotation) is Literal else ()
