"""What all Zynq boards under Vivado share: a processor, AXI DMAs, and the kernel as an IP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from fpgac.plugins import (
    CARD,
    Contract,
    Core,
    Design,
    File,
    Interface,
    Mode,
    Plan,
    Problem,
    ShellPlan,
    Step,
    Target,
    TargetOptions,
    Toolchain,
    Toolchains,
    WhereIs,
    board_json,
    build_scripts,
    command_lines,
    contract,
    host_files,
    hwh_file,
    kernel_files,
    render,
    zynq,
)
from fpgac_targets.names import check_name
from fpgac_targets.remedies import SIGNS
from fpgac_targets.toolchains import UNIFIED, hls_driver

__all__ = ["VivadoTarget"]

HLS, VIVADO = "scripts/hls.tcl", "scripts/vivado.tcl"
IP = "_x/hw/hls/solution/impl/ip/component.xml"
REPORTS = tuple(f"reports/hw/{name}.rpt" for name in ("utilization", "timing_summary", "power"))

# Regular expressions, read alike by Python and by grep -E.
FAILURES = (r"^ERROR: .*",)
# As Vivado prints them, and the HLS that comes with it.
PHASES = (
    r"^Command: (\w+_design|write_bitstream)\b",
    r"^INFO: \[HLS 200-10\] Starting (hardware synthesis|RTL generation)",
)


class HlsTarget(Target[TargetOptions]):
    """What is built by Vitis HLS and Vivado, without v++: the kernel has AXI4-Streams."""

    Options = TargetOptions
    interface: ClassVar[Interface] = "axis"
    memory_gib: ClassVar[float] = 8

    def shell_plans(
        self, design: Design, mode: Mode, *, contract: Contract, clock_mhz: float
    ) -> tuple[ShellPlan, ...]:
        """See :meth:`Target.shell_plans`: one for each driver of HLS that the board may meet."""
        plans = []
        for first in [(), UNIFIED] if self.board.toolchain.last >= UNIFIED else [()]:
            driver = hls_driver(first)
            tools = Toolchain(self.name, Path("vivado"), first, elsewhere={driver: Path(driver)})
            plan = self.plan(design, mode, tools, contract=contract, clock_mhz=clock_mhz)
            plans.append(ShellPlan(mode, plan, first))
        return tuple(plans)

    def toolchain(self, tools: Toolchains) -> Toolchain:
        """See :meth:`Target.toolchain`."""
        vivado = tools.find(self.board.toolchain.name)
        self.check_version(vivado)
        return vivado


class VivadoTarget(HlsTarget):
    """A Zynq board under Vivado, with PYNQ on its processor; a subclass names its board.

    Public for other plugins. The board file's ``platforms`` are Vivado's ``board_part``, its
    ``processing_system`` is the IP of the processor; a module on a carrier has
    ``board_connections``.
    """

    remedies: ClassVar[Mapping[str, str]] = SIGNS
    disk_gib: ClassVar[float] = 5
    readme: ClassVar[str] = "vivado/README.md.j2"
    load_hint: ClassVar[str] = "does the .hwh lie beside the .bit, and are both of this board?"

    def design(
        self, name: str, core: Core, options: TargetOptions, description: str = ""
    ) -> Design:
        """See :meth:`Target.design`; ``emulation/NAME.hwh`` describes the board to pynq."""
        check_name(name)
        self.check_clock(core.clock_mhz)
        units = options.compute_units
        agreed = contract(core, name=name, compute_units=units, interface=self.interface)
        hosts, loaders = self.hosts(options), self.loaders()
        kernel = kernel_files(agreed, core, loaders)
        context = {
            "board": self.board,
            "contract": agreed,
            "core": core,
            "zynq": zynq(self.board, agreed, core.clock_mhz),
            "hosts": hosts,
            "description": description,
            "sources": kernel_sources(kernel),
            "period_ns": f"{1000 / core.clock_mhz:.3f}",
            "command_lines": command_lines,
        }
        files = {
            **kernel,
            HLS: File(render("vivado/hls.tcl.j2", context, loaders)),
            VIVADO: File(render("vivado/vivado.tcl.j2", context, loaders)),
            **host_files(agreed, hosts, load_hint=self.load_hint, loaders=loaders),
            CARD: File(board_json(self.board, agreed, core.clock_mhz)),
            "emulation/contract.json": File(agreed.to_json()),
            f"emulation/{name}.hwh": hwh_file(self.board, agreed, core.clock_mhz),
        }
        whole = Design(name, self.name, files)
        return replace(whole, files=files | self._scripts(whole, agreed, context))

    def _scripts(
        self, design: Design, agreed: Contract, context: Mapping[str, Any]
    ) -> dict[str, File]:
        """What is rendered from the plan."""
        clock_mhz = context["zynq"].clock_mhz
        plans = self.shell_plans(design, "hw", contract=agreed, clock_mhz=clock_mhz)
        context = {**context, "by_hand": plans}
        return {
            **build_scripts(plans, context, self.loaders(), template="vivado/build.sh.j2"),
            "README.md": File(render(self.readme, context, self.loaders())),
        }

    def plan(
        self,
        design: Design,
        mode: Mode,
        toolchain: Toolchain,
        *,
        contract: Contract,
        clock_mhz: float,
    ) -> Plan:
        """See :meth:`Target.plan`; there is no hardware emulation of a block design."""
        self.check_mode(mode)
        outputs = tuple(f"out/hw/{design.name}.{ending}" for ending in ("bit", "hwh"))
        batch = ("-mode", "batch", "-nojournal", "-nolog", "-source", VIVADO)
        return Plan(
            (
                hls_step(design, toolchain, (IP,)),
                _step(
                    "hw: vivado",
                    (toolchain.tool("vivado"), *batch),
                    (IP, VIVADO),
                    (*outputs, *REPORTS),
                ),
            )
        )

    def refused(self, options: TargetOptions, where: WhereIs) -> list[Problem]:
        """See :meth:`Target.refused`; adds compute units beyond the first."""
        problems = super().refused(options, where)
        if options.compute_units > 1:
            problems.append(
                Problem(
                    f"{self.name} has one compute unit: its DMAs feed one kernel",
                    where("compute_units"),
                    expected="1",
                    got=str(options.compute_units),
                    hint="leave compute_units out",
                    code="target.compute-units",
                )
            )
        return problems


def hls_step(design: Design, toolchain: Toolchain, outputs: tuple[str, ...]) -> Step:
    """Vitis HLS, by the driver of its version, runs the design's script for it."""
    (driver,) = toolchain.elsewhere
    export = ("--mode", "hls", "--tcl") if driver == "vitis-run" else ("-f",)
    inputs = tuple(sorted(path for path in design.files if path.startswith("kernel/")))
    return _step("hw: hls", (toolchain.tool(driver), *export, HLS), (*inputs, HLS), outputs)


def _step(
    name: str, command: tuple[str, ...], inputs: tuple[str, ...], outputs: tuple[str, ...]
) -> Step:
    return Step(
        *(name, command, inputs, outputs),
        failure_patterns=FAILURES,
        remedies=VivadoTarget.remedies,
        phases=PHASES,
    )


def kernel_sources(files: Iterable[str]) -> list[str]:
    """What HLS compiles: the kernel and the network, not what hls4ml brings for g++."""
    return sorted(path for path in files if path.endswith(".cpp") and path.count("/") == 2)
