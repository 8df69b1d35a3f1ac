"""What all PCIe cards under Vitis share: one kernel, several compute units, built by v++.

Public for other plugins: :class:`VitisTarget` and :class:`VitisOptions`, to make subclasses of;
the rest is for boards of fpgac's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar

from pydantic import Field

from fpgac.plugins import (
    CARD,
    Board,
    Contract,
    Core,
    Design,
    File,
    Mode,
    Plan,
    Problem,
    ShellPlan,
    Some,
    Step,
    Target,
    TargetOptions,
    Toolchain,
    ToolchainError,
    Toolchains,
    WhereIs,
    build_scripts,
    card_json,
    command_lines,
    contract,
    host_files,
    kernel_files,
    nearest,
    render,
)
from fpgac_targets.names import check_name
from fpgac_targets.platforms import require_platform
from fpgac_targets.remedies import SIGNS

if TYPE_CHECKING:
    from jinja2 import BaseLoader

__all__ = [
    "VitisOptions",
    "VitisTarget",
    "emconfig_step",
    "kernel_steps",
    "v_plus_plus",
]

T = TypeVar("T")

LINK = "scripts/link.cfg"

# Regular expressions, read alike by Python and by grep -E. A clock that v++ lowered is no line of
# an error: how much of it may be lost is a matter of the spec (clock_tolerance).
FAILURES = (r"^ERROR: .*",)
# As Vitis 2019.2 to 2024.2 print them, v++ and the HLS that it calls.
PHASES = (
    r"^\[[\d:]+\] Run vpl: Step (\w+): Started",
    r"^\[[\d:]+\] Starting (logic \w+|bitstream generation)",
    r"Run run_link: Step (\w+): Started",
    r"^INFO: \[HLS 200-10\] Starting (hardware synthesis|RTL generation)",
)


class VitisOptions(TargetOptions):
    """What a spec may say of a Vitis card."""

    banks: Some = Field(
        default=None,
        description="Banks for the compute units in their order, such as ['DDR[0]', 'DDR[1]'] "
        "or ['HBM[0]']; by default they are spread, in an HBM over all arguments.",
    )
    slrs: Annotated[tuple[int, ...], Field(min_length=1)] | None = Field(
        default=None,
        description="Super logic regions for the compute units in their order, such as [0, 1]; "
        "by default v++ places them, which is what succeeds most often.",
    )


class VitisTarget(Target[VitisOptions]):
    """A PCIe card under Vitis; a subclass names its board, and where its README differs."""

    Options = VitisOptions
    disk_gib: ClassVar[float] = 20
    memory_gib: ClassVar[float] = 32
    readme: ClassVar[str] = "build/README.md.j2"
    template_packages: ClassVar[tuple[str, ...]] = ("fpgac_targets",)
    remedies: ClassVar[Mapping[str, str]] = SIGNS
    load_hint: ClassVar[str] = "was it built for the platform on this card (xbutil examine)?"

    def design(self, name: str, core: Core, options: VitisOptions, description: str = "") -> Design:
        """See :meth:`Target.design`."""
        check_name(name)
        self.check_clock(core.clock_mhz)
        agreed = contract(core, name=name, compute_units=options.compute_units)
        banks = self._banks(agreed, options)
        hosts, loaders = self.hosts(options), self.loaders()
        files: dict[str, File] = {
            **kernel_files(agreed, core, loaders),
            **host_files(
                agreed,
                hosts,
                load_hint=self.load_hint,
                program=self.board.program,
                loaders=loaders,
            ),
            CARD: File(card_json(self.board, agreed, core.clock_mhz, banks)),
            "emulation/contract.json": File(agreed.to_json()),
        }
        context = {
            "board": self.board,
            "contract": agreed,
            "core": core,
            "clock_mhz": core.clock_mhz,
            "tolerance": options.clock_tolerance,
            "banks": banks,
            "slrs": _in_turn(agreed, options.slrs or ()),
            "hosts": hosts,
            "description": description,
            "command_lines": command_lines,
        }
        files |= {LINK: File(render("build/link.cfg.j2", context, loaders))}
        whole = Design(name, self.name, files)
        return replace(whole, files=files | self.scripts(whole, agreed, context, loaders))

    def toolchain(self, tools: Toolchains) -> Toolchain:
        """See :meth:`Target.toolchain`; its platform is the board's variable, where it has one."""
        vitis = tools.find(self.board.toolchain.name)
        self.check_version(vitis)
        platform = self._platform(vitis, tools.environment)
        if "/" in platform and not Path(platform).is_file():
            raise ToolchainError(self._no_platform("a platform that is not there", platform))
        if "/" not in platform:
            require_platform(platform, tools.environment, self.board.platform_hint)
        return replace(vitis, platform=platform)

    def _platform(self, vitis: Toolchain, environment: Mapping[str, str]) -> str:
        """The platform's name, or the path of its file."""
        variable = self.board.platform_variable
        if variable is None:
            return self.board.platforms[0]
        if platform := environment.get(variable):
            return platform
        raise ToolchainError(self._no_platform("not set", "nothing"))

    def _no_platform(self, what: str, got: str) -> Problem:
        """The problem with the variable that holds the platform."""
        return Problem(
            f"{self.board.platform_variable} is {what}, and v++ needs the platform of {self.name}",
            expected=f"the path of {self.board.platforms[0]}.xpfm",
            got=got,
            hint=self.board.platform_hint,
            code="toolchain.no-platform",
        )

    def plan(
        self,
        design: Design,
        mode: Mode,
        toolchain: Toolchain,
        *,
        contract: Contract,
        clock_mhz: float,
    ) -> Plan:
        """See :meth:`Target.plan`."""
        self.check_mode(mode)
        name = design.name
        steps = self.steps(contract.kernel, name, clock_mhz, design.files, mode, toolchain)
        judged = (
            replace(
                step,
                name=f"{mode}: {step.name}",
                failure_patterns=FAILURES,
                remedies=self.remedies,
                phases=PHASES,
            )
            for step in steps
        )
        return Plan(tuple(judged))

    def steps(
        self,
        kernel: str,
        name: str,
        clock_mhz: float,
        files: Iterable[str],
        mode: Mode,
        toolchain: Toolchain,
    ) -> tuple[Step, ...]:
        """The flow from the kernel's sources, among ``files``, to an xclbin.

        Stated once: a build, the scripts and the README have it from here. On PCIe cards the
        linked xclbin is the whole one: ``v++ --package`` is for Zynq and Versal (UG1393).
        """
        xclbin = f"out/{mode}/{name}.xclbin"
        kernel_ones = kernel_steps(self.board, kernel, clock_mhz, files, mode, toolchain, xclbin)
        return (*kernel_ones, *([emconfig_step(toolchain)] if mode == "hw_emu" else []))

    def shell_plans(
        self, design: Design, mode: Mode, *, contract: Contract, clock_mhz: float
    ) -> tuple[ShellPlan, ...]:
        """See :meth:`Target.shell_plans`."""
        tools = self.shell_toolchain
        plan = self.plan(design, mode, tools, contract=contract, clock_mhz=clock_mhz)
        return (ShellPlan(mode, plan),)

    @property
    def shell_toolchain(self) -> Toolchain:
        """The toolchain as the scripts find it: names on PATH, and variables between ``@``."""
        variable = self.board.platform_variable or "PLATFORM"
        known = self.board.toolchain
        return Toolchain(known.name, Path("v++"), known.last, f"@{variable}@")

    def refused(self, options: VitisOptions, where: WhereIs) -> list[Problem]:
        """See :meth:`Target.refused`; adds banks that the board has not."""
        problems = super().refused(options, where)
        banks = options.banks or ()
        for place, bank in enumerate(banks):
            if bank not in self.board.bank_names:
                problems.append(
                    Problem(
                        f"{self.name} has no memory bank {bank!r}",
                        where("banks", place),
                        expected=f"some of {', '.join(self.board.bank_names)}",
                        hint=nearest(bank, self.board.bank_names),
                        code="target.unknown-bank",
                    )
                )
        for place, slr in enumerate(options.slrs or ()):
            if not 0 <= slr < self.board.slrs:
                problems.append(
                    Problem(
                        f"{self.name} has no super logic region {slr}",
                        where("slrs", place),
                        expected=f"0 to {self.board.slrs - 1}",
                        code="target.unknown-slr",
                    )
                )
        for key, named in (("banks", banks), ("slrs", options.slrs or ())):
            if len(named) > options.compute_units:
                problems.append(
                    Problem(
                        f"there are more {key} than compute units to use them",
                        where(key),
                        expected=f"at most {options.compute_units}",
                        got=f"{len(named)} {key}",
                        hint=f"set compute_units, or name fewer {key}",
                        code="target.idle-places",
                    )
                )
        return problems

    def _banks(self, agreed: Contract, options: VitisOptions) -> dict[str, dict[str, str]]:
        """The bank of each argument of each compute unit: the banks in turn, so that neighbours do
        not share one.

        A bank is a compute unit's, unless each has a port of its own and none is asked for.
        """
        arguments = [buffer.argument for buffer in agreed.buffers]
        if options.banks is None and self.board.has_port_per_bank:
            banks = cycle(self.board.spread)
            return {unit: dict(zip(arguments, banks, strict=False)) for unit in agreed.instances}
        of_units = _in_turn(agreed, options.banks or self.board.spread)
        return {unit: dict.fromkeys(arguments, bank) for unit, bank in of_units.items()}

    def scripts(
        self,
        design: Design,
        agreed: Contract,
        context: Mapping[str, Any],
        loaders: Sequence[BaseLoader],
    ) -> dict[str, File]:
        """The scripts and the README of ``design``, rendered with ``context`` and its plans."""
        known = {"contract": agreed, "clock_mhz": context["clock_mhz"]}
        plans = [p for mode in self.board.modes for p in self.shell_plans(design, mode, **known)]
        shell = self.shell_toolchain
        if self.board.platform_variable is None:
            shell = replace(shell, platform=self.board.platforms[0])
        by_hand = self.plan(design, self.board.modes[-1], shell, **known).steps
        return {
            **build_scripts(plans, context, loaders),
            "README.md": File(render(self.readme, {**context, "by_hand": by_hand}, loaders)),
        }


def _in_turn(agreed: Contract, things: Sequence[T]) -> dict[str, T]:
    """One of ``things`` for each compute unit, from the first again after the last."""
    units = enumerate(agreed.instances)
    return {unit: things[place % len(things)] for place, unit in units} if things else {}


def kernel_steps(
    board: Board,
    kernel: str,
    clock_mhz: float,
    files: Iterable[str],
    mode: Mode,
    toolchain: Toolchain,
    xclbin: str,
) -> tuple[Step, Step]:
    """From the kernel's sources, among ``files``, to the linked ``xclbin``.

    Where XRT scales the clock, v++ is given it by ``--kernel_frequency``, in all of its versions:
    ``--freqhz`` (2023.2 on) may take a clock of the platform that nothing scales, and a miss then
    ends the build after hours (UG1393, Managing Clock Frequencies).
    """
    common = v_plus_plus(mode, toolchain)
    hertz = round(clock_mhz * 1e6)
    scaled = ("--kernel_frequency", f"{clock_mhz:g}")
    frequency = scaled if board.clock.scalable else ()
    at_compile = frequency or ("--hls.clock", f"{hertz}:{kernel}")
    kernel_object = f"out/{mode}/{kernel}.xo"
    inputs = tuple(sorted(path for path in files if path.startswith("kernel/")))
    sources = tuple(
        path
        for path in inputs
        if path.endswith(".cpp") and path.count("/") == 2  # not what hls4ml brings for g++
    )
    return (
        Step(
            "compile",
            (
                *(common[0], "-c", *common[1:], *at_compile, "-k", kernel),
                *("-o", kernel_object, *sources),
            ),
            inputs,
            (kernel_object,),
        ),
        Step(
            "link",
            (
                *(common[0], "-l", *common[1:], *frequency, "--config", LINK),
                *("-o", xclbin, kernel_object),
            ),
            (kernel_object, LINK),
            (xclbin,),
        ),
    )


def v_plus_plus(mode: Mode, toolchain: Toolchain) -> tuple[str, ...]:
    """The words that all calls of v++ have in common, the program's own first."""
    target = ("-t", mode, "--platform", toolchain.platform)
    return (toolchain.tool("v++"), *target, "--save-temps", "--temp_dir", f"_x/{mode}")


def emconfig_step(toolchain: Toolchain) -> Step:
    """The file from which XRT knows which card is emulated."""
    tool, folder = toolchain.tool("emconfigutil"), "out/hw_emu"
    command = (tool, "--platform", toolchain.platform, "--nd", "1", "--od", folder)
    return Step("emconfig", command, (), (f"{folder}/emconfig.json",))
