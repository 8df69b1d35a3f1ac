"""What a thing of a plugin is made from: the files whose content decides what it does.

They are the modules of its class and of what that inherits from, whatever of the same package or
folder those import, and the files that the class declares in ``depends_on``. The rest of a plugin
belongs to other things of it: a change there makes nothing of this one's again.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fpgac.digest import digest_files
from fpgac.plugins.own import OWN_PACKAGES
from fpgac.plugins.owner import Owner

__all__ = ["sources_digest", "sources_of"]


def sources_digest(thing: object) -> str:
    """Digest of :func:`sources_of`: names and contents, wherever they lie on this machine."""
    return digest_files({name: path.read_bytes() for name, path in sources_of(thing).items()})


def sources_of(thing: object) -> dict[str, Path]:
    """The files that decide what ``thing``, which a plugin offers, does; by a name for each.

    The sources of fpgac itself are not among them.
    """
    found: dict[str, Path] = {}
    modules = list(_modules(type(thing)))
    for module in modules:
        file = getattr(sys.modules.get(module), "__file__", None)
        if file is not None:
            found |= _Area.of(module, Path(file)).imported(Path(file))
    for number, declared in enumerate(getattr(thing, "depends_on", ()) if modules else ()):
        if not _is_own(declared):
            found |= {f"{number}: {name}": path for name, path in _files(declared).items()}
    return dict(sorted(found.items()))


def _is_own(place: Path) -> bool:
    """Whether fpgac itself has the file or folder."""
    files = (getattr(sys.modules.get(name), "__file__", None) for name in OWN_PACKAGES)
    return any(place.is_relative_to(Path(file).parent) for file in files if file)


def _modules(kind: type[Any]) -> Iterator[str]:
    """The modules of ``kind`` and of all between it and the base class, which is fpgac's."""
    for base in kind.__mro__:
        tops = [each.__module__.partition(".")[0] for each in base.__mro__]
        if tops[0] not in OWN_PACKAGES and not set(OWN_PACKAGES).isdisjoint(tops):
            yield base.__module__


def _files(place: Path) -> dict[str, Path]:
    """The file at ``place``, or all files below that folder."""
    inside = sorted(place.rglob("*")) if place.is_dir() else [place]
    return {
        path.relative_to(place.parent).as_posix(): path
        for path in inside
        if path.is_file() and path.suffix != ".pyc"
    }


@dataclass(frozen=True)
class _Area:
    """Where a plugin's modules lie: below ``root``, which stands for the package ``package``.

    Modules that lie beside each other in a folder have no package.
    """

    root: Path | None
    package: str = ""

    @staticmethod
    def of(module: str, file: Path) -> _Area:
        """The area of ``module``, which lies in ``file``."""
        top = module.partition(".")[0]
        folders = list(getattr(sys.modules.get(top), "__path__", ()))
        if folders:
            return _Area(Path(folders[0]), top)
        return _Area(Owner(top, root=file).folder)

    @property
    def _top(self) -> Path | None:
        """What names of files are relative to."""
        return self.root.parent if self.root and self.package else self.root

    def imported(self, file: Path) -> dict[str, Path]:
        """``file`` and all of the area that it imports, through however many modules."""
        found: dict[str, Path] = {}
        waiting = [file]
        while waiting:
            path = waiting.pop()
            name = path.relative_to(self._top).as_posix() if self._top else path.name
            if name not in found:
                found[name] = path
                waiting += self._imports(path)
        return found

    def _imports(self, file: Path) -> Iterator[Path]:
        """The files of the area that the source in ``file`` imports, at whatever place."""
        if self.root is None or file.suffix != ".py":
            return
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Import):
                yield from self._found(*(self._place(alias.name) for alias in node.names))
            elif isinstance(node, ast.ImportFrom):
                named = node.module or ""
                place = self._place(named)
                if node.level:
                    place = file.parents[node.level - 1].joinpath(*filter(None, named.split(".")))
                for alias in node.names:
                    # A module of a package, or else something that the package itself defines.
                    yield from list(self._found(place and place / alias.name)) or self._found(place)

    def _place(self, module: str) -> Path | None:
        """Where a module of that absolute name would lie; None if not in the area."""
        assert self.root is not None
        first, *rest = module.split(".")
        if not self.package:
            return self.root.joinpath(first, *rest)
        return self.root.joinpath(*rest) if first == self.package else None

    def _found(self, *places: Path | None) -> Iterator[Path]:
        """The files of the modules at ``places``, where there are any."""
        for place in filter(None, places):
            for file in (place.with_name(f"{place.name}.py"), place / "__init__.py"):
                if file.is_file() and self.root and file.is_relative_to(self.root):
                    yield file
