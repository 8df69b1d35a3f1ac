"""The command line: `fpgac COMMAND ...`. Commands hold no logic; heavy imports wait inside them."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from typing import Annotated

import typer

from fpgac import __version__
from fpgac.cli import build, emulate, imports, plugins, specs, targets, train
from fpgac.cli.console import complain, errors
from fpgac.errors import FpgacError

__all__ = ["app", "main"]

INTERRUPTED, TERMINATED = 130, 143

app = typer.Typer(
    name="fpgac",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=(
        "A first walk: `fpgac init flower.toml`, `fpgac train flower.toml`, "
        "`fpgac compile flower.toml`, `fpgac run build/flower-aws-f1`."
    ),
)
specs.register(app)
train.register(app)
imports.register(app)
build.register(app)
emulate.register(app)
targets.register(app)
plugins.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fpgac {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    debug: Annotated[
        bool,  # main() reads it: an error may come before any command runs
        typer.Option("--debug", help="Show tracebacks of errors.", envvar="FPGAC_DEBUG"),
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    """Compile neural networks to FPGA cards: one TOML file, one command.

    A spec describes a network's topology, precision and boards. fpgac trains the network, lowers
    it to HLS C++, wraps a Vitis kernel and its hosts around it, builds everything, and proves on
    an emulated card that every engine gives the same bits.
    """


def main() -> None:
    """Run the command line; what a user can mend prints without a traceback."""
    signal.signal(signal.SIGTERM, _end)
    try:
        app()
    except FpgacError as error:
        _show_traceback()
        complain(error)
        sys.exit(error.exit_code)
    except SystemExit as end:
        if end.code in (INTERRUPTED, TERMINATED):
            errors().print("\nended early; what was finished is kept")
        raise
    except BrokenPipeError:
        sys.exit(141)
    except Exception as error:
        _show_traceback()
        text = f"fpgac has a defect: {type(error).__name__}: {error}"
        errors().print(text, style="bold red", markup=False, soft_wrap=True)
        errors().print("  run `fpgac --debug ...` again for the traceback, and report it")
        sys.exit(1)


def _end(number: int, frame: object) -> None:
    """Let everything under way be cleaned up, as after Ctrl-C."""
    sys.exit(TERMINATED)


def _show_traceback() -> None:
    if "--debug" in sys.argv[1:] or os.environ.get("FPGAC_DEBUG", "0") not in ("", "0"):
        errors().print(traceback.format_exc(), markup=False, soft_wrap=True)
