"""The files of a design, each read by what will read it."""

from __future__ import annotations

import ast
import json
import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from fpgac.design.contract import Contract
from fpgac.design.design import Design, File
from fpgac.testing.processes import failure, run
from fpgac.testing.tcl import tcl_errors

__all__ = ["code_of", "parse_errors"]

SYNTAX: Final = ("g++", "-std=c++17", "-fsyntax-only", "-w", "-isystem", "/usr/include/xrt")


def code_of(path: str, file: File) -> object:
    """What a machine would do with ``file``: comments and texts for people left out."""
    text = file.content.decode(errors="replace")
    match Path(path).suffix:
        case ".md" | ".ipynb" | ".txt":
            return None
        case ".py":
            return _python_code(text)
        case ".cpp" | ".hpp" | ".h":
            strip = ["g++", "-fpreprocessed", "-dD", "-E", "-P", "-x", "c++", "-"]
            return run(strip, text=text)[1]
        case ".toml" | ".json" | ".hwh":
            return text.count("\n")
        case _:
            lines = (line.strip() for line in text.splitlines())
            return [line for line in lines if line and not line.startswith(("#", "//"))]


def _python_code(text: str) -> str:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = ""
    return ast.dump(tree)


def parse_errors(
    design: Design, folder: Path, tcl_more: Path | None = None, *, compiled: bool = True
) -> list[str]:
    """Write ``design`` below ``folder`` and parse each file as what it is; the complaints.

    C++ is compiled, unless told otherwise. Tcl is run; ``tcl_more`` teaches its recorder, see
    :func:`fpgac.testing.tcl.tcl_errors`.
    """
    from fpgac.steps.plan import CONTRACT, compiler_files

    said = design.files.get(CONTRACT)
    beside = compiler_files(Contract.from_json(said.content)) if said else {}
    contents = {path: file.content for path, file in {**design.files, **beside}.items()}
    _write(contents, folder)
    complaints = {path: _complaint(path, folder) for path in design.files}
    if compiled:
        complaints |= _compiler_errors(contents, design.files)
    complaints |= tcl_errors((p for p in design.files if p.endswith(".tcl")), folder, tcl_more)
    return [f"{path}: {complaint}" for path, complaint in complaints.items() if complaint]


def _write(contents: Mapping[str, bytes], folder: Path) -> None:
    for path, content in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def _compiler_errors(contents: Mapping[str, bytes], paths: Iterable[str]) -> dict[str, str]:
    """What g++ says of the sources among ``paths``."""
    sources = frozenset(c for c in contents.items() if c[0].endswith((".cpp", ".hpp", ".h")))
    # What hls4ml brings is not the target's; the kernel includes all of it.
    own = [p for p in paths if p.endswith(".cpp") and not p.startswith("kernel/firmware/")]
    return {path: _compiler_error(sources, path) for path in own}


@cache
def _compiler_error(sources: frozenset[tuple[str, bytes]], path: str) -> str:
    """What g++ says of ``path`` among ``sources``, which many targets have in common."""
    with tempfile.TemporaryDirectory() as folder:
        _write(dict(sources), Path(folder))
        own = ["-Iemulation/ap_types", "-Ikernel/firmware"]
        return failure([*SYNTAX, *own, path], Path(folder))


def _complaint(path: str, folder: Path) -> str:
    """What is wrong with a file, or nothing."""
    try:
        text = (folder / path).read_text(encoding="utf-8")
        match _language(path, text):
            case "sh":
                return failure(["bash", "-n", path], folder) or _shellcheck(path, folder)
            case "make":
                return _make_syntax(path, folder)
            case "py":
                compile(text, path, "exec")
            case "toml":
                tomllib.loads(text)
            case "json":
                json.loads(text)
    except (ValueError, SyntaxError) as error:
        return str(error)
    return ""


def _language(path: str, text: str) -> str:
    suffix = Path(path).suffix
    if Path(path).name == "Makefile":
        return "make"
    if suffix in (".ipynb", ".json"):
        return "json"
    first = text.partition("\n")[0]
    if not suffix and re.match(r"#!.*\b(ba)?sh\b", first):
        return "sh"
    return suffix.removeprefix(".")


def _shellcheck(path: str, folder: Path) -> str:
    return failure(["shellcheck", path], folder) if shutil.which("shellcheck") else ""


def _make_syntax(path: str, folder: Path) -> str:
    """Parse only: what a Makefile says of tools that are not here is no mistake of the file."""
    _, _, errors = run(["make", "-pqr", "-f", path], folder)
    wrong = re.search(r"\*\*\* (missing|unterminated|commands commence|extraneous).*", errors)
    return wrong[0] if wrong else ""
