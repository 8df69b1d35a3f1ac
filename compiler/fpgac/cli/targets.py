"""``fpgac targets``: the table of all boards, and ``fpgac targets show``: all about one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fpgac.cli.console import deliver, note, results, show_table
from fpgac.cli.plugins import PluginFiles, plugins_with

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic.fields import FieldInfo

    from fpgac.plugins import Board, Memory, Plugins, Target

__all__ = ["register"]

_group = typer.Typer(
    invoke_without_command=True,
    help="List the boards that a spec can be compiled for, or show all about one.",
)


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(_group, name="targets")


@_group.callback()
def targets(context: typer.Context, plugin: PluginFiles = None) -> None:
    """List the boards that a spec can be compiled for: part, hosts, toolchain, life cycle.

    `fpgac targets show NAME` shows the rest of one: memories, clocks, platforms, options.
    """
    if context.invoked_subcommand is None:
        plugins = plugins_with(plugin)
        plain = [_plain(flow, board) for flow, board in _flows(plugins.targets.values())]
        deliver(plain, lambda: _print_all(plugins))


@_group.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A target, such as alveo-u250.")],
    plugin: PluginFiles = None,
) -> None:
    """Show all about a board: memories, clock, platforms, life cycle, and a spec's options."""
    target = plugins_with(plugin).target(name)
    plain = [
        {**_plain(flow, each), "memories": _memories(each.board), "options": _options(each)}
        for flow, each in _flows([target])
    ]
    deliver(plain, lambda: _print_one(target))


def _flows(targets: Iterable[Target[Any]]) -> list[tuple[str, Target[Any]]]:
    """Each flow of the targets by its name; a board that is built in one way has one, unnamed."""
    return [
        (name, flow) for target in targets for name, flow in (target.flows or {"": target}).items()
    ]


def _plain(flow: str, target: Target[Any]) -> dict[str, object]:
    """What there is to know of a target in any case, as plain data."""
    board = target.board
    return {
        "target": target.name,
        "flow": flow or None,
        "part": board.part,
        "platforms": board.platforms,
        "hosts": board.hosts,
        "modes": ("emulation", *board.modes),
        "toolchain": str(board.toolchain),
        "clock_mhz": {"default": board.clock.default_mhz, "maximum": board.clock.maximum_mhz},
        "state": _life(board),
        "notice": target.notice,
    }


def _print_one(target: Target[Any]) -> None:
    from rich.text import Text

    results().print(f"[bold]{target.name}[/]: {target.board.title}", soft_wrap=True)
    for name, flow in _flows([target]):
        if name:
            results().print(Text(f'\nWith flow = "{name}"', style="bold"))
        _show(flow)
    for notice in _notices([target]):
        note(notice)


def _show(target: Target[Any]) -> None:
    from rich.text import Text

    out = results()
    for title, text in _facts(target.board):
        out.print(Text(f"  {title + ':':<12} {text}"), soft_wrap=True)
    if target.board.memories:
        out.print("\n[bold]Memories[/]")
    for line in _memories(target.board):
        out.print(Text(f"  {line}"), soft_wrap=True)
    out.print(Text(f"\nOptions, in a spec's table [targets.{target.name}]", style="bold"))
    for line in _options(target):
        out.print(Text(f"  {line}"), soft_wrap=True)


def _notices(targets: Iterable[Target[Any]]) -> list[str]:
    """What a user should know, of all flows, each thing once."""
    flows = (flow for target in targets for flow in (target, *target.flows.values()))
    return list(dict.fromkeys(flow.notice for flow in flows if flow.notice))


def _facts(board: Board) -> list[tuple[str, str]]:
    clock, life = board.clock, board.life
    variable = f", through ${board.platform_variable}" if board.platform_variable else ""
    return [
        ("part", f"{board.part}, {board.slrs} super logic region{'s' * (board.slrs > 1)}"),
        *([("platforms", ", ".join(board.platforms) + variable)] if board.platforms else []),
        *([("to have it", board.platform_hint)] if board.platform_hint else []),
        ("toolchain", str(board.toolchain)),
        *([("because", board.toolchain.reason)] if board.toolchain.reason else []),
        *([("images", _images(board))] if board.toolchain.images else []),
        ("clock", f"{clock.default_mhz:g} MHz by default, at most {clock.maximum_mhz:g} MHz"),
        ("hosts", ", ".join(board.hosts) or "none"),
        ("modes", ", ".join(("emulation", *board.modes))),
        ("life", _life(board)),
        *([("mind", life.message)] if life.message and not life.notice else []),
    ]


def _images(board: Board) -> str:
    return ", ".join(map(str, board.toolchain.images))


def _life(board: Board) -> str:
    return f"{board.life.state}, {board.life.date}" if board.life.date else board.life.state


def _memories(board: Board) -> list[str]:
    """A line for each bank; banks that follow each other and are alike share one."""
    runs: list[list[Memory]] = []
    for bank in board.memories:
        if runs and len(board.memories) > 8 and _alike(runs[-1][-1], bank):
            runs[-1].append(bank)
        else:
            runs.append([bank])
    return [*map(_bank_line, runs), _taken(board)]


def _taken(board: Board) -> str:
    """Who uses which bank."""
    if len(board.spread) == 1:
        return f"all compute units use {board.spread[0]}"
    banks = ", ".join(board.spread[:4]) + (", ..." if len(board.spread) > 4 else "")
    whose = "the arguments of compute units" if board.has_port_per_bank else "compute units"
    return f"{whose} take {banks} in turn"


def _alike(one: Memory, other: Memory) -> bool:
    return (one.kind, one.size_bytes, one.slr) == (other.kind, other.size_bytes, other.slr)


def _bank_line(run: list[Memory]) -> str:
    first, last = run[0], run[-1]
    names = first.name if first is last else f"{first.name} to {last.name}"
    size = f"{first.size_bytes / 2**30:g} GiB" + (" each" if len(run) > 1 else "")
    place = f", at SLR{first.slr}" if first.slr is not None else ""
    return f"{names:<18} {first.kind}, {size}, from 0x{first.base:x}{place}"


def _options(target: Target[Any]) -> list[str]:
    from fpgac.plugins.guarded import calling

    with calling(target, "Options"):
        return [
            f"{name} = {_default(field)}  # {field.description}"
            for name, field in target.Options.model_fields.items()
        ]


def _default(field: FieldInfo) -> str:
    """A default as TOML would write it; what need not be set has none."""
    import json

    from pydantic import BaseModel

    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_defaults=True)
    return "(not set)" if value is None else json.dumps(value, default=str)


def _print_all(plugins: Plugins) -> None:
    rows = []
    for name, target in _flows(plugins.targets.values()):
        board, called = target.board, f"{target.name} ({name})" if name else target.name
        hosts, tools = ", ".join(board.hosts) or "none", str(board.toolchain)
        platform = board.platforms[0] if board.platforms else "none"
        rows.append((called, board.part, platform, hosts, tools, _life(board)))
    titles = ("target", "part", "platform", "hosts", "toolchain", "state")
    show_table(titles, rows, fold=titles[2:])
    for notice in _notices(plugins.targets.values()):
        note(notice)
