"""Hosts rendered into a folder: the Python one as a module, the C++ one's header for a probe."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from typing import TYPE_CHECKING, Any

from fpgac.design.contract import contract
from fpgac.design.render import host_files

if TYPE_CHECKING:
    from pathlib import Path

    from fpgac.core.core import Core

__all__ = ["compile_cpp", "header", "python_host"]


def python_host(core: Core, folder: Path) -> Any:
    """The Python host of ``core``, imported."""
    agreed = contract(core, name="muon", compute_units=2)
    program = folder / "muon_host.py"
    program.write_bytes(host_files(agreed, ["pynq"])["hosts/pynq/muon_host.py"].content)
    spec = importlib.util.spec_from_file_location("muon_host", program)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def header(core: Core) -> str:
    """What the C++ hosts of ``core`` share."""
    agreed = contract(core, name="muon", compute_units=2)
    return host_files(agreed, ["xrt"])["hosts/xrt/fpga_io.hpp"].content.decode()


def compile_cpp(source: Path, target: Path, *flags: str) -> None:
    """With the very flags of the hosts' Makefile, and without a warning."""
    makefile = host_files(contract_of_any(), ["xrt"])["hosts/xrt/Makefile"].content.decode()
    own = re.findall(r"^CXXFLAGS \?= (.*)$|^override CXXFLAGS \+= (.*)$", makefile, re.MULTILINE)
    assert len(own) == 2
    words = " ".join(optional or always for optional, always in own).split()
    command = ["g++", *words, "-Werror", *flags, str(source), "-o", str(target)]
    subprocess.run(command, check=True, timeout=300)


def contract_of_any() -> Any:
    from .cores import handmade_core

    return contract(handmade_core(), name="muon", compute_units=1)
