"""The command line: `fpgac COMMAND ...`. Commands hold no logic; heavy imports wait inside them."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from fpgac import __version__
from fpgac.cli import build, plugins, specs, targets, train
from fpgac.cli.console import complain, errors
from fpgac.errors import FpgacError

__all__ = ["app", "main"]

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
build.register(app)
targets.register(app)
plugins.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fpgac {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks of errors.", envvar="FPGAC_DEBUG")
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
    context.obj = {"debug": debug}


def main() -> None:
    """Run the command line; what a user can mend prints without a traceback."""
    debug = "--debug" in sys.argv[1:2]
    try:
        app(standalone_mode=True)
    except FpgacError as error:
        if debug:
            raise
        complain(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        errors().print("\n[bold]interrupted[/]; what was finished is kept", highlight=False)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)
    except Exception as error:
        if debug:
            raise
        errors().print(
            f"[bold red]fpgac has a defect:[/] {type(error).__name__}: {error}\n"
            "  run `fpgac --debug ...` again for the traceback, and report it",
            highlight=False,
            markup=True,
        )
        sys.exit(1)
