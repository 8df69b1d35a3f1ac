"""The page of all error codes, made from the source: ``python scripts/error_codes.py``."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Final

from fpgac import errors

__all__ = ["ROOT", "Site", "page", "sites"]

ROOT: Final = Path(__file__).resolve().parents[1]
SOURCES: Final = ("compiler/fpgac", "plugins/fpgac_targets")

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


@dataclass(frozen=True)
class _Maker:
    """What makes problems when it is called: a class, or a function whose caller gives the code.

    ``parameters`` are those that may be given by position; ``code`` and ``what`` are the parameters
    of the code, after its ``prefix``, and of what the problem says, or else it says ``text``.
    ``error`` is the class that it is raised in.
    """

    parameters: tuple[str, ...]
    code: str = "code"
    what: str = "what"
    prefix: str = ""
    text: str = ""
    error: str = ""
    method: bool = False
    defaults: Mapping[str, ast.expr] = field(default_factory=dict)

    def argument(self, call: ast.Call, name: str) -> ast.expr | None:
        """What a call gives as a parameter, or its default."""
        named = {keyword.arg: keyword.value for keyword in call.keywords}
        given = dict(zip(self.parameters, call.args, strict=False)) | named
        return given.get(name) or self.defaults.get(name)


# The makers that a module may call, by name.
_Makers = Mapping[str, _Maker]

_MAKERS: Final[_Makers] = {
    "Problem": _Maker(("what",)),
    "fault": _Maker(("code", "what")),
    # What an importer meets in a layer; the draft of the file becomes one problem of all.
    "UnsupportedError": _Maker(
        ("what", "hint", "code"),
        error="NetworkError",
        defaults={"code": ast.Constant("network.unknown-layer")},
    ),
}

# The rules of wiring are those of specs and of networks; each has a kind, which is a code's words.
_WIRING: Final = "compiler/fpgac/spec/wiring.py"
_FAULT: Final = _Maker(("kind", "what"), code="kind")
_WIRED: Final = ("spec.", "network.")

# Where a code comes from a fault that has been seen already.
_PASSED_ON: Final = {
    ("compiler/fpgac/spec/mistakes.py", "kind"),
    ("compiler/fpgac/spec/topology.py", "found.kind"),
    ("compiler/fpgac/network/soundness.py", "found.kind"),
    ("compiler/fpgac/network/imports/keras/reading.py", "error.code"),
    ("compiler/fpgac/network/imports/onnx/reading.py", "error.code"),
}


def sites() -> list[Site]:
    """Every place of the compiler and the built-in targets that makes a problem."""
    files = [file for folder in SOURCES for file in sorted((ROOT / folder).rglob("*.py"))]
    modules = {file.relative_to(ROOT).as_posix(): ast.parse(file.read_text()) for file in files}
    makers: dict[str, _Makers] = dict.fromkeys(modules, _MAKERS)
    for _ in range(2):  # a function that calls one that calls one
        makers = {p: _makers(tree, _known(p, tree, makers)) for p, tree in modules.items()}
    found = [s for p, tree in modules.items() for s in _sites(p, tree, _known(p, tree, makers))]
    return found + [
        replace(site, code=prefix + (site.code or ""))
        for site in _sites(_WIRING, modules[_WIRING], {"Fault": _FAULT})
        for prefix in _WIRED
    ]


def _sites(path: str, tree: ast.Module, makers: _Makers) -> Iterator[Site]:
    parents = _parents(tree)
    for call, maker in _calls(tree, makers):
        around = _around(call, parents)
        code = maker.argument(call, maker.code)
        if _is_copy(call) or _passes_on(around, code) or (path, _source(code)) in _PASSED_ON:
            continue
        literal = _literal(code)
        yield Site(
            path,
            call.lineno,
            None if literal is None else maker.prefix + literal,
            _text(maker.argument(call, maker.what), call.lineno, around) or maker.text,
            maker.error or _error(around),
        )


def _calls(tree: ast.Module, makers: _Makers) -> Iterator[tuple[ast.Call, _Maker]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (maker := makers.get(_called(node))) is not None:
            yield node, maker


def _makers(tree: ast.Module, known: _Makers) -> dict[str, _Maker]:
    """The functions of a module that call known makers with a code of their own caller's."""
    parents = _parents(tree)
    found: dict[str, _Maker] = {}
    for call, maker in _calls(tree, known):
        around = _around(call, parents)
        function = _function(around)
        code, what = (maker.argument(call, name) for name in (maker.code, maker.what))
        given = _passes_on(around, code)
        if function is not None and given is not None:
            prefix, name = given
            found[function.name] = replace(
                _with_parameters(function),
                code=name,
                what=what.id if isinstance(what, ast.Name) else "",
                prefix=maker.prefix + prefix,
                text=_text(what, call.lineno, around),
                error=maker.error or _error(around),
            )
    return found


def _with_parameters(function: ast.FunctionDef) -> _Maker:
    names = [parameter.arg for parameter in function.args.args]
    values = function.args.defaults
    method = names[:1] == ["self"]
    defaults = dict(zip(names[len(names) - len(values) :], values, strict=True))
    return _Maker(tuple(names[method:]), method=method, defaults=defaults)


def _passes_on(around: Sequence[ast.AST], code: ast.expr | None) -> tuple[str, str] | None:
    """The prefix and the parameter of the function around that a code is made of."""
    function = _function(around)
    parameters = (*function.args.args, *function.args.kwonlyargs) if function else ()
    match code:
        case ast.Name(id=name):
            prefix = ""
        case ast.JoinedStr(
            values=[ast.Constant(value=str(prefix)), ast.FormattedValue(value=ast.Name(id=name))]
        ):
            pass
        case _:
            return None
    return (prefix, name) if name in {parameter.arg for parameter in parameters} else None


def _known(path: str, tree: ast.Module, makers: Mapping[str, _Makers]) -> _Makers:
    """The makers of a module, those that it imports, and the methods in modules that it imports."""
    found: dict[str, _Maker] = dict(_MAKERS)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            module = f"compiler/{node.module.replace('.', '/')}.py"
            names = {alias.name for alias in node.names}
            theirs = makers.get(module, {}).items()
            found |= {name: maker for name, maker in theirs if maker.method or name in names}
    return found | dict(makers[path])


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


def _parents(tree: ast.Module) -> dict[ast.AST, ast.AST]:
    return {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}


def _called(call: ast.Call) -> str:
    """The name of the function or method of a call."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _is_copy(call: ast.Call) -> bool:
    """Whether a problem is made from another's fields."""
    return any(keyword.arg is None for keyword in call.keywords) and not call.args


def _source(code: ast.expr | None) -> str:
    return ast.unparse(code) if code else ""


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


def _function(around: Sequence[ast.AST]) -> ast.FunctionDef | None:
    return next((node for node in around if isinstance(node, ast.FunctionDef)), None)


def _error(around: Sequence[ast.AST]) -> str:
    """The class of the error whose call is around a problem."""
    names = (_called(node) for node in around if isinstance(node, ast.Call))
    return next((name for name in names if hasattr(errors, name) and name.endswith("Error")), "")


def _text(what: ast.expr | None, line: int, around: Sequence[ast.AST]) -> str:
    """What a problem says that is made at ``line``, as Markdown."""
    match what:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_text(part, line, around) for part in parts)
        case ast.FormattedValue(value=value):
            return f"*{_name(value)}*"
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _text(left, line, around) + _text(right, line, around)
        case ast.Name(id=name):
            return _text(_assigned(name, line, around), line, ())
    return ""


def _assigned(name: str, line: int, around: Sequence[ast.AST]) -> ast.expr | None:
    """What a variable held at ``line``, as the function around says last before."""
    function = _function(around)
    assignments = [
        node
        for node in (ast.walk(function) if function else ())
        if isinstance(node, ast.Assign) and node.lineno <= line
    ]
    found: ast.expr | None = None
    for node in sorted(assignments, key=lambda node: node.lineno):
        target, value = node.targets[0], node.value
        pairs = [(target, value)]
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            pairs = list(zip(target.elts, value.elts, strict=False))
        for one, its in pairs:
            if isinstance(one, ast.Name) and one.id == name:
                found = its
    return found


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
