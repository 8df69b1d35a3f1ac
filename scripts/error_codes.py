"""The page of all error codes, made from the source: ``python scripts/error_codes.py``."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from fpgac import errors

__all__ = ["ROOT", "Site", "page", "sites"]

ROOT: Final = Path(__file__).resolve().parents[1]
SOURCES: Final = ("compiler/fpgac", "plugins/fpgac_targets")

# Where a code is not literal: a validator's fault becomes a problem with the fault's own code.
PASSED_ON: Final = ("compiler/fpgac/spec/mistakes.py", "kind")

HEAD: Final = """\
# Errors

An error names what is wrong, where, what was expected, what was found and how to fix it. All
problems that can be found at once are reported at once. Each has a code for programs, which stays
the same when the words get better: tests and scripts should look at codes. The part before the
point says what the problem is about, and gives the exit code of the command; of several problems
the first one decides.

This page is made from the source (`python scripts/error_codes.py > docs/errors.md`). What depends
on the case is in *italics*.
"""
TAIL: Final = """\
## Other exit codes

| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | a defect of fpgac itself: `--debug` shows the traceback |
| 130 | interrupted |
| 143 | terminated |
"""


@dataclass(frozen=True)
class Site:
    """A place in the source that makes a problem.

    ``code`` is None where it is not a literal. ``text`` is what the problem says, as Markdown, or
    empty where the source does not show it. ``error`` is the class that it is raised in, where
    the source shows that.
    """

    path: str
    line: int
    code: str | None
    text: str
    error: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.code}"


def sites() -> list[Site]:
    """Every place of the compiler and the built-in targets that makes a problem."""
    files = [file for folder in SOURCES for file in sorted((ROOT / folder).rglob("*.py"))]
    return [site for file in files for site in sites_of(file.relative_to(ROOT).as_posix())]


def sites_of(path: str) -> Iterator[Site]:
    """The places in one file."""
    tree = ast.parse((ROOT / path).read_text())
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _called(node) in ("Problem", "fault"):
            around = _around(node, parents)
            code, what = _parts(node)
            if isinstance(code, ast.Name) and (path, code.id) == PASSED_ON:
                continue
            yield Site(path, node.lineno, _literal(code), _text(what, around), _error(around))


def page(found: Sequence[Site]) -> str:
    """The page, as Markdown."""
    coded = sorted((site.code, site.text) for site in found if site.code)
    lines = [HEAD]
    for area, entries in groupby(coded, key=lambda entry: entry[0].partition(".")[0]):
        lines += [f"## {area}: exit code {errors.AREAS[area]}", "", "| code | what it says |"]
        lines.append("| --- | --- |")
        for code, same in groupby(entries, key=lambda entry: entry[0]):
            texts = list(dict.fromkeys(text for _, text in same if text))
            said = "; ".join(texts or [code.partition(".")[2].replace("-", " ")])
            lines.append(f"| `{code}` | {said.replace('|', chr(92) + '|')} |")
        lines.append("")
    return "\n".join([*lines, TAIL])


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _parts(call: ast.Call) -> tuple[ast.expr | None, ast.expr | None]:
    """The expressions of a problem's or fault's code, and of what it says."""
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    given = call.args
    if _called(call) == "fault":
        return given[0], given[1]
    return named.get("code"), given[0] if given else named.get("what")


def _literal(code: ast.expr | None) -> str | None:
    text = code.value if isinstance(code, ast.Constant) else None
    return text if isinstance(text, str) else None


def _around(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> list[ast.AST]:
    """What a node stands in, from the inside out."""
    around = []
    while node in parents:
        node = parents[node]
        around.append(node)
    return around


def _error(around: Sequence[ast.AST]) -> str:
    """The class of the error whose call is around a problem."""
    names = (_called(node) for node in around if isinstance(node, ast.Call))
    return next((name for name in names if name.endswith("Error")), "")


def _text(what: ast.expr | None, around: Sequence[ast.AST]) -> str:
    match what:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_text(part, around) for part in parts)
        case ast.FormattedValue(value=value):
            return f"*{_name(value)}*"
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _text(left, around) + _text(right, around)
        case ast.Name(id=name):
            return _text(_assigned(name, around), ())
    return ""


def _assigned(name: str, around: Sequence[ast.AST]) -> ast.expr | None:
    """What a variable holds, where the function around gives it a text, alone or among others."""
    function = next((node for node in around if isinstance(node, ast.FunctionDef)), None)
    for node in ast.walk(function) if function else ():
        if not isinstance(node, ast.Assign):
            continue
        target, value = node.targets[0], node.value
        if isinstance(target, ast.Name) and target.id == name:
            return value
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for one, its in zip(target.elts, value.elts, strict=False):
                if isinstance(one, ast.Name) and one.id == name:
                    return its
    return None


def _name(value: ast.expr) -> str:
    """What to call a part of a message that depends on the case."""
    match value:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.replace("_", " ").strip()
        case ast.Call(func=ast.Name(id="shown" | "repr" | "str" | "len"), args=[argument, *_]):
            return _name(argument)
        case ast.Call(func=function):
            return _name(function)
        case ast.Subscript(value=inner):
            return _name(inner)
    return "..."


if __name__ == "__main__":
    sys.stdout.write(page(sites()))
