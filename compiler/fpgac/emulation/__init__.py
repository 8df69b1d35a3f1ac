"""The emulated card: a card under XRT, or a Zynq board under pynq, made of software.

Hosts run on it unchanged. This is its front door: what it offers to the rest of fpgac, and nobody
needs to know its rooms. They are imported when something of theirs is asked for: a host's process
on a Zynq needs little of them.

``python -m fpgac.emulation xclbin|bitstream ...`` writes what a card loads, around the kernel's
shared library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from fpgac.emulation.card import HostRun, read_card, run_host
    from fpgac.emulation.description import (
        MEMORY_KINDS,
        SCALARS,
        Argument,
        CardDescription,
        Connection,
        Instance,
        Kernel,
        Memory,
    )
    from fpgac.emulation.installation import HOST_KINDS, HostKind, installed, missing, require
    from fpgac.emulation.overlay import BoardDescription
    from fpgac.emulation.xclbin import Section, Xclbin, read_xclbin, write_xclbin
    from fpgac.emulation.zynq.bitstream import read_bitstream, write_bitstream

__all__ = [
    "HOST_KINDS",
    "MEMORY_KINDS",
    "SCALARS",
    "Argument",
    "BoardDescription",
    "CardDescription",
    "Connection",
    "HostKind",
    "HostRun",
    "Instance",
    "Kernel",
    "Memory",
    "Section",
    "Xclbin",
    "installed",
    "missing",
    "read_bitstream",
    "read_card",
    "read_xclbin",
    "require",
    "run_host",
    "write_bitstream",
    "write_xclbin",
]

# Where each thing lies.
_ROOMS: Final = {
    "HOST_KINDS": "installation",
    "MEMORY_KINDS": "description",
    "SCALARS": "description",
    "Argument": "description",
    "BoardDescription": "overlay",
    "CardDescription": "description",
    "Connection": "description",
    "HostKind": "installation",
    "HostRun": "card",
    "Instance": "description",
    "Kernel": "description",
    "Memory": "description",
    "Section": "xclbin",
    "Xclbin": "xclbin",
    "installed": "installation",
    "missing": "installation",
    "read_bitstream": "zynq.bitstream",
    "read_card": "card",
    "read_xclbin": "xclbin",
    "require": "installation",
    "run_host": "card",
    "write_bitstream": "zynq.bitstream",
    "write_xclbin": "xclbin",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
