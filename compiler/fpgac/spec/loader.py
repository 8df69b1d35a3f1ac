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
from fpgac.spec.lines import KeyPath, deepest, key_lines, key_text, nearest_line
from fpgac.spec.mistakes import problems_of
from fpgac.spec.models import Spec

__all__ = ["SpecFile", "load_spec", "parsed"]

# Bytes of a file: thousands of layers.
LARGEST = 2**18

# Arrays and tables in one another.
DEEPEST = 64

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
    table, lines = parsed(path, text), key_lines(text)
    try:
        # Through JSON, whose strict mode takes arrays as tuples but no string as a number.
        spec = Spec.model_validate_json(json.dumps(table, default=str))
        return SpecFile(path, spec, lines)
    except ValidationError as error:
        raise SpecError(*problems_of(error, Spec, path, lines, table)) from None


def parsed(path: Path, text: str) -> dict[str, Any]:
    """What a TOML ``text`` of the file at ``path`` says.

    Raises:
        SpecError: it is no TOML, too large, nested too deeply, or has numbers that are too large.
    """
    _refuse_size(path, len(text))
    _refuse_nesting(path, text)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(_syntax_problem(path, text, str(error))) from None
    except ValueError:  # tomllib leaves it to int()
        raise SpecError(_too_long_number(path, text)) from None
    if (huge := _huge_number_in(table)) is not None:
        line = nearest_line(key_lines(text), huge)
        raise SpecError(_huge_number(Where(path, line, key_text(huge))))
    return table


def _read(path: Path) -> str:
    where = Where(path)
    try:
        if path.is_dir():
            problem = Problem("a spec is a file, and this is a folder", where, code="spec.folder")
            raise SpecError(problem)
        _refuse_size(path, path.stat().st_size)
        return path.read_text(encoding="utf-8-sig")  # Windows editors begin with a mark
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


def _refuse_size(path: Path, size: int) -> None:
    if size > LARGEST:
        expected, hint = f"at most {LARGEST} bytes", "is it the right file?"
        raise SpecError(
            Problem("too large", Where(path), expected, f"{size}", hint, code="spec.too-large")
        )


def _refuse_nesting(path: Path, text: str) -> None:
    """Readers of TOML and JSON recurse, and take a time that grows with the square of the depth."""
    # Most files cannot be so deep, whatever their brackets and dots mean.
    dots = max(line.count(".") for line in text.split("\n"))
    if text.count("[") + text.count("{") + dots <= DEEPEST:
        return
    depth, line = deepest(text)
    if depth > DEEPEST:
        raise SpecError(
            Problem(
                "nested too deeply",
                Where(path, line),
                expected=f"at most {DEEPEST} arrays and tables in one another",
                code="spec.too-deep",
            )
        )


def _too_long_number(path: Path, text: str) -> Problem:
    digits = re.search(r"[0-9_]{1000,}", text)
    line = text.count("\n", 0, digits.start()) + 1 if digits else None
    return _huge_number(Where(path, line))


def _huge_number(where: Where) -> Problem:
    return Problem(
        "the number is too large", where, expected="at most 64 bits", code="spec.huge-number"
    )


def _huge_number_in(value: Any, path: KeyPath = ()) -> KeyPath | None:
    """The place of the first number that is too large, if there is one."""
    if type(value) is int and abs(value) > LARGEST_NUMBER:
        return path
    if isinstance(value, dict | list):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        found = (_huge_number_in(each, (*path, part)) for part, each in inner)
        return next((place for place in found if place is not None), None)
    return None
