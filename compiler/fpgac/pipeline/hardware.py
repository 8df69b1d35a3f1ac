"""The vendor's steps, what they made held against the design, and what their reports say."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, Literal

from fpgac.build.events import Note, Notify
from fpgac.build.folder import write_whole
from fpgac.build.launcher import LOCAL, Launch
from fpgac.build.plan import Plan
from fpgac.build.toolchains import Toolchain, Toolchains
from fpgac.build.workspace import Workspace
from fpgac.core.versions import hls_notice
from fpgac.design.package import program_names
from fpgac.errors import BuildError, PluginError, Problem, ToolchainError
from fpgac.hardware.gates import Gates
from fpgac.hardware.image import image_file
from fpgac.hardware.program import ProgramCheck
from fpgac.pipeline.stages import LINKED, TargetStages
from fpgac.reports.hardware import Reported, json_text
from fpgac.reports.parser import Figure, ReportParser

if TYPE_CHECKING:
    from fpgac.plugins import Plugins
    from fpgac.targets.target import Target

__all__ = ["HARDWARE", "build_hardware", "read_reports", "register_image", "toolchain_of"]

# What comes back from another machine beside what steps make and parsers read.
KEPT: Final = ("out/**", "reports/hw/**")

# Where a build keeps what was reported of it.
HARDWARE: Final = "reports/hardware.json"


def build_hardware(
    workspace: Workspace,
    stages: TargetStages,
    mode: Literal["hw_emu", "hw"],
    launch: Launch = LOCAL,
) -> tuple[Reported, ...]:
    """The vendor's steps, for the card or for the vendor's own emulation of it, run by ``launch``.

    Returns:
        What was read out of the reports that the steps left; ``reports/hardware.json`` has it too.

    Raises:
        ToolchainError: the vendor's tools are missing, or of a version that the board cannot have.
        BuildError: a step failed, or what the steps made is not what was asked for.
    """
    parsers = stages.sources.plugins.parsers
    if launch.launcher.is_elsewhere(launch.place):
        plan = _plan_there(workspace, stages, mode, launch)
    else:
        plan = _plan(workspace, stages, mode)
    kept = (*KEPT, *(parser.pattern for parser in parsers.values()))
    workspace.run(plan, launch=replace(launch, kept=kept))
    reported = read_reports(workspace.folder, parsers, workspace.notify)
    _keep(workspace.folder, reported)
    if mode == "hw":
        reported = (*_register(workspace, stages, plan, reported), *reported)
        _keep(workspace.folder, reported)
    return reported


def _keep(folder: Path, reported: Sequence[Reported]) -> None:
    write_whole(folder / HARDWARE, json_text(reported).encode())


def read_reports(
    folder: Path, parsers: Mapping[str, ReportParser], notify: Notify
) -> tuple[Reported, ...]:
    """The figures of all reports of a hardware build in ``folder``.

    A report that its parser does not know is named in one line, and left out.
    """
    return tuple(
        Reported(figure, name, path.relative_to(folder).as_posix())
        for name, parser in parsers.items()
        for path in sorted(folder.glob(parser.pattern))
        for figure in _figures(parser, path, notify)
    )


def toolchain_of(target: Target[Any], plugins: Plugins) -> Toolchain:
    """What this machine has of the vendor's to build for the target.

    Raises:
        ToolchainError: the tools or the platform are missing, or of a version that the board
            cannot have.
    """
    return target.toolchain(Toolchains(os.environ, plugins.toolchains))


def _plan(workspace: Workspace, stages: TargetStages, mode: Literal["hw_emu", "hw"]) -> Plan:
    target = stages.target
    toolchain = toolchain_of(target, stages.sources.plugins)
    version, known = toolchain.version, target.board.toolchain
    for notice in filter(None, (hls_notice(version), known.image_notice(version))):
        workspace.notify(Note(notice))
    return target.plan(
        workspace.value(stages.design),
        mode,
        toolchain,
        contract=stages.contract,
        clock_mhz=stages.clock_mhz,
    )


def _plan_there(
    workspace: Workspace,
    stages: TargetStages,
    mode: Literal["hw_emu", "hw"],
    launch: Launch,
) -> Plan:
    """The plan with the commands that the design's own script has on the launcher's machine.

    Raises:
        ToolchainError: that machine lacks something, or the design has no such script.
    """
    target, design = stages.target, workspace.value(stages.design)
    contract, clock_mhz = stages.contract, stages.clock_mhz
    plans = target.shell_plans(design, mode, contract=contract, clock_mhz=clock_mhz)
    commands = launch.launcher.planned_there(launch.place, workspace.folder, mode)
    tools = [command[0] for command in commands]
    for plan in (each.plan for each in plans):
        if [step.command[0] for step in plan.steps] == tools:
            pairs = zip(plan.steps, commands, strict=True)
            return Plan(tuple(replace(step, command=tuple(words)) for step, words in pairs))
    raise ToolchainError(
        Problem(
            f"{target.name} cannot be built on another machine",
            expected="a target whose scripts/build.sh is rendered from its plans",
            hint=f"build it here, without --on {launch.launcher.name}",
            code="toolchain.no-script",
        )
    )


def _register(
    workspace: Workspace, stages: TargetStages, plan: Plan, reported: Sequence[Reported]
) -> tuple[Reported, ...]:
    """Note what the board loads, if that is there, once it is known to be what was asked for.

    Returns:
        The clocks of what was built.
    """
    folder, board = workspace.folder, stages.target.board
    built = _built(stages, plan)
    loaded = built
    if board.program:  # made of what was built, by hand and later
        ones = [PurePosixPath(path).with_suffix(f".{board.program}") for path in built]
        loaded = [str(path) for path in ones if (folder / path).is_file()]
    check = ProgramCheck(
        folder,
        workspace.value(stages.design),
        board,
        stages.clock_mhz,
        stages.options.clock_tolerance,
    )
    logs = [workspace.lock.steps[step.name].log for step in plan.steps]
    check.check(dict.fromkeys((*built, *loaded)), logs)
    if broken := tuple(_gates(stages).broken(folder, reported)):
        raise BuildError(*broken)
    if board.program:
        workspace.register(LINKED, stages.linked_key, built)
    if loaded:
        workspace.register("hardware", stages.hardware_key, loaded)
    return tuple(check.clocks(built))


def register_image(workspace: Workspace, stages: TargetStages, linked: Iterable[str]) -> None:
    """Note what F1 loads, if AWS has made an image of one of the ``linked`` xclbins."""
    made = (image_file(workspace.folder / path) for path in linked)
    found = [file.relative_to(workspace.folder).as_posix() for file in made if file]
    if found:
        workspace.register("hardware", stages.hardware_key, found)


def _built(stages: TargetStages, plan: Plan) -> list[str]:
    """What the plan makes for the board, by path."""
    names = program_names(stages.contract)
    outputs = (path for step in plan.steps for path in step.outputs)
    return [path for path in outputs if PurePosixPath(path).name in names]


def _gates(stages: TargetStages) -> Gates:
    core, contract = stages.value(stages.core).core, stages.contract
    return Gates(
        interval=max(core.initiation_interval, *(each.bus_words for each in contract.buffers)),
        clock_mhz=stages.clock_mhz,
        units=len(contract.instances),
        scaled=stages.target.board.clock.scalable,
        budget=stages.spec.budget.with_own(stages.options.budget),
    )


def _figures(parser: ReportParser, path: Path, notify: Notify) -> Sequence[Figure]:
    """What ``parser`` reads in the report at ``path``: broken or not, the hardware is built."""
    try:
        return parser.read(path)
    except (BuildError, PluginError) as error:
        problem = error.problems[0]
        place = f"{problem.where}: " if isinstance(error, PluginError) and problem.where else ""
        notify(Note(f"{path} was not read: {place}{problem.what}"))
        return ()
