"""The house stands: imports go downwards, and plugins see the public face alone.

The floors, from top to bottom, are those of ``docs/architecture.md``. An import counts wherever it
stands, inside a function or for the type checker only: what cannot be imported cannot be needed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from fpgac import emulation, plugins

ROOT: Final = Path(__file__).resolve().parents[1]

FLOORS: Final = (
    "__main__",
    "cli",
    "testing",
    "api",
    "pipeline",
    "engines",
    "plugins",
    "hardware",
    "steps",
    "emulation",
    "targets",
    "design",
    "native",
    "rules",
    "core",
    "network",
    "program",
    "data",
    "reports",
    "spec",
    "build",
    "plain",
    "tensors",
    "decoding",
    "numbers",
    "digest",
    "errors",
    "",  # fpgac itself: its version
)


def imports_of(source: str) -> Iterator[tuple[int, str]]:
    """Line and dotted name of all that ``source`` imports; ``from a import b`` is ``a.b``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{package}.{alias.name}") for alias in node.names)


def floor_of(name: str) -> str:
    """The floor on which ``fpgac.<floor>.<...>`` lies."""
    floor = name.removeprefix("fpgac").removeprefix(".").partition(".")[0]
    return floor if floor in FLOORS else ""


def imports_upwards(floor: str, source: str) -> Iterator[str]:
    """Each import in ``source``, a module of ``floor``, of something that stands above it."""
    for line, name in imports_of(source):
        if name.startswith("."):
            yield f"{line}: relative imports hide the floor they go to: {name}"
        package = name.partition(".")[0]
        if package == "fpgac" and FLOORS.index(floor_of(name)) < FLOORS.index(floor):
            yield f"{line}: {floor} must not import {name}"
        if package in {"fpgac_targets", "tests"}:
            yield f"{line}: the compiler must not import {name}"


def modules(folder: str) -> Iterator[Path]:
    yield from sorted((ROOT / folder).rglob("*.py"))


def test_every_module_of_the_compiler_has_its_floor() -> None:
    house = ROOT / "compiler" / "fpgac"
    rooms = {path.stem for path in house.iterdir() if path.is_dir() or path.suffix == ".py"}

    assert rooms - {"__init__", "__pycache__"} <= set(FLOORS)


def test_each_floor_imports_only_what_stands_below_it() -> None:
    house = ROOT / "compiler" / "fpgac"
    upwards = [
        f"{path.relative_to(ROOT)}:{complaint}"
        for path in modules("compiler/fpgac")
        for complaint in imports_upwards(
            path.relative_to(house).parts[0].removesuffix(".py").replace("__init__", ""),
            path.read_text(),
        )
    ]

    assert upwards == []


@pytest.mark.parametrize(
    ("floor", "source"),
    [
        ("spec", "from fpgac.cli import app"),
        ("core", "import fpgac.design.contract"),
        ("errors", "from fpgac import numbers"),
        ("data", "def later():\n    from fpgac.network.network import Network"),
        ("build", "from . import plan"),
        ("plugins", "import fpgac_targets"),
    ],
)
def test_an_import_that_goes_upwards_is_seen(floor: str, source: str) -> None:
    assert len(list(imports_upwards(floor, source))) == 1


@pytest.mark.parametrize(
    ("floor", "source"),
    [
        ("cli", "from fpgac.spec.models import Spec"),
        ("core", "from fpgac.core.core import Core"),
        ("numbers", "from fpgac import __version__"),
        ("spec", "import tomllib"),
    ],
)
def test_an_import_that_goes_downwards_is_welcome(floor: str, source: str) -> None:
    assert list(imports_upwards(floor, source)) == []


def test_target_plugins_see_only_the_public_face() -> None:
    public = {f"fpgac.plugins.{name}" for name in plugins.__all__}
    inside = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in modules("plugins")
        for line, name in imports_of(path.read_text())
        if name.partition(".")[0] in {"fpgac", "fpgac_templates"} and name not in public
    ]

    assert inside == []


def test_the_public_face_has_all_that_it_lists() -> None:
    assert [name for name in plugins.__all__ if not hasattr(plugins, name)] == []


def test_the_emulated_card_is_entered_by_its_front_door() -> None:
    offered = {f"fpgac.emulation.{name}" for name in emulation.__all__}
    inside = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for folder in ("compiler", "bench", "tests")
        for path in modules(folder)
        if "emulation" not in path.relative_to(ROOT).parts
        for line, name in imports_of(path.read_text())
        if name.startswith("fpgac.emulation.") and name not in offered
    ]

    assert inside == []


def test_the_emulated_card_has_all_that_it_offers() -> None:
    assert [name for name in emulation.__all__ if not hasattr(emulation, name)] == []
    assert not hasattr(emulation, "something_else")


def test_generated_hosts_stand_alone() -> None:
    folder = ROOT / "templates" / "fpgac_templates" / "hosts"
    hosts = sorted(path for path in folder.rglob("*") if path.suffix in {".j2", ".py", ".hpp"})

    assert hosts
    assert [
        path.name for path in hosts if re.search(r"^\s*(from|import) fpgac", path.read_text(), re.M)
    ] == []
