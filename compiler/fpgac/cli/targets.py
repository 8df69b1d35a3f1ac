"""``fpgac targets``."""

from __future__ import annotations

import typer

from fpgac.cli.console import errors, results
from fpgac.cli.plugins import PluginFiles, plugins_with

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command()(targets)


def targets(plugin: PluginFiles = None) -> None:
    """List the boards that a spec can be compiled for: part, hosts, toolchain, life cycle."""
    from rich.table import Table
    from rich.text import Text

    plugins = plugins_with(plugin)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("target", "part", "hosts", "toolchain", "state"):
        table.add_column(title, no_wrap=title in ("target", "part"))
    for name, target in plugins.targets.items():
        board = target.board
        table.add_row(
            name, board.part, ", ".join(board.hosts), str(board.toolchain), board.life.state
        )
    results().print(table)
    for target in plugins.targets.values():
        if target.notice:
            errors().print(Text(f"  ! {target.notice}", style="yellow"), soft_wrap=True)
