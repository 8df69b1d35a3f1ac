"""From a TOML file to a :class:`Spec`, or to everything that is wrong with it."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fpgac.errors import Problem, SpecError, Where, nearest, shown
from fpgac.spec.lines import KeyPath, deepest_line, key_lines, key_text, nearest_line
from fpgac.spec.mistakes import problems_of
from fpgac.spec.models import Spec

__all__ = ["SpecFile", "load_spec"]

LARGEST = 4 * 2**20

# TOML integers have 64 bits.
LARGEST_NUMBER = 2**63 - 1


@dataclass(frozen=True)
class SpecFile:
    """A spec, the file it came from, and the line of each of its keys."""

    path: Path
    spec: Spec
    lines: Mapping[KeyPath, int]

    def where(self, *path: str | int) -> Where:
        """The place of a key, for errors that only later stages can find."""
        return Where(self.path, nearest_line(self.lines, path), key_text(path))

    @property
    def network_path(self) -> Path:
        """The file of the trained network, in the spec's folder.

        A SavedModel of TensorFlow is a folder, which is known by a file in it.
        """
        path = self.path.parent / self.spec.network_file
        saved = path / "saved_model.pb"
        return saved if saved.is_file() else path


def load_spec(path: Path) -> SpecFile:
    """Read and validate the spec at ``path``.

    Raises:
        SpecError: the file is missing, is not TOML, or breaks the language; it holds every
            problem of the file, in the order of its lines.
    """
    text = _read(path)
    try:
        table = tomllib.loads(text)
        lines = key_lines(text)
        _refuse_huge_numbers(table, path, lines)
        # Through JSON, whose strict mode takes arrays as tuples but no string as a number.
        plain = json.dumps(table, default=str)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(_syntax_problem(path, text, str(error))) from None
    except RecursionError:
        raise SpecError(_too_deep(path, text)) from None
    except ValueError:  # tomllib leaves it to int()
        raise SpecError(_too_long_number(path, text)) from None
    try:
        return SpecFile(path, Spec.model_validate_json(plain), lines)
    except ValidationError as error:
        if any(detail["type"] == "json_invalid" for detail in error.errors()):
            raise SpecError(_too_deep(path, text)) from None
        raise SpecError(*problems_of(error, Spec, path, lines, table)) from None


def _read(path: Path) -> str:
    where = Where(path)
    try:
        if path.is_dir():
            problem = Problem("a spec is a file, and this is a folder", where, code="spec.folder")
            raise SpecError(problem)
        if path.stat().st_size > LARGEST:
            hint = "is it the right file?"
            raise SpecError(
                Problem("too large for a spec", where, hint=hint, code="spec.too-large")
            )
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SpecError(
            Problem("no such spec", where, hint=_similar_files(path), code="spec.not-found")
        ) from None
    except UnicodeDecodeError:
        raise SpecError(Problem("not a text file in UTF-8", where, code="spec.not-text")) from None
    except OSError as error:
        raise SpecError(
            Problem(f"cannot be read: {error.strerror}", where, code="spec.unreadable")
        ) from None


def _similar_files(path: Path) -> str:
    specs = {str(file.name): file for file in path.parent.glob("*.toml")}
    if specs:
        return nearest(path.name, specs)
    return "`fpgac init` writes a commented spec to start from"


def _syntax_problem(path: Path, text: str, message: str) -> Problem:
    match = re.search(r"\(at line (\d+), column (\d+)\)", message)
    line = int(match[1]) if match else None
    where = Where(path, line)
    if line and re.match("Cannot (overwrite|declare|mutate)|Duplicate", message):
        return _duplicate(where, text.split("\n")[line - 1], message)
    what = re.sub(r"\s*\(at .*\)", "", message)
    return Problem(
        f"TOML syntax: {what[:1].lower()}{what[1:]}"
        + (f" (column {match[2]})" if match else " (the file ends too early)"),
        where,
        hint="strings need quotes, tables are [in.brackets], arrays [a, b]",
        code="spec.syntax",
    )


def _duplicate(where: Where, line: str, message: str) -> Problem:
    """A key or a table that is in the file twice, the second time on ``line``."""
    inline = re.match(r"Duplicate inline table key '(.*)'", message)
    name = inline[1] if inline else line.partition("=")[0].strip()
    what = f"the table {name}" if name.startswith("[") else f"the key {shown(name)}"
    return Problem(f"{what} is in the file twice", where, code="spec.duplicate-key")


def _too_deep(path: Path, text: str) -> Problem:
    return Problem("nested too deeply", Where(path, deepest_line(text)), code="spec.too-deep")


def _too_long_number(path: Path, text: str) -> Problem:
    digits = re.search(r"[0-9_]{1000,}", text)
    line = text.count("\n", 0, digits.start()) + 1 if digits else None
    return _huge_number(Where(path, line))


def _huge_number(where: Where) -> Problem:
    return Problem(
        "the number is too large", where, expected="at most 64 bits", code="spec.huge-number"
    )


def _refuse_huge_numbers(
    value: Any, file: Path, lines: Mapping[KeyPath, int], path: KeyPath = ()
) -> None:
    if type(value) is int and abs(value) > LARGEST_NUMBER:
        raise SpecError(_huge_number(Where(file, nearest_line(lines, path), key_text(path))))
    if isinstance(value, dict | list):
        for part, inner in value.items() if isinstance(value, dict) else enumerate(value):
            _refuse_huge_numbers(inner, file, lines, (*path, part))
