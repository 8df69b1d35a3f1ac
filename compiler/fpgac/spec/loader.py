"""From a TOML file to a :class:`Spec`, or to all that is wrong with it at once."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from fpgac.errors import Problem, SpecError, Where, nearest
from fpgac.spec.lines import KeyPath, key_lines, nearest_line
from fpgac.spec.models import Spec

__all__ = ["SpecFile", "key_text", "load_spec", "problems_of"]

LARGEST = 4 * 2**20


@dataclass(frozen=True)
class SpecFile:
    """A spec, the file it came from, and the line of each of its keys."""

    path: Path
    spec: Spec
    lines: Mapping[KeyPath, int]

    def where(self, *path: str | int) -> Where:
        """The place of a key, for errors that only later stops can find."""
        return Where(self.path, nearest_line(self.lines, path), key_text(path))

    @property
    def network_path(self) -> Path:
        """Where the trained network lies: beside the spec."""
        return self.path.parent / self.spec.network_file


def load_spec(path: Path) -> SpecFile:
    """Read and validate the spec at ``path``.

    Raises:
        SpecError: the file is missing, is no TOML, or breaks the language; it holds every
            problem of the file, in the order of its lines.
    """
    text = _read(path)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(_syntax_problem(path, str(error))) from None
    lines = key_lines(text)
    try:
        # Through JSON, whose strict mode takes arrays as tuples but no string as a number.
        spec = Spec.model_validate_json(json.dumps(table, default=str))
    except ValidationError as error:
        raise SpecError(*problems_of(error, Spec, path, lines, table)) from None
    return SpecFile(path, spec, lines)


def _read(path: Path) -> str:
    where = Where(path)
    try:
        if path.is_dir():
            raise SpecError(Problem("a spec is a file, and this is a folder", where))
        if path.stat().st_size > LARGEST:
            raise SpecError(Problem("too large for a spec", where, hint="is it the right file?"))
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SpecError(Problem("no such spec", where, hint=_similar_files(path))) from None
    except UnicodeDecodeError:
        raise SpecError(Problem("not a text file in UTF-8", where)) from None
    except OSError as error:
        raise SpecError(Problem(f"cannot be read: {error.strerror}", where)) from None


def _similar_files(path: Path) -> str:
    specs = {str(file.name): file for file in path.parent.glob("*.toml")}
    if specs:
        return nearest(path.name, specs)
    return "`fpgac init` writes a commented spec to start from"


def _syntax_problem(path: Path, message: str) -> Problem:
    match = re.search(r"\(at line (\d+), column (\d+)\)", message)
    text = re.sub(r"\s*\(at .*\)", "", message)
    return Problem(
        f"TOML syntax: {text[:1].lower()}{text[1:]}"
        + (f" (column {match[2]})" if match else " (the file ends too early)"),
        Where(path, int(match[1]) if match else None),
        hint="strings need quotes, tables are [in.brackets], arrays [a, b]",
    )


def problems_of(
    error: ValidationError,
    model: type[BaseModel],
    file: Path | None,
    lines: Mapping[KeyPath, int],
    data: Mapping[str, Any],
    root: KeyPath = (),
) -> list[Problem]:
    """Every problem that pydantic found in ``data``, one for each key, in the order of lines.

    ``root`` is the place of ``data`` in the file, where it is only a part of it.
    """
    found: dict[KeyPath, Problem] = {}
    mistyped: set[KeyPath] = set()
    for detail in error.errors(include_url=False):
        path = _data_path(detail["loc"], data, detail["type"])
        where = Where(file, nearest_line(lines, (*root, *path)), key_text((*root, *path)))
        # A union reports every member that refused; the first one speaks for all.
        problem = found.setdefault(path, _problem(detail, path, where, model, data))
        if match := re.fullmatch(r"did you mean '(.*)'\?", problem.hint):
            mistyped.add((*path[:-1], match[1]))
    # A mistyped key is one mistake, not an unknown key and a missing one.
    kept = [problem for path, problem in found.items() if path not in mistyped]
    return sorted(kept, key=lambda p: (p.where.line or 0) if p.where else 0)


def key_text(path: KeyPath) -> str:
    """``topology.layers[2].units``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _data_path(loc: tuple[str | int, ...], data: Any, kind: str) -> KeyPath:
    """The part of pydantic's location that is keys of the data, not names of validators."""
    path: list[str | int] = []
    for part in loc:
        inside = isinstance(data, dict) and part in data
        if inside or (isinstance(data, list) and isinstance(part, int) and part < len(data)):
            data = data[part]
        elif isinstance(data, dict) and data.get("kind") == part:
            continue  # a member of a union, by its tag
        elif kind != "missing":
            break
        path.append(part)
    if kind.startswith("union_tag"):
        path.append("kind")
    return tuple(path)


def _problem(
    detail: ErrorDetails,
    path: KeyPath,
    where: Where,
    model: type[BaseModel],
    data: Mapping[str, Any],
) -> Problem:
    kind, key = detail["type"], str(path[-1]) if path else ""
    got = _shown(detail["input"])
    context = detail.get("ctx", {})
    match kind:
        case "extra_forbidden":
            table = _model_at(model, path[:-1], data)
            known = table.model_fields if table else ()
            return Problem(f"unknown key {key!r}", where, hint=_hint_for_unknown(key, known))
        case "missing" | "union_tag_not_found":
            return Problem(
                f"missing key {key!r}", where, expected=_description(model, path, data) or "a value"
            )
        case "literal_error" | "union_tag_invalid":
            tags = context.get("expected_tags", "")
            expected = str(context.get("expected", tags.replace(", ", " or ")))
            return _no_choice(expected, context.get("tag", detail["input"]), where)
        case "value_error":
            return Problem(str(context.get("error", detail["msg"])), where)
        case _:
            return Problem(_plain(detail["msg"]), where, _description(model, path, data), got)


def _no_choice(expected: str, given: Any, where: Where) -> Problem:
    choices = re.findall(r"'([^']*)'", expected)
    hint = nearest(given, choices) if isinstance(given, str) else ""
    hint = hint if hint.startswith("did") else ""
    return Problem("not one of the choices", where, expected, _shown(given), hint)


def _hint_for_unknown(key: str, known: Iterable[str]) -> str:
    hint = nearest(key, known)
    if hint.startswith("did"):
        return hint
    homes = [
        f"[{name}]"
        for name, field in Spec.model_fields.items()
        if any(key in table.model_fields for table in _inner_models(field.annotation))
    ]
    return f"{key!r} belongs under {' or '.join(homes)}" if homes else hint


def _plain(message: str) -> str:
    text = message.removeprefix("Input should be ").removeprefix("Value error, ")
    return text if text == message else f"must be {text}"


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 80 else text[:77] + "..."


def _model_at(
    model: type[BaseModel], path: KeyPath, data: Mapping[str, Any]
) -> type[BaseModel] | None:
    """The model of the table at ``path``; of a union's, the one that the table's ``kind`` names."""
    models: list[type[BaseModel]] = [model]
    table: Any = data
    for part in path:
        table = table[part]
        if not isinstance(part, int):
            fields = [m.model_fields[part] for m in models if part in m.model_fields]
            models = [inner for field in fields for inner in _inner_models(field.annotation)]
        if isinstance(table, dict) and len(models) > 1:
            models = [m for m in models if _is_kind(m, table.get("kind"))]
    return models[0] if models else None


def _is_kind(model: type[BaseModel], kind: object) -> bool:
    return kind in get_args(model.model_fields["kind"].annotation)


def _inner_models(annotation: Any) -> list[type[BaseModel]]:
    """The models that stand in an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for argument in get_args(annotation) for found in _inner_models(argument)]


def _description(model: type[BaseModel], path: KeyPath, data: Mapping[str, Any]) -> str:
    table = _model_at(model, path[:-1], data) if path else None
    field = table.model_fields.get(str(path[-1])) if table else None
    return field.description or "" if field else ""
