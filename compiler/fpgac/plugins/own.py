"""fpgac's own boards, found where they lie beside the compiler.

A stranger's package of the same name may stand before them on the path: it is never taken for them.
"""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import PathFinder
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Final

import fpgac
from fpgac.plugins.hookspecs import PROJECT

__all__ = ["BUILTIN_PLUGIN", "OWN_PACKAGES", "import_own_targets"]

# Also found in a clone that was never installed.
BUILTIN_PLUGIN: Final = EntryPoint(name="builtin", value="fpgac_targets", group=PROJECT)

# The packages beside fpgac's own, each with its folder in a clone.
_BESIDE: Final = {BUILTIN_PLUGIN.value: "plugins", "fpgac_templates": "templates"}
# The packages of fpgac's distribution, whose names no other may have.
OWN_PACKAGES: Final = (PROJECT, *_BESIDE)


def import_own_targets() -> ModuleType:
    """The module with the built-in targets."""
    modules = {package: _import_own(package) for package in reversed(_BESIDE)}
    return modules[BUILTIN_PLUGIN.value]


def _import_own(package: str) -> ModuleType:
    """A package that lies beside ``fpgac``, or as in a clone in a folder beside the compiler's."""
    home = Path(fpgac.__file__).parents[1]
    spec = PathFinder.find_spec(package, [str(home), str(home.parent / _BESIDE[package])])
    if spec is None or spec.loader is None:
        raise ImportError(f"{package} does not lie beside fpgac: is the installation whole?")
    there = sys.modules.get(package)
    if there is not None and there.__file__ == spec.origin:
        return there
    module = importlib.util.module_from_spec(spec)
    sys.modules[package] = module
    spec.loader.exec_module(module)
    return module
