"""``fpgac exec``: a user's own program with the emulated card or board of a build around it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, TextIO

import typer

from fpgac.cli.console import deliver, is_for_programs

__all__ = ["program_output", "register"]


Line = Callable[[str], None]


class Engine(StrEnum):
    """What computes in the emulated card."""

    hls = "hls"
    exact = "exact"


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("exec")(execute)


def execute(
    build: Annotated[
        Path, typer.Argument(metavar="BUILD", help="A build folder, such as build/muon-aws-f1.")
    ],
    command: Annotated[
        list[str], typer.Argument(metavar="-- COMMAND...", help="The program and its arguments.")
    ],
    devices: Annotated[int, typer.Option(min=1, help="How many cards to emulate.")] = 1,
    engine: Annotated[
        Engine,
        typer.Option(help="The kernel's own C++, or its exact program, which is far faster."),
    ] = Engine.hls,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds before it is ended.")] = 600.0,
) -> None:
    """Run a program of your own, unchanged, with the emulated card or board of a build around it.

    `fpgac exec build/muon-pynq-z2 -- python my.py`, or `-- ./host muon.xclbin`. python is the one
    that runs fpgac; it finds the build's package, whose class loads the emulated card's program.
    The exit code is the program's; what the card finds wrong is explained, and ends with 10.
    """
    from fpgac.engines.executing import Execution

    done = Execution(build, devices, engine.value, timeout).run(command, *program_output())
    deliver({"exit_code": done.exit_code, "seconds": done.seconds}, lambda: None)
    raise typer.Exit(done.exit_code)


def program_output() -> tuple[Line, Line]:
    """Where lines of a program's standard output and error go: for other programs, both to
    standard error."""
    out = sys.stderr if is_for_programs() else sys.stdout
    return partial(_write, out), partial(_write, sys.stderr)


def _write(stream: TextIO, line: str) -> None:
    """A line of the program's, as soon as it is there."""
    stream.write(f"{line}\n")
    stream.flush()
