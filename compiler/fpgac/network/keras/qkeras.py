"""QKeras, also where HGQ2 is installed beside it. Only the worker process imports it.

HGQ2 brings a package of the same name for scripts of old. Installed beside QKeras it replaces
``qkeras/__init__.py``, and its folder ``qkeras/quantizers`` hides QKeras's ``quantizers.py``.
QKeras's own modules are all still there, and are found here by themselves.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import distribution
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["load_qkeras"]

_NAME = "qkeras"

# What QKeras's own front door shows, in its order.
_PUBLIC = (
    "b2t",
    "estimate",
    "qlayers",
    "quantizers",
    "qconvolutional",
    "qrecurrent",
    "qnormalization",
    "qoctave",
    "qpooling",
    "qconv2d_batchnorm",
    "qdepthwiseconv2d_batchnorm",
)


def load_qkeras() -> Any:
    """QKeras's package; ``keras`` must be Keras 2 already.

    Raises:
        ImportError: it is not installed, or is broken.
    """
    folder = Path(str(distribution("QKeras").locate_file(_NAME)))
    if (folder / "quantizers").is_dir():
        sys.meta_path.insert(0, _Finder(folder))
    return import_module(_NAME)


class _Finder(MetaPathFinder):
    """Finds the modules below ``folder`` by their files, which folders of their names hide."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, name = fullname.partition(".")
        if package != _NAME:
            return None
        if not name:
            spec = ModuleSpec(fullname, _FrontDoor(), is_package=True)
            spec.submodule_search_locations = [str(self.folder)]
            return spec
        file = self.folder / f"{name}.py"
        return spec_from_file_location(fullname, file) if file.is_file() else None


class _FrontDoor(Loader):
    """The package itself, with the names of its modules."""

    def exec_module(self, module: ModuleType) -> None:
        for name in _PUBLIC:
            part = vars(import_module(f"{_NAME}.{name}"))
            shown = {key: value for key, value in part.items() if not key.startswith("_")}
            vars(module).update(shown)
