"""What of XRT, OpenCL, the compiler and pynq is on this machine, and how to get the rest."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from fpgac.design.contract import Interface
from fpgac.errors import Problem, ToolchainError

__all__ = ["HOST_KINDS", "HostKind", "Xrt", "find_xrt", "installed", "missing", "require"]

HostKind = Literal["pynq", "opencl", "xrt"]
HOST_KINDS: Final[tuple[HostKind, ...]] = ("pynq", "opencl", "xrt")

# A folder with lib/ and include/ of an XRT: it alone is looked at if this variable is set.
XRT_VARIABLE: Final = "FPGAC_XRT"
SHIM: Final = "libxrt_swemu.so.2"
OPENCL_DRIVER: Final = "libxilinxopencl.so.2"
PYNQ_VERSION: Final = "3.0.1"
# The versions whose parser of .hwh files the emulated board hands them to; 4 reads more of them.
_OVERLAY_PYNQ: Final = "3."

_SYSTEM_LIBRARIES: Final = tuple(
    Path(folder)
    for folder in (
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/usr/lib64",
        "/usr/lib",
        "/usr/local/lib",
    )
)
_SYSTEM_HEADERS: Final = (Path("/usr/include"), Path("/usr/local/include"))
_PYNQ_HINT: Final = "pip install 'fpgac[pynq]'"
_XRT_ROOTS: Final = (Path("/opt/xilinx/xrt"),)


@dataclass(frozen=True)
class Xrt:
    """Where XRT may be: its libraries' folders and its headers' folders, in order of search."""

    libraries: tuple[Path, ...]
    headers: tuple[Path, ...]

    def library(self, name: str) -> Path | None:
        """The file of that name in the first folder that has it."""
        return _first(self.libraries, name)

    def header(self, name: str) -> Path | None:
        """The header of that name in the first folder that has it."""
        return _first(self.headers, name)

    @property
    def shim(self) -> Path | None:
        """XRT's own software emulation shim, the links of its name resolved."""
        found = self.library(SHIM)
        return found.resolve() if found else None


def find_xrt() -> Xrt:
    """Where XRT is searched for: ``$FPGAC_XRT``, or else Debian's and AMD's own places."""
    if given := os.environ.get(XRT_VARIABLE):
        root = Path(given).absolute()
        return Xrt((root / "lib",), (root / "include", root / "include/xrt"))
    roots = tuple(root for root in _XRT_ROOTS if root.is_dir())
    return Xrt(
        libraries=(*_SYSTEM_LIBRARIES, *(root / "lib" for root in roots)),
        headers=(
            *(folder / "xrt" for folder in _SYSTEM_HEADERS),
            *(root / "include" for root in roots),
        ),
    )


def installed() -> dict[str, str]:
    """Where the compiler and XRT are, and pynq's version; empty where there is none."""
    return {
        "g++": shutil.which("g++") or "",
        "XRT": str(find_xrt().shim or ""),
        "pynq": _pynq_version() or "",
    }


def missing(kind: str | None = None, interface: Interface = "m_axi") -> tuple[Problem, ...]:
    """Everything that hosts of this kind (or of all) lack here, each with the line that mends it.

    To build and run them: the compiler, XRT's libraries and headers, OpenCL, pynq. Of a kernel with
    AXI4-Streams, on a Zynq, the hosts need no XRT.

    Raises:
        ValueError: there is no such kind of host.
    """
    if kind is not None and kind not in _CHECKS:
        raise ValueError(f"a host must be of kind {', '.join(HOST_KINDS)}, not {kind!r}")
    if interface == "axis":
        return (*_compilers(), *_overlay_pynq())
    xrt = find_xrt()
    checks = _CHECKS.values() if kind is None else [_CHECKS[kind]]
    problems: dict[str, Problem] = {}
    for problem in (*_common(xrt), *(problem for check in checks for problem in check(xrt))):
        problems.setdefault(problem.what, problem)
    return tuple(problems.values())


def require(kind: str | None = None) -> None:
    """Nothing, if hosts of this kind can be built and run here.

    Raises:
        ToolchainError: with all that :func:`missing` names.
    """
    if problems := missing(kind):
        raise ToolchainError(*problems)


def _first(folders: Iterable[Path], name: str) -> Path | None:
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


def _apt(what: str, package: str) -> Problem:
    return Problem(what, hint=f"apt install {package}", code="toolchain.not-installed")


def _compilers() -> Iterator[Problem]:
    if not (shutil.which("g++") and shutil.which("gcc")):
        yield _apt("g++ is not on PATH", "g++")


def _common(xrt: Xrt) -> Iterator[Problem]:
    yield from _compilers()
    if not xrt.shim:
        yield _apt(f"XRT is not installed: no {SHIM}", "libxrt1")


def _opencl(xrt: Xrt) -> Iterator[Problem]:
    if not xrt.library(OPENCL_DRIVER):
        yield _apt(f"XRT's OpenCL is not installed: no {OPENCL_DRIVER}", "libxrt1")
    if not _first(_SYSTEM_LIBRARIES, "libOpenCL.so.1"):
        yield _apt("the OpenCL loader is not installed: no libOpenCL.so.1", "ocl-icd-libopencl1")
    if not _first(_SYSTEM_LIBRARIES, "libOpenCL.so"):
        yield _apt("OpenCL programs cannot be linked: no libOpenCL.so", "ocl-icd-opencl-dev")
    if not _first(_SYSTEM_HEADERS, "CL/opencl.hpp"):
        yield _apt("OpenCL's C++ headers are missing: no CL/opencl.hpp", "opencl-clhpp-headers")
    if not xrt.header("CL/cl_ext_xilinx.h"):
        yield _apt("XRT's OpenCL headers are missing: no CL/cl_ext_xilinx.h", "libxrt-dev")


def _native(xrt: Xrt) -> Iterator[Problem]:
    if not xrt.library("libxrt_coreutil.so.2"):
        yield _apt("XRT's library is not installed: no libxrt_coreutil.so.2", "libxrt1")
    if not xrt.header("xrt/xrt_kernel.h"):
        yield _apt("XRT's headers are missing: no xrt/xrt_kernel.h", "libxrt-dev")
    if not _first(_SYSTEM_HEADERS, "uuid/uuid.h"):
        yield _apt("the headers of libuuid are missing: no uuid/uuid.h", "uuid-dev")


def _pynq(_: Xrt) -> Iterator[Problem]:
    version = _pynq_version()
    if version is None:
        yield _no_pynq()
    elif version != PYNQ_VERSION:
        yield Problem(
            "this pynq does not drive XRT cards",
            expected=PYNQ_VERSION,
            got=version,
            hint=_PYNQ_HINT,
            code="toolchain.other-version",
        )


def _overlay_pynq() -> Iterator[Problem]:
    version = _pynq_version()
    if version is None:
        yield _no_pynq()
    elif not version.startswith(_OVERLAY_PYNQ):
        yield Problem(
            "this pynq cannot load overlays on the emulated board",
            expected=f"{_OVERLAY_PYNQ}x",
            got=version,
            hint=_PYNQ_HINT,
            code="toolchain.other-version",
        )


def _no_pynq() -> Problem:
    return Problem(
        "the Python package pynq is not installed",
        hint=_PYNQ_HINT,
        code="toolchain.not-installed",
    )


def _pynq_version() -> str | None:
    try:
        return importlib.metadata.version("pynq")
    except importlib.metadata.PackageNotFoundError:
        return None


_CHECKS: Final[Mapping[str, Callable[[Xrt], Iterator[Problem]]]] = {
    "pynq": _pynq,
    "opencl": _opencl,
    "xrt": _native,
}
