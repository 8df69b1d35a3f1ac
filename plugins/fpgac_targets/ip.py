"""An IP for Vivado's catalogue: the kernel with its AXI4-Streams, for a design of the user's own.

There is no host, and no board: the kernel's C++ is proven as it is exported. Public for other
plugins: :class:`IpTarget`, to make subclasses of.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from fpgac.plugins import (
    KERNEL_REGISTERS,
    Contract,
    Core,
    Design,
    File,
    Mode,
    Plan,
    TargetOptions,
    Toolchain,
    build_scripts,
    command_lines,
    contract,
    kernel_files,
    render,
)
from fpgac_targets.names import check_name
from fpgac_targets.vivado import HLS, HlsTarget, hls_step, kernel_sources

__all__ = ["IpTarget"]


class IpTarget(HlsTarget):
    """An IP with AXI4-Streams, without hosts; a subclass names its board: an FPGA's part."""

    disk_gib: ClassVar[float] = 2
    readme: ClassVar[str] = "ip/README.md.j2"

    def design(
        self, name: str, core: Core, options: TargetOptions, description: str = ""
    ) -> Design:
        """See :meth:`Target.design`."""
        check_name(name)
        self.check_clock(core.clock_mhz)
        units = options.compute_units
        agreed = contract(core, name=name, compute_units=units, interface=self.interface)
        loaders = self.loaders()
        kernel = kernel_files(agreed, core, loaders)
        context = {
            "board": self.board,
            "contract": agreed,
            "core": core,
            "registers": KERNEL_REGISTERS,
            "clock_mhz": core.clock_mhz,
            "description": description,
            "sources": kernel_sources(kernel),
            "period_ns": f"{1000 / core.clock_mhz:.3f}",
            "folder": _folder(name),
            "command_lines": command_lines,
        }
        files = {
            **kernel,
            HLS: File(render("ip/hls.tcl.j2", context, loaders)),
            "emulation/contract.json": File(agreed.to_json()),
        }
        whole = Design(name, self.name, files)
        plans = self.shell_plans(whole, "hw", contract=agreed, clock_mhz=core.clock_mhz)
        context["by_hand"] = plans
        scripts = build_scripts(plans, context, loaders, template="ip/build.sh.j2")
        readme = File(render(self.readme, context, loaders))
        return replace(whole, files={**files, **scripts, "README.md": readme})

    def plan(
        self,
        design: Design,
        mode: Mode,
        toolchain: Toolchain,
        *,
        contract: Contract,
        clock_mhz: float,
    ) -> Plan:
        """See :meth:`Target.plan`: HLS alone, which exports the IP."""
        self.check_mode(mode)
        return Plan((hls_step(design, toolchain, (f"{_folder(design.name)}/component.xml",)),))


def _folder(name: str) -> str:
    """Where a build has its IP: a folder for Vivado's ``ip_repo_paths``."""
    return f"out/hw/{name}_ip"
