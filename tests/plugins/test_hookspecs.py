"""The hooks and the public face hold what they promise a plugin's author."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

import fpgac.plugins
import fpgac_targets
from fpgac.plugins import hookspecs

HOOKS = [name for name in hookspecs.__all__ if name.startswith("fpgac_")]


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_has_a_type_and_one_line_of_documentation(name: str) -> None:
    hook = getattr(hookspecs, name)
    assert inspect.signature(hook).return_annotation.startswith("list[type[")
    assert len((hook.__doc__ or "").strip().splitlines()) == 1


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_has_a_test_through_the_whole_compiler(name: str) -> None:
    tests = Path(__file__).with_name("test_hooks.py").read_text()
    assert f"def test_{name}_" in tests


def test_every_public_name_is_there_and_sorted() -> None:
    assert all(hasattr(fpgac.plugins, name) for name in fpgac.plugins.__all__)
    assert len(set(fpgac.plugins.__all__)) == len(fpgac.plugins.__all__)


SOURCES = sorted(Path(fpgac_targets.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("source", SOURCES, ids=[path.name for path in SOURCES])
def test_the_built_in_targets_see_only_the_public_face(source: Path) -> None:
    imported = {
        node.module
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module
    } | {
        alias.name
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    inside = {m for m in imported if m.split(".")[0] == "fpgac" and m != "fpgac.plugins"}
    assert not inside
