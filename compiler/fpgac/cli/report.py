"""``fpgac report``: what the vendor's tools said of a hardware build."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fpgac.cli.console import deliver, note, results
from fpgac.cli.plugins import PluginFiles, plugins_with

if TYPE_CHECKING:
    from rich.table import Table

    from fpgac.reports.hardware import Reported

__all__ = ["figures_table", "register"]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(report)


def report(
    build: Annotated[
        Path, typer.Argument(metavar="BUILD", help="A build folder, such as build/muon-pynq-z2.")
    ],
    csv: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the figures as CSV.", show_default=False),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write them as one page, with bars.", show_default=False),
    ] = None,
    plugin: PluginFiles = None,
) -> None:
    """Show what the vendor's tools reported of a hardware build: area, timing, latency, power.

    Estimate, synthesis and routing stand side by side; `fpgac --json report BUILD` has each figure
    with its file. Any folder with reports of AMD's tools at their places will do.
    """
    from fpgac.build.events import Event, Note
    from fpgac.build.folder import write_whole
    from fpgac.pipeline.reporting import page, reported_of
    from fpgac.reports.hardware import csv_text

    def heard(event: Event) -> None:
        if isinstance(event, Note):
            note(event.text)

    figures = reported_of(build, plugins_with(plugin).parsers, heard)
    if csv:
        write_whole(csv, csv_text(figures).encode())
    if html:
        write_whole(html, page(build.name, figures))
    deliver([each.plain() for each in figures], lambda: results().print(figures_table(figures)))


def figures_table(figures: Iterable[Reported]) -> Table:
    """The figures side by side."""
    from rich.table import Table
    from rich.text import Text

    from fpgac.reports.hardware import STAGES, rows

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("part", "figure"):
        table.add_column(title, no_wrap=True)
    for title in (*STAGES, "reported", "available", "taken"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in rows(figures):
        name = f"{row.name} [{row.unit}]" if row.unit else row.name
        values = [*(row.values.get(stage) for stage in STAGES), row.other, row.available]
        taken = "" if row.used is None else f"{row.used:.1%}"
        table.add_row(Text(row.part), Text(name), *map(_said, values), taken)
    return table


def _said(value: float | None) -> str:
    return "" if value is None else f"{value:,.10g}"
