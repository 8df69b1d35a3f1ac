"""``fpgac doctor``: what is on this machine, what it enables, and what is missing for a target."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from fpgac.cli.console import deliver, note, results, show_table
from fpgac.cli.plugins import PluginFiles, plugins_with
from fpgac.errors import Problem, ToolchainError

if TYPE_CHECKING:
    from rich.text import Text

    from fpgac.pipeline.diagnosing import Diagnosis, Finding, TargetState

__all__ = ["register"]

_TITLES = {
    "emulation": "Training, emulation, hosts on the emulated card",
    "toolchain": "Hardware builds",
    "machine": "This machine",
    "cloud": "Amazon FPGA images",
}


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(doctor)


def doctor(
    target: Annotated[
        str | None,
        typer.Option("--target", "-t", help="Look at what this target needs.", show_default=False),
    ] = None,
    plugin: PluginFiles = None,
) -> None:
    """Tell what is on this machine, what it enables, and what is missing and how to have it.

    Compilers, XRT, pynq, the vendors' tools with their versions, platforms, board files, licences,
    disk, memory, and whether there are AWS credentials. The exit code is 0, whatever is missing;
    with --target it is 8 if something is missing that the target's emulation needs.
    """
    from fpgac.pipeline.diagnosing import diagnose

    found = diagnose(plugins_with(plugin), target)
    lacks = [problem for each in found.targets for problem in each.emulation] if target else []
    deliver(_plain(found), lambda: _print(found, one=target is not None), lacks)
    if lacks:
        raise typer.Exit(ToolchainError.exit_code)


def _plain(found: Diagnosis) -> dict[str, object]:
    findings = [
        {
            "area": each.area,
            "name": each.name,
            "found": each.found or None,
            "enables": each.enables or None,
            "hint": each.hint or None,
        }
        for each in found.findings
    ]
    return {"findings": findings, "targets": [_plain_state(each) for each in found.targets]}


def _plain_state(state: TargetState) -> dict[str, object]:
    life = state.target.board.life
    return {
        "target": state.target.name,
        "flow": state.flow or None,
        "toolchain": str(state.target.board.toolchain),
        "state": life.state,
        "date": life.date,
        "emulation": [problem.plain() for problem in state.emulation],
        "hardware": [problem.plain() for problem in state.hardware],
        "notices": state.notices,
    }


def _print(found: Diagnosis, *, one: bool) -> None:
    for area, title in _TITLES.items():
        results().print(f"[bold]{title}[/]")
        for each in found.findings:
            if each.area == area:
                _print_finding(each)
        results().print()
    if one:
        for state in found.targets:
            _print_state(state)
    else:
        _print_states(found.targets)


def _print_finding(each: Finding) -> None:
    """What was found and what it is for, and in a line of its own how to have it."""
    from rich.text import Text

    mark = Text("✓", style="green") if each.found else Text("-", style="yellow")
    said = ", for ".join(filter(None, (each.found or "missing", each.enables)))
    results().print(Text.assemble("  ", mark, f" {each.name:<20} {said}"), soft_wrap=True)
    if each.hint:
        results().print(Text(f"    {'':<20} {each.hint}", style="green"), soft_wrap=True)


def _print_states(states: Iterable[TargetState]) -> None:
    """A line for each target."""
    from rich.text import Text

    rows = [
        (
            _name(state),
            _verdict(state.emulation),
            _verdict(state.hardware) if state.target.board.modes else "none",
            Text(_life(state)),
        )
        for state in states
    ]
    show_table(("target", "emulation", "hardware", "state"), rows, fold=("hardware",))
    results().print("\nfpgac doctor --target NAME says what one lacks, and how to have it")


def _verdict(problems: Iterable[Problem]) -> Text:
    from rich.text import Text

    lacks = "; ".join(problem.what for problem in problems)
    return Text(lacks, style="yellow") if lacks else Text("ready", style="green")


def _name(state: TargetState) -> str:
    return f"{state.target.name} ({state.flow})" if state.flow else state.target.name


def _life(state: TargetState) -> str:
    life = state.target.board.life
    return f"{life.state}, {life.date}" if life.date else life.state


def _print_state(state: TargetState) -> None:
    """All about one target: what it lacks, each with its remedy."""
    board = state.target.board
    out = results()
    out.print(f"[bold]{_name(state)}[/]: {board.title}, {_life(state)}", soft_wrap=True)
    out.print(f"  toolchain: {board.toolchain}", markup=False, soft_wrap=True)
    for title, problems in (("emulation", state.emulation), ("hardware", state.hardware)):
        out.print(f"  {title}: {'something is missing' if problems else 'ready'}")
        for problem in problems:
            _print_problem(problem)
    for notice in state.notices:
        note(notice)


def _print_problem(problem: Problem) -> None:
    from rich.text import Text

    what, *rest = str(problem).splitlines()
    results().print(Text(f"    - {what}"), soft_wrap=True)
    for line in rest:
        results().print(Text(f"    {line}", style="dim"), soft_wrap=True)
