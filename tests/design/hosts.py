"""Hosts rendered into a folder: the Python one imported, the C++ one's headers for a probe."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fpgac.design.contract import Interface, contract
from fpgac.design.hosts import host_files

if TYPE_CHECKING:
    from pathlib import Path

    from fpgac.core.core import Core

__all__ = ["PythonHost", "compile_cpp", "headers", "python_host", "write_host"]


@dataclass(frozen=True)
class PythonHost:
    """The host's own module, and those of its runtime."""

    module: Any
    arrays: Any
    chip: Any

    @property
    def contract(self) -> Any:
        return self.module.CONTRACT

    @property
    def error(self) -> type[Any]:
        found: type[Any] = self.module.HostError
        return found


def write_host(core: Core, host: str, folder: Path, interface: Interface = "m_axi") -> None:
    """The files of one host of ``core``, with two compute units where it can have them."""
    units = 2 if interface == "m_axi" else 1
    agreed = contract(core, name="muon", compute_units=units, interface=interface)
    for path, file in host_files(agreed, [host]).items():
        target = folder / path.removeprefix(f"hosts/{host}/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)


def python_host(core: Core, folder: Path, interface: Interface = "m_axi") -> PythonHost:
    """The Python host of ``core``, imported from ``folder``."""
    write_host(core, "pynq", folder, interface)
    sys.path.insert(0, str(folder))
    try:
        return PythonHost(
            importlib.import_module("muon_host"),
            importlib.import_module("muon_runtime.arrays"),
            importlib.import_module("muon_runtime.chip"),
        )
    finally:
        sys.path.remove(str(folder))
        # The next host of that name is another one.
        for name in [name for name in sys.modules if name.startswith("muon_")]:
            del sys.modules[name]


def headers(core: Core, folder: Path) -> None:
    """What the C++ hosts of ``core`` share."""
    write_host(core, "xrt", folder)


def compile_cpp(source: Path, target: Path, *flags: str) -> None:
    """With the very flags of the hosts' Makefile, and without a warning."""
    makefile = (source.parent / "host.mk").read_text()
    own = re.findall(r"^CXXFLAGS \?= (.*)$|^override CXXFLAGS \+= (.*)$", makefile, re.MULTILINE)
    assert len(own) == 2
    words = " ".join(optional or always for optional, always in own).split()
    command = ["g++", *words, "-Werror", *flags, str(source), "-o", str(target)]
    subprocess.run(command, check=True, timeout=300)
