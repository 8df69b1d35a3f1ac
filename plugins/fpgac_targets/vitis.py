"""What all PCIe cards under Vitis share: one kernel, several compute units, built by v++.

Public for other plugins: :class:`VitisTarget` and :class:`VitisOptions`, to make subclasses of;
the rest is for boards of fpgac's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.resources import files
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
    Some,
    Step,
    Target,
    TargetError,
    TargetOptions,
    Toolchain,
    ToolchainError,
    Toolchains,
    WhereIs,
    card_json,
    check_identifier,
    contract,
    host_files,
    kernel_files,
    nearest,
    render,
    sh_word,
)
from fpgac_targets.platforms import require_platform
from fpgac_targets.remedies import SIGNS

if TYPE_CHECKING:
    from jinja2 import BaseLoader

__all__ = [
    "Stage",
    "VitisOptions",
    "VitisTarget",
    "emconfig_stage",
    "kernel_stages",
]

T = TypeVar("T")

# Regular expressions, read alike by Python and by grep -E. A clock that v++ lowered is no line of
# an error: how much of it may be lost is a matter of the spec (clock_tolerance).
FAILURES = (r"^ERROR: .*",)


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


@dataclass(frozen=True)
class Stage:
    """One command of the flow; what stands between ``@`` is known later."""

    name: str
    command: tuple[str, ...]
    inputs: tuple[str, ...]
    output: str
    modes: tuple[Mode, ...] = ("hw_emu", "hw")


class VitisTarget(Target[VitisOptions]):
    """A PCIe card under Vitis; a subclass names its board, and where its README differs."""

    Options = VitisOptions
    disk_gib: ClassVar[float] = 20
    memory_gib: ClassVar[float] = 32
    readme: ClassVar[str] = "build/README.md.j2"
    # Packages whose templates/ come before fpgac's own, the first one first.
    template_packages: ClassVar[tuple[str, ...]] = ("fpgac_targets",)
    remedies: ClassVar[Mapping[str, str]] = SIGNS
    load_hint: ClassVar[str] = "was it built for the platform on this card (xbutil examine)?"
    # What stands between @ in commands, as a shell finds it; see :meth:`places`.
    shell: ClassVar[Mapping[str, str]] = {"@platform@": '"$PLATFORM"'}

    def design(self, name: str, core: Core, options: VitisOptions, description: str = "") -> Design:
        """See :meth:`Target.design`."""
        _check_name(name)
        self.check_clock(core.clock_mhz)
        agreed = contract(core, name=name, compute_units=options.compute_units)
        banks = self._banks(agreed, options)
        hosts, loaders = self.hosts(options), self.loaders()
        files = {
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
            "stages": self.stages(agreed.kernel, name, core.clock_mhz, files),
            "failures": FAILURES,
            "remedies": self.remedies,
            "make_words": partial(make_words, shell=self.shell),
            "make_path": make_path,
            "hand_words": partial(hand_words, shell=self.shell),
        }
        return Design(name, self.name, files | self.scripts(context, loaders))

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
        flow = self.stages(contract.kernel, design.name, clock_mhz, design.files)
        places = {"@mode@": mode, **self.places(toolchain)}

        def known(word: str) -> str:
            return _replaced(word, places)

        return Plan(
            tuple(
                Step(
                    name=f"{mode}: {stage.name}",
                    command=(toolchain.tool(stage.command[0]), *map(known, stage.command[1:])),
                    inputs=tuple(known(path) for path in stage.inputs),
                    outputs=(known(stage.output),),
                    failure_patterns=FAILURES,
                    remedies=self.remedies,
                )
                for stage in flow
                if mode in stage.modes
            )
        )

    def stages(
        self, kernel: str, name: str, clock_mhz: float, files: Iterable[str]
    ) -> tuple[Stage, ...]:
        """The flow from the kernel's sources, among ``files``, to an xclbin.

        Stated once: a plan, the Makefile and the README are all made from it. On PCIe cards the
        linked xclbin is the whole one: ``v++ --package`` is for Zynq and Versal (UG1393).
        """
        xclbin = f"out/@mode@/{name}.xclbin"
        return (
            *kernel_stages(self.board, kernel, clock_mhz, files, xclbin),
            emconfig_stage(("hw_emu",)),
        )

    def places(self, toolchain: Toolchain) -> dict[str, str]:
        """What stands between ``@`` in the stages' words, on this machine."""
        return {"@platform@": toolchain.platform}

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

    @property
    def depends_on(self) -> tuple[Path, ...]:
        """See :meth:`Target.depends_on`; adds the templates of :attr:`template_packages`."""
        own = (Path(str(files(package))) / "templates" for package in self.template_packages)
        return tuple(dict.fromkeys((*super().depends_on, *own)))

    def loaders(self) -> list[BaseLoader]:
        """Where templates are looked up before fpgac's own."""
        from jinja2 import PackageLoader

        return [PackageLoader(package, "templates") for package in self.template_packages]

    def scripts(self, context: Mapping[str, Any], loaders: Sequence[BaseLoader]) -> dict[str, File]:
        """The design's scripts and README, rendered with ``context``."""
        return {
            "scripts/Makefile": File(render("build/Makefile.j2", context, loaders)),
            "scripts/build.sh": File(
                render("build/build.sh.j2", context, loaders), executable=True
            ),
            "scripts/link.cfg": File(render("build/link.cfg.j2", context, loaders)),
            "README.md": File(render(self.readme, context, loaders)),
        }


def _in_turn(agreed: Contract, things: Sequence[T]) -> dict[str, T]:
    """One of ``things`` for each compute unit, from the first again after the last."""
    units = enumerate(agreed.instances)
    return {unit: things[place % len(things)] for place, unit in units} if things else {}


def kernel_stages(
    board: Board, kernel: str, clock_mhz: float, files: Iterable[str], xclbin: str
) -> tuple[Stage, Stage]:
    """From the kernel's sources, among ``files``, to the linked ``xclbin``.

    Where XRT scales the clock, v++ is given it by ``--kernel_frequency``, in all of its versions:
    ``--freqhz`` (2023.2 on) may take a clock of the platform that nothing scales, and a miss then
    ends the build after hours (UG1393, Managing Clock Frequencies).
    """
    common = ("-t", "@mode@", "--platform", "@platform@", "--save-temps", "--temp_dir", "_x/@mode@")
    hertz = round(clock_mhz * 1e6)
    scaled = ("--kernel_frequency", f"{clock_mhz:g}")
    frequency = scaled if board.clock.scalable else ()
    at_compile = frequency or ("--hls.clock", f"{hertz}:{kernel}")
    kernel_object = f"out/@mode@/{kernel}.xo"
    inputs = tuple(sorted(path for path in files if path.startswith("kernel/")))
    sources = tuple(
        path
        for path in inputs
        if path.endswith(".cpp") and path.count("/") == 2  # not what hls4ml brings for g++
    )
    return (
        Stage(
            "compile",
            (
                *("v++", "-c", *common, *at_compile, "-k", kernel, "-I", "kernel/firmware"),
                *("-o", kernel_object, *sources),
            ),
            inputs,
            kernel_object,
        ),
        Stage(
            "link",
            (
                *("v++", "-l", *common, *frequency, "--config", "scripts/link.cfg"),
                *("-o", xclbin, kernel_object),
            ),
            (kernel_object, "scripts/link.cfg"),
            xclbin,
        ),
    )


def emconfig_stage(modes: tuple[Mode, ...]) -> Stage:
    """The file from which XRT knows which card is emulated."""
    command = ("emconfigutil", "--platform", "@platform@", "--nd", "1", "--od", "out/@mode@")
    return Stage("emconfig", command, (), "out/@mode@/emconfig.json", modes)


def make_words(stage: Stage, shell: Mapping[str, str]) -> str:
    """The command of a stage for a Makefile's recipe; its shell finds the places of ``shell``."""
    line = _replaced(" ".join(map(sh_word, stage.command)), shell).replace("$", "$$")
    return line.replace("@mode@", "$(MODE)")


def make_path(path: str) -> str:
    """A path of a stage for a Makefile's rule."""
    if path.startswith("out/@mode@/"):
        return path.replace("out/@mode@", "$(OUT)")
    return f"$(ROOT)/{path}"


def hand_words(stage: Stage, mode: Mode, platform: str, shell: Mapping[str, str]) -> str:
    """The command of a stage for a person's shell, on several lines."""
    line = " ".join(map(sh_word, stage.command))
    line = _replaced(line, {**shell, "@mode@": mode, "@platform@": platform})
    clock = (" --kernel_frequency", " --hls.clock")
    for option in (" --save-temps", *clock, " --config", " --package.", " -o "):
        line = line.replace(option, f" \\\n    {option.lstrip()}")
    return line


def _replaced(text: str, places: Mapping[str, str]) -> str:
    for place, said in places.items():
        text = text.replace(place, said)
    return text


def _check_name(name: str) -> None:
    try:
        check_identifier(name)
    except ValueError as error:
        raise TargetError(
            Problem("the design cannot have this name", got=str(error), code="target.invalid-name")
        ) from None
