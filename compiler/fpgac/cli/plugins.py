"""``fpgac plugin``, and the option ``--plugin`` of the commands that use plugins."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from fpgac.cli.console import deliver, errors, note, show_table
from fpgac.errors import PluginError

if TYPE_CHECKING:
    from fpgac.errors import Problem
    from fpgac.plugins import Plugins

__all__ = ["PluginFiles", "Trust", "plugins_with", "register"]

_VARIABLE: Final = "FPGAC_PLUGINS"

# As in fpgac.plugins.scaffold, which help does not wait for.
_Kind = Literal["card", "embedded", "vivado", "ip"]

PluginFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--plugin",
        help="A plugin that is not installed: its Python file. May be repeated.",
        envvar=_VARIABLE,
        exists=True,
        dir_okay=False,
        show_default=False,
    ),
]


Trust = Annotated[
    bool,
    typer.Option(
        "--trust",
        help="Run program code in the network's file, such as Lambda layers, with all your rights: "
        "only if you trust its author.",
    ),
]


def plugins_with(files: Iterable[Path] | None, *, trust: bool = False) -> Plugins:
    """All plugins, those in ``files`` among them; a line for each that cannot be used.

    Program code in networks' files may run where the user says so by ``trust``.

    Raises:
        PluginError: one of them was named on the command line.
    """
    plugins, asked = _loaded_with(files)
    if asked:
        raise PluginError(*asked)
    return plugins.trusting() if trust else plugins


def _loaded_with(files: Iterable[Path] | None) -> tuple[Plugins, list[Problem]]:
    """All plugins, and what is wrong with those that the command line names.

    Those that are installed, or that the environment names, are for other commands as well: what
    is wrong with them is a line.
    """
    from fpgac.plugins import load_plugins

    plugins = load_plugins(files=files or ())
    everywhere = os.environ.get(_VARIABLE, "").split(os.pathsep)
    asked = [each for each in plugins.failures if each.file and str(each.file) not in everywhere]
    for failure in plugins.failures:
        if failure not in asked:
            note(str(failure))
    return plugins, [failure.problem for failure in asked]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(no_args_is_help=True, help="List plugins, or start one of your own.")
    group.command("list")(list_)
    group.command()(new)
    app.add_typer(group, name="plugin")


def list_(plugin: PluginFiles = None) -> None:
    """List the plugins in use, where each comes from, what it offers, and what failed and why."""
    plugins, asked = _loaded_with(plugin)
    plain = [
        {"name": loaded.name, "from": loaded.origin, "offers": loaded.offers}
        for loaded in plugins.loaded
    ]
    failures = [str(failure) for failure in plugins.failures]
    result = {"plugins": plain, "failures": failures, "disabled": plugins.disabled}
    deliver(result, lambda: _print_loaded(plugins))
    if asked:
        raise PluginError(*asked)


def _print_loaded(plugins: Plugins) -> None:
    rows = []
    for loaded in plugins.loaded:
        offers = [f"{kind}: {', '.join(names)}" for kind, names in loaded.offers.items()]
        rows.append((loaded.name, loaded.origin, "\n".join(offers) or "nothing"))
    rows += [(name, "", "disabled by FPGAC_DISABLED_PLUGINS") for name in plugins.disabled]
    show_table(("plugin", "from", "offers"), rows, fold=("from", "offers"))


def new(
    name: Annotated[str, typer.Argument(help="The target's name, such as kv260.")],
    folder: Annotated[
        Path | None,
        typer.Option(help="The folder to write; by default fpgac-NAME.", show_default=False),
    ] = None,
    title: Annotated[
        str | None, typer.Option(help="The board's name for people.", show_default=False)
    ] = None,
    kind: Annotated[
        _Kind,
        typer.Option(
            help="card: a PCIe card, built with v++; embedded: a board with a processor, built "
            "with v++; vivado: an overlay for PYNQ; ip: an IP for Vivado's catalogue, no hosts."
        ),
    ] = "card",
) -> None:
    """Write an installable package with a target of your own, whose board file asks for facts."""
    from fpgac.plugins.scaffold import write_package

    written = folder or Path(f"fpgac-{name}")
    write_package(written, name, title, kind)
    board = written / f"fpgac_{name.replace('-', '_')}" / f"{name}.toml"
    next_ = f"pip install -e {written}[/], then [bold]pytest {written}[/]"
    text = f"wrote {written}/; next: fill in [bold]{board}[/], [bold]{next_}"
    plain = {"folder": written, "kind": kind, "board": board}
    deliver(plain, lambda: errors().print(text, soft_wrap=True))
