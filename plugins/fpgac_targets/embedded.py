"""Boards under Vitis with a processor of their own: hosts are cross-compiled, an SD card is packed.

Public for other plugins: :class:`EmbeddedTarget`, to make subclasses of, and ``platform_of``.

Sources: AMD's UG1393 (v++ --package), its common images for Zynq UltraScale+ (root file system,
kernel image, sysroot), and the Makefiles of its Vitis_Accel_Examples.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from fpgac.plugins import (
    Board,
    Contract,
    Design,
    File,
    Mode,
    Problem,
    Step,
    Toolchain,
    ToolchainError,
    Toolchains,
    render,
)
from fpgac_targets.remedies import SIGNS
from fpgac_targets.vitis import VitisTarget, emconfig_step, kernel_steps, v_plus_plus

if TYPE_CHECKING:
    from jinja2 import BaseLoader

__all__ = ["EmbeddedTarget", "platform_of"]

COMPILER: Final = "aarch64-linux-gnu-g++"
# How AMD's platforms are named: xilinx_zcu102_base_202320_1 came with 2023.2.
_RELEASE: Final = re.compile(r"_(20\d\d)(\d)0_\d+$")
RUN_ON_BOARD: Final = "scripts/run_on_board.sh"
VECTORS: Final = ("vectors/inputs.npy", "vectors/expected_raw.npy")

# As in the hosts' own Makefiles: the conversion of numbers is exact as C++ states it.
FLAGS: Final = (
    *("-mcpu=cortex-a53", "-O3", "-std=c++17"),
    *("-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"),
)
LIBRARIES: Final[Mapping[str, tuple[str, ...]]] = {
    # The boards' Linux need not have a loader of OpenCL drivers: XRT's driver is linked itself.
    "opencl": ("-lxilinxopencl", "-pthread"),
    "xrt": ("-lxrt_coreutil", "-luuid", "-pthread"),
}


class EmbeddedTarget(VitisTarget):
    """A Zynq UltraScale+ under a Vitis platform; a subclass names its board.

    Of the board's platforms, the one for v++'s release is taken: see :func:`platform_of`.
    """

    load_hint = "is it the xclbin of this SD card, and is its Linux the platform's?"
    remedies: ClassVar[Mapping[str, str]] = {
        r"cannot find -l(xrt|xilinxopencl|uuid)|(xrt|CL)/[a-z_0-9]+\.h\w*: No such file": (
            "the sysroot holds no XRT: install that of the common image (its sdk.sh), of the "
            "platform's release, and name it in SYSROOT"
        ),
        **SIGNS,
    }

    def toolchain(self, tools: Toolchains) -> Toolchain:
        """Vitis, the cross-compiler, and the common image; see :meth:`Target.toolchain`."""
        vitis = super().toolchain(tools)
        return replace(vitis, elsewhere=_elsewhere(tools.environment))

    def _platform(self, vitis: Toolchain, environment: Mapping[str, str]) -> str:
        """The board's variable, where it has one, or else the platform for v++'s release."""
        if self.board.platform_variable is not None:
            return super()._platform(vitis, environment)
        return platform_of(self.board, vitis.version)

    @property
    def shell_toolchain(self) -> Toolchain:
        """See :attr:`VitisTarget.shell_toolchain`."""
        image = Path("@EDGE_COMMON_SW@")
        parts = {name: image / name for name in ("rootfs.ext4", "Image")}
        elsewhere = {COMPILER: Path(COMPILER), **parts, "sysroot": Path("@SYSROOT@")}
        return replace(super().shell_toolchain, elsewhere=elsewhere)

    def steps(
        self,
        kernel: str,
        name: str,
        clock_mhz: float,
        files: Iterable[str],
        mode: Mode,
        toolchain: Toolchain,
    ) -> tuple[Step, ...]:
        """Kernel and hosts, and then both on an SD card; see :meth:`VitisTarget.steps`."""
        files = tuple(files)
        linked = f"out/{mode}/{name}.link.xclbin"
        known = [host for host in LIBRARIES if _source(host) in files]
        hosts = [_host_step(host, name, files, mode, toolchain) for host in known]
        emconfig = [emconfig_step(toolchain)] if mode == "hw_emu" else []
        made = [path for step in (*hosts, *emconfig) for path in step.outputs]
        programs, others = made[: len(hosts)], made[len(hosts) :]
        on_card = (*programs, RUN_ON_BOARD, *VECTORS, *others)
        return (
            *kernel_steps(self.board, kernel, clock_mhz, files, mode, toolchain, linked),
            *hosts,
            *emconfig,
            _package_step(name, linked, on_card, mode, toolchain),
        )

    def loaders(self) -> list[BaseLoader]:
        """See :meth:`VitisTarget.loaders`."""
        from jinja2 import PackageLoader

        return [*super().loaders(), PackageLoader("fpgac_targets", "templates/embedded")]

    def scripts(
        self,
        design: Design,
        agreed: Contract,
        context: Mapping[str, Any],
        loaders: Sequence[BaseLoader],
    ) -> dict[str, File]:
        """See :meth:`VitisTarget.scripts`; adds what runs on the board."""
        known = {**context, "releases": _releases(self.board)}
        script = render("scripts/run_on_board.sh.j2", context, loaders)
        return super().scripts(design, agreed, known, loaders) | {
            RUN_ON_BOARD: File(script, executable=True)
        }


def platform_of(board: Board, version: tuple[int, ...]) -> str:
    """The platform among the board's that v++ of ``version`` takes: of its release, or else of the
    newest release before it. Where no name tells a release, it is the first."""
    known = [name for release, name in _releases(board) if release <= version]
    return known[-1] if known else board.platforms[0]


def _releases(board: Board) -> list[tuple[tuple[int, int], str]]:
    """The platforms whose names tell of which release of Vitis they are, the oldest first."""
    found = ((_RELEASE.search(name), name) for name in board.platforms)
    return sorted(((int(match[1]), int(match[2])), name) for match, name in found if match)


def _source(host: str) -> str:
    return f"hosts/{host}/host.cpp"


def _host_step(
    host: str, name: str, files: tuple[str, ...], mode: Mode, toolchain: Toolchain
) -> Step:
    program, folder = f"out/{mode}/{name}_{host}", f"hosts/{host}/"
    root = toolchain.tool("sysroot")
    system = (f"--sysroot={root}", *FLAGS, "-isystem", f"{root}/usr/include/xrt")
    return Step(
        f"{host} host",
        (toolchain.tool(COMPILER), *system, "-o", program, _source(host), *LIBRARIES[host]),
        tuple(sorted(p for p in files if p.startswith(folder) and p.endswith((".cpp", ".hpp")))),
        (program,),
    )


def _package_step(
    name: str, linked: str, on_card: tuple[str, ...], mode: Mode, toolchain: Toolchain
) -> Step:
    xclbin, common = f"out/{mode}/{name}.xclbin", v_plus_plus(mode, toolchain)
    files = [("rootfs", toolchain.tool("rootfs.ext4")), ("kernel_image", toolchain.tool("Image"))]
    images = (word for option, path in files for word in (f"--package.{option}", path))
    card = ("--package.out_dir", f"out/{mode}/package", "--package.boot_mode", "sd")
    contents = (word for path in on_card for word in ("--package.sd_file", path))
    return Step(
        "package",
        (common[0], "-p", *common[1:], *card, *images, *contents, "-o", xclbin, linked),
        (linked, *on_card),
        (xclbin,),
    )


def _elsewhere(environment: Mapping[str, str]) -> dict[str, Path]:
    """The cross-compiler and the parts of the common image, by name.

    Raises:
        ToolchainError: with all that is missing.
    """
    image = Path(environment.get("EDGE_COMMON_SW") or "EDGE_COMMON_SW").absolute()
    parts = {
        "rootfs.ext4": image / "rootfs.ext4",
        "Image": image / "Image",
        "sysroot": _sysroot(image, environment),
    }
    compiler = shutil.which(COMPILER, path=environment.get("PATH"))
    problems = [_no_part(name, path) for name, path in parts.items() if not path.exists()]
    if compiler is None:
        hint = "source <Vitis's folder>/settings64.sh, or apt install g++-aarch64-linux-gnu"
        problems.append(
            Problem(f"{COMPILER} was not found on PATH", hint=hint, code="toolchain.no-tool")
        )
    if compiler is None or problems:
        raise ToolchainError(*problems)
    return {COMPILER: Path(compiler), **parts}


def _sysroot(image: Path, environment: Mapping[str, str]) -> Path:
    if given := environment.get("SYSROOT"):
        return Path(given).absolute()
    found = sorted(image.glob("sysroots/cortexa72-cortexa53-*-linux"))
    return found[0] if found else image / "sysroots"


def _no_part(name: str, path: Path) -> Problem:
    return Problem(
        f"there is no {name}, which an SD card and its hosts are made with",
        expected="EDGE_COMMON_SW naming the folder of AMD's common image for Zynq UltraScale+, and "
        "SYSROOT the sysroot that its sdk.sh installed",
        got=str(path),
        hint="download xilinx-zynqmp-common of Vitis's release, below Embedded Platforms, and run "
        "its sdk.sh",
        code="toolchain.no-image",
    )
