"""Python runs this at its start if this folder is in PYTHONPATH: pynq then finds the board.

Only the environment of a host that runs on an emulated board holds the folder. Whatever other
sitecustomize there is runs as well.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Sequence
from types import ModuleType

_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100,PTH120 (pathlib is slow)
_PACKAGES = os.path.abspath(os.path.join(_HERE, *[".."] * 4))  # noqa: PTH100,PTH118


class _Loader(importlib.abc.Loader):
    """Loads pynq.overlay, and then the board beside it."""

    def __init__(self, loader: importlib.abc.Loader) -> None:
        self._loader = loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        if importlib.util.find_spec("fpgac") is None:
            sys.path.append(_PACKAGES)
        importlib.import_module("fpgac.emulation.zynq.device")


class _Finder(importlib.abc.MetaPathFinder):
    """Stands in the way of one import, once."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target
        if fullname != "pynq.overlay":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


def _next_sitecustomize() -> None:
    sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder) != _HERE]  # noqa: PTH100
    own = sys.modules.pop("sitecustomize", None)
    try:
        importlib.import_module("sitecustomize")
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
        if own is not None:
            sys.modules["sitecustomize"] = own


sys.meta_path.insert(0, _Finder())
_next_sitecustomize()
