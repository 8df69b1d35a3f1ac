"""The card's machinery on disk: built once for a compiler and an XRT, shared by all runs.

A built card is a folder in the user's cache::

    xrt/lib/libxrt_swemu.so.2          ours, in front of XRT's own: environment and repair
    xrt/lib/libxrt_core.so             the same, under the name that pynq 3.0.1 opens
    xrt/lib/libfpgac_environment.so
    xrt/version.json                   pynq asks for XRT's version
    vitis/data/emulation/.../genericpciemodel   the device process, where the shim looks for it
    vendors/xilinx.icd                 the OpenCL driver's path
    supervisor
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from fpgac.build.cache import cached_folder
from fpgac.build.processes import CommandError, inherited_environment, last_lines, output_of
from fpgac.digest import digest_file, digest_files, digest_json
from fpgac.emulation.description import CardDescription
from fpgac.emulation.installation import OPENCL_DRIVER, SHIM, HostKind, Xrt, find_xrt
from fpgac.errors import Problem, ToolchainError

__all__ = ["Machinery", "build_machinery", "build_supervisor", "emconfig"]

_MODEL: Final = "vitis/data/emulation/unified/cpu_em/generic_pcie/model/genericpciemodel"
_BUILD_SECONDS: Final = 300.0
# XRT's version as pynq reads it; from 2.3.0 on it hands its commands to XRT's scheduler.
_XRT_VERSION: Final = "2.13.466"
# What stands in front of XRT's emulation library.
_IN_FRONT: Final = ("repair", "entries", "buffers", "commands", "banks", "functions")
# What a user's shell may hold of other emulations, and would lead XRT astray.
_INHERITED_TROUBLE: Final = (
    "EMCONFIG_PATH",
    "ENABLE_KERNEL_DEBUG",
    "INTERNAL_BUILD",
    "OCL_ICD_FILENAMES",
    "SDACCEL_INI_PATH",
    "SW_EMU_PACKET_SIZE",
    "XCL_EMULATION_MODE",
    "XILINX_HLS",
    "XILINX_VIVADO",
    "XRT_INI_PATH",
)


@dataclass(frozen=True)
class Machinery:
    """The folder of all that a card needs, and the XRT that it stands in front of."""

    folder: Path
    xrt: Xrt

    @property
    def supervisor(self) -> Path:
        """The program that runs a host so that nothing of it survives."""
        return self.folder / "supervisor"

    def environment(
        self,
        kind: HostKind,
        rundir: Path,
        inherited: Mapping[str, str] | None = None,
    ) -> dict[str, str]:
        """The whole environment of a host that shall see this card.

        ``rundir`` is a folder directly below ``/tmp`` that holds ``emconfig.json``: the shim makes
        its sockets in ``/tmp/$USER``, so ``USER`` is the folder's name. ``inherited`` is the
        environment to start from (by default this process's).
        """
        given = inherited_environment(inherited)
        kept = {name: value for name, value in given.items() if name not in _INHERITED_TROUBLE}
        card = {
            "XILINX_XRT": str(self.folder / "xrt"),
            "XILINX_VITIS": str(self.folder / "vitis"),
            "OCL_ICD_VENDORS": str(self.folder / "vendors"),
            "EMCONFIG_PATH": str(rundir),
            "SDACCEL_EM_RUN_DIR": str(rundir),
            "TMPDIR": str(rundir),
            "PYTHONDONTWRITEBYTECODE": "1",  # a host leaves the build as it is
            "USER": rundir.name,
        }
        # pynq refuses this mode in Python; our library sets it there, out of Python's sight.
        if kind != "pynq":
            card["XCL_EMULATION_MODE"] = "sw_emu"
        if libraries := self._unusual_libraries():
            card["LD_LIBRARY_PATH"] = ":".join(
                [libraries, *filter(None, [given.get("LD_LIBRARY_PATH")])]
            )
        return kept | card

    def _unusual_libraries(self) -> str:
        """XRT's library folder where the loader does not look by itself."""
        shim = self.xrt.library(SHIM)
        folder = str(shim.parent) if shim else ""
        return "" if folder.startswith("/usr/") else folder


def build_machinery() -> Machinery:
    """The card for this machine's compiler and XRT, built if it is not in the cache.

    Two builders at once do not disturb each other: what is in the cache is whole.

    Raises:
        ToolchainError: no g++, no XRT, the compiler fails, or the cache cannot be written.
    """
    compilers, xrt = _Compilers.find(), find_xrt()
    shim = xrt.shim
    if not shim:
        raise ToolchainError(
            Problem(
                f"XRT is not installed: no {SHIM}",
                hint="apt install libxrt1",
                code="toolchain.not-installed",
            )
        )
    sources = _sources()
    opencl = xrt.library(OPENCL_DRIVER)
    key = digest_json(
        [digest_files(sources), compilers.version, str(shim), digest_file(shim), str(opencl)]
    )
    build = _Builder(sources, compilers, shim, opencl).build
    folder = cached_folder(f"emulation/card-{key[:24]}", build)
    return Machinery(folder, xrt)


def build_supervisor() -> Path:
    """The supervisor alone, for hosts that need no XRT; built if it is not in the cache.

    Raises:
        ToolchainError: no g++, the compiler fails, or the cache cannot be written.
    """
    compilers, source = _Compilers.find(), _sources()["shim/supervisor.c"]
    key = digest_json([digest_files({"supervisor.c": source}), compilers.version])

    def build(built: Path, sources: Path) -> None:
        built.mkdir()
        sources.mkdir()
        (sources / "supervisor.c").write_bytes(source)
        _supervisor(compilers, sources, built)

    return cached_folder(f"supervisor/{key[:24]}", build) / "supervisor"


def emconfig(card: CardDescription, devices: int) -> bytes:
    """``emconfig.json``: how XRT's emulation learns of ``devices`` cards of this description."""
    device = {
        "Name": card.platform,
        "HalMajorVersion": "1",
        "HalMinorVersion": "1",
        "VendorId": "4334",
        "SubsystemVendorId": "0",
        "DeviceVersion": "0",
        "DataAlignment": "4096",
        "OclFreqency": str(round(card.clock_mhz)),  # sic
        "DdrBanks": [{"Size": _size(memory.span_bytes)} for memory in card.memories],
        "FeatureRom": {
            "Major_Version": "1",
            "Minor_Version": "1",
            "Ddr_Channel_Count": str(len(card.memories)),
            "Ddr_Channel_Size": str(max(1, card.memories[0].size_bytes >> 30)),
        },
        "NumDevices": str(devices),
        # Copies between buffers of the device, and from the host's, as on cards with a DMA engine.
        "PlatformData": {"plp": {"m2m": "enabled", "dma": "xdma"}},
    }
    platform = {
        "UnifiedPlatform": "true",
        "ExpandedPR": "true",
        "Boards": [{"NumBoards": "1", "Devices": [device]}],
    }
    version = {"FileVersion": "2.0", "ToolVersion": "2022.1"}
    return json.dumps({"Version": version, "Platform": platform}, indent=1).encode()


def _size(size_bytes: int) -> str:
    """A power of two, as XRT's emulation writes it."""
    units = ("TB", 40), ("GB", 30), ("MB", 20), ("KB", 10)
    unit, shift = next((unit, shift) for unit, shift in units if size_bytes >> shift)
    return f"{size_bytes >> shift}{unit}"


def _sources() -> dict[str, bytes]:
    package = resources.files("fpgac.emulation")
    return {
        f"{folder}/{file.name}": file.read_bytes()
        for folder in ("device", "hls", "shim")
        for file in sorted(package.joinpath(folder).iterdir(), key=lambda file: file.name)
        if file.name.endswith((".c", ".cpp", ".h", ".hpp"))
    }


@dataclass(frozen=True)
class _Compilers:
    cpp: str
    c: str
    version: str

    @classmethod
    def find(cls) -> _Compilers:
        cpp, c = shutil.which("g++"), shutil.which("gcc")
        if not cpp or not c:
            raise ToolchainError(
                Problem("g++ is not on PATH", hint="apt install g++", code="toolchain.no-tool")
            )
        return cls(cpp, c, _run([cpp, "--version"]).splitlines()[0])


def _run(command: Sequence[str | Path], cwd: Path | None = None) -> str:
    try:
        return output_of(command, timeout=_BUILD_SECONDS, cwd=cwd)
    except CommandError as error:
        raise ToolchainError(
            Problem(
                f"the emulated card cannot be built: {error.what}",
                got=last_lines(error.said),
                hint="apt install g++",
                code="toolchain.card-not-built",
            )
        ) from error


def _supervisor(compilers: _Compilers, sources: Path, folder: Path) -> None:
    _run([compilers.c, "-O2", "-o", folder / "supervisor", "supervisor.c"], sources)


@dataclass(frozen=True)
class _Builder:
    sources: Mapping[str, bytes]
    compilers: _Compilers
    shim: Path
    opencl: Path | None

    def build(self, card: Path, sources: Path) -> None:
        for name, content in self.sources.items():
            path = sources / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        for folder in ("xrt/lib", str(Path(_MODEL).parent), "vendors"):
            (card / folder).mkdir(parents=True)
        self._device(card / _MODEL, sources / "device")
        self._libraries(card / "xrt/lib", sources / "shim")
        _supervisor(self.compilers, sources / "shim", card)
        version = {"BUILD_VERSION": _XRT_VERSION, "BUILD_BRANCH": "2022.1"}
        (card / "xrt/version.json").write_text(json.dumps(version))
        if self.opencl:
            (card / "vendors/xilinx.icd").write_text(f"{self.opencl}\n")

    def _device(self, program: Path, folder: Path) -> None:
        sources = sorted(folder.glob("*.cpp"))
        options = ["-std=c++17", "-O2", "-pthread", f"-I{folder.parent / 'hls'}"]
        _run([self.compilers.cpp, *options, "-o", program, *sources, "-ldl"])

    def _libraries(self, lib: Path, folder: Path) -> None:
        """Our library in front of XRT's, which it needs by absolute path.

        The linker takes that path from the soname of a stand-in, so that the real file is found
        wherever it is, and never a file of the same name on some library path.
        """
        shared = [self.compilers.c, "-shared", "-fPIC", "-O1"]
        stand_in = folder / "stand_in.so"
        (folder / "stand_in.c").write_text("int fpgac_stand_in;\n")
        _run([*shared, f"-Wl,-soname,{self.shim}", "-o", stand_in, folder / "stand_in.c"])
        environment = "libfpgac_environment.so"
        _run(
            [*shared, "-Wl,-z,initfirst", f"-Wl,-soname,{environment}", "-o", lib / environment,
             folder / "environment.c"]
        )  # fmt: skip
        _run(
            [*shared, f'-DREAL_SHIM="{_c_text(self.shim)}"', "-o", lib / SHIM,
             *(folder / f"{name}.c" for name in _IN_FRONT), "-Wl,-soname,libfpgac_swemu.so",
             "-Wl,--no-as-needed", f"-L{lib}", f"-l:{environment}", stand_in, "-ldl", "-pthread",
             "-Wl,-rpath,$ORIGIN", "-Wl,--disable-new-dtags"]
        )  # fmt: skip
        # Not libxrt_core.so.2 too: OpenCL would list every device twice.
        (lib / "libxrt_core.so").symlink_to(SHIM)


def _c_text(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace('"', '\\"')
