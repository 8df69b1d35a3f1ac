"""``fpgac card``: the emulated card for kernels and hosts that fpgac did not make."""

from __future__ import annotations

from collections.abc import Iterator
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fpgac.cli.console import deliver, note
from fpgac.cli.execute import program_output

if TYPE_CHECKING:
    from fpgac.emulation import CardDescription

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(
        no_args_is_help=True,
        help="Build any Vitis kernel for the emulated card, and run any host on it.",
    )
    group.command()(build)
    group.command("exec")(exec_)
    app.add_typer(group, name="card")


def build(
    kernel: Annotated[
        list[Path], typer.Argument(metavar="KERNEL.cpp...", help="Vitis kernels in C++.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The .xclbin to write.")],
    config: Annotated[
        Path | None, typer.Option(help="A file for v++ --config: nk, sp and sc of [connectivity].")
    ] = None,
    name: Annotated[
        str, typer.Option("--kernel", "-k", help="The kernel's name, where it is not clear.")
    ] = "",
    include: Annotated[
        list[Path] | None, typer.Option("--include", "-I", help="A folder of headers.")
    ] = None,
    define: Annotated[
        list[str] | None, typer.Option("--define", "-D", help="A macro: NAME or NAME=VALUE.")
    ] = None,
) -> None:
    """Build an .xclbin for the emulated card from Vitis kernels in C++.

    Kernels are functions with C linkage: pointers (`m_axi`), numbers, `hls::stream`s to other
    kernels (`sc`), and kernels that run freely (`ap_ctrl_none`). Memories are those of an Alveo
    card: DDR[0:3], PLRAM[0:5], HOST[0], and HBM[0:31] first if the file names it.

    Example: `fpgac card build vadd.cpp --config link.cfg -o vadd.xclbin`
    """
    from fpgac.build.folder import disk_errors, write_whole
    from fpgac.emulation import write_xclbin
    from fpgac.steps.vitis import build_card, read_linking

    options = [f"-I{folder}" for folder in include or ()] + [f"-D{each}" for each in define or ()]
    card, library = build_card(kernel, read_linking(config), options, name)
    with disk_errors(out):
        write_whole(out, write_xclbin(card, library))
    for warning in _warnings(card):
        note(warning)
    deliver({"xclbin": str(out), "card": card.to_data()}, lambda: _show(out, card))


def _warnings(card: CardDescription) -> Iterator[str]:
    """What pynq 3.0.1 cannot do, on a real card either."""
    for kernel in card.kernels:
        if names := [
            each.name for each in kernel.arguments if iskeyword(each.name) and not each.stream
        ]:
            yield f"pynq cannot call {kernel.name}: {', '.join(names)} is a keyword of Python"
        given = [each for each in kernel.arguments if not each.stream]
        if given and not given[-1].memory and given[-1].size < 4:
            yield f"pynq gives {kernel.name} 0 for {given[-1].name}, a last argument below 4 bytes"


def _show(out: Path, card: CardDescription) -> None:
    for kernel in card.kernels:
        for unit in kernel.instances:
            places = [
                f"{argument} in {','.join(card.memories[index].tag for index in indices)}"
                for argument, indices in unit.memories.items()
            ]
            freely = ["runs freely"] if kernel.free_running else []
            typer.echo(f"  {kernel.name}:{unit.name}  {'; '.join([*freely, *places])}".rstrip())
    for each in card.streams:
        typer.echo(f"  {'.'.join(each.source)} -> {'.'.join(each.sink)}")
    typer.echo(out)


def exec_(
    command: Annotated[
        list[str], typer.Argument(metavar="-- COMMAND...", help="The program and its arguments.")
    ],
    xclbin: Annotated[
        Path | None,
        typer.Option(help="The card's program, where it is no argument of the command."),
    ] = None,
    devices: Annotated[int, typer.Option(min=1, max=16, help="How many cards to emulate.")] = 1,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds before it is ended.")] = 600.0,
) -> None:
    """Run any program on the emulated card: OpenCL, XRT's native interface, or pynq 3.0.1.

    `fpgac card exec -- ./host vadd.xclbin`. The exit code is the program's; what the card finds
    wrong is explained, and ends with 10. Each process has cards of its own.
    """
    from fpgac.emulation import run_host
    from fpgac.engines.executing import interpreted, is_python

    out, error = program_output()
    done = run_host(
        [interpreted(command[0]), *command[1:]],
        kind="pynq" if is_python(command[0]) else "xrt",
        card=_card_of(command, xclbin),
        devices=devices,
        cwd=Path.cwd(),
        timeout=timeout,
        on_output=out,
        on_error=error,
    )
    deliver({"exit_code": done.exit_code, "seconds": done.seconds}, lambda: None)
    raise typer.Exit(done.exit_code)


def _card_of(command: list[str], xclbin: Path | None) -> CardDescription:
    """The card that the first .xclbin among the host's arguments was built for."""
    from fpgac.emulation import read_xclbin
    from fpgac.errors import BuildError, EmulationError, Problem, Where

    values = (Path(word.rpartition("=")[2]) for word in command[1:])
    given = xclbin or next((path for path in values if path.suffix == ".xclbin"), None)
    if given is None:
        raise BuildError(
            Problem(
                "it is not clear which program the card has",
                hint="name it: fpgac card exec --xclbin vadd.xclbin -- ./host",
                code="card.no-xclbin",
            )
        )
    where = Where(given)
    try:
        found = read_xclbin(given.read_bytes(), where)
    except OSError as error:
        raise EmulationError(
            Problem(
                "the xclbin cannot be read",
                where,
                got=str(error.strerror),
                code="emulation.unreadable-program",
            )
        ) from error
    if found.description is None:
        raise EmulationError(
            Problem(
                "this xclbin is not for the emulated card",
                where,
                hint="build it with fpgac card build",
                code="emulation.not-for-emulation",
            )
        )
    return found.description
