"""What of the compiler itself decides what it makes: versions, and digests of its sources."""

from __future__ import annotations

import importlib.util
import os
import sys
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fpgac import __version__
from fpgac.digest import digest_files, digest_json
from fpgac.plugins.own import BUILTIN_PLUGIN
from fpgac.plugins.sources import sources_digest

__all__ = ["compiler_digest", "is_installed", "versions"]

_DISTRIBUTIONS = ("hls4ml", "numpy", "pynq", "jinja2")
_OWN = ("fpgac", "fpgac_templates")


def is_installed(module: str) -> bool:
    """Whether a module can be found; it is not imported."""
    return importlib.util.find_spec(module) is not None


def versions() -> dict[str, str]:
    """Versions of fpgac, Python and the libraries that leave their mark on a build."""
    python = ".".join(map(str, sys.version_info[:3]))
    libraries = {name: _version(name) for name in _DISTRIBUTIONS}
    return {"fpgac": __version__, "python": python} | libraries


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


def compiler_digest(*things: object) -> str:
    """Digest of the sources that make builds: fpgac, its templates, and those of ``things``.

    Of a plugin, only what each thing depends on counts.
    """
    kinds = {base for thing in things for base in type(thing).__mro__}
    boards = {BUILTIN_PLUGIN.value} & {kind.__module__.partition(".")[0] for kind in kinds}
    packages = {package: _package_digest(package) for package in (*_OWN, *boards)}
    return digest_json([packages, [sources_digest(thing) for thing in things]])


@lru_cache
def _package_digest(package: str) -> str:
    """Digest of all files of a package, or of a module; the command line makes nothing."""
    spec = importlib.util.find_spec(package)
    files: dict[str, bytes] = {}
    if spec and spec.origin and not spec.submodule_search_locations:
        files[package] = Path(spec.origin).read_bytes()
    for root in spec.submodule_search_locations or () if spec else ():
        files |= _sources(root)
    return digest_files(files)


def _sources(root: str) -> dict[str, bytes]:
    """The files below ``root`` by their path there: by ``os``, since each warm run reads them."""
    files: dict[str, bytes] = {}
    for folder, inner, names in os.walk(root):
        inner[:] = [name for name in inner if name != "__pycache__"]
        if folder == root and "cli" in inner:
            inner.remove("cli")
        for name in names:
            path = os.path.join(folder, name)  # noqa: PTH118
            with open(path, "rb") as stream:  # noqa: PTH123
                files[path[len(root) :]] = stream.read()
    return files
