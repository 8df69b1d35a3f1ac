"""``fpgac explain``: what a log of the vendors' tools tells."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fpgac.cli.console import deliver, results
from fpgac.cli.plugins import PluginFiles, plugins_with

if TYPE_CHECKING:
    from fpgac.hardware.logs import Explanation

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(explain)


def explain(
    log: Annotated[
        Path,
        typer.Argument(metavar="LOG", help="Any log of v++, Vitis HLS, Vivado, XRT or a host."),
    ],
    plugin: PluginFiles = None,
) -> None:
    """Explain a log of v++, Vitis HLS, Vivado or XRT: what happened, in which line, what to do.

    The same signs are looked for as in the logs of a build. Errors that are not known are shown
    first come first, without those that only say that a step before them failed.
    """
    from fpgac.pipeline.explaining import explain_log

    told = explain_log(log, plugins_with(plugin))
    deliver(_plain(told), lambda: _print(log, told))


def _plain(told: Explanation) -> dict[str, object]:
    from fpgac.plain import to_plain

    return {
        "causes": to_plain(told.causes),
        "unknown": to_plain(told.unknown),
        "follows": told.follows,
        "clocks": to_plain(told.clocks),
        "logs": told.logs,
    }


def _print(log: Path, told: Explanation) -> None:
    for cause in told.causes:
        _print_line(f"{log}:{cause.line}: {cause.text}", cause.remedy)
    for clock in told.clocks:
        _print_line(
            f"{log}:{clock.line}: {clock.clock} was lowered: {clock.got:g} of {clock.asked:g} MHz",
            "the build went on, slower: ask for a slower clock_mhz, or share multipliers "
            "(reuse_factor); clock_tolerance says how much a build may lose",
        )
    for cause in told.unknown:
        _print_line(f"{log}:{cause.line}: {cause.text}", "")
    if told.unknown and not told.causes:
        _say("no remedy is known for these; the first of them is the cause more often than not")
    if told.follows and not (told.causes or told.unknown):
        _say(f"{told.follows} errors, which only say that something before them failed")
    for other in told.logs if not told.is_good else ():
        _say(f"more is told by the log that it names: {other}")
    if told.is_good:
        _say("nothing in it tells of a failure")


def _print_line(text: str, remedy: str) -> None:
    from rich.text import Text

    results().print(Text(text), soft_wrap=True)
    if remedy:
        results().print(Text(f"  {remedy}", style="green"), soft_wrap=True)


def _say(text: str) -> None:
    results().print(text, markup=False, soft_wrap=True)
