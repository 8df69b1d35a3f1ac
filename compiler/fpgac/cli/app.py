"""The command line: `fpgac COMMAND ...`. Commands hold no logic; heavy imports wait inside them."""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
import warnings
from typing import Annotated, Any, NoReturn, TextIO

import typer

from fpgac import __version__
from fpgac.build.cache import UnsafeCacheWarning
from fpgac.cli import (
    afi,
    build,
    card,
    data,
    doctor,
    emulate,
    estimate,
    execute,
    explain,
    imports,
    plugins,
    report,
    specs,
    targets,
    train,
)
from fpgac.cli.console import (
    accept_any_encoding,
    complain,
    document,
    errors,
    is_for_programs,
    note,
    serve_programs,
)
from fpgac.errors import BuildError, FpgacError, Problem, UsageError

__all__ = ["app", "main"]

INTERRUPTED, TERMINATED, BROKEN_PIPE = 130, 143, 141

# What the system says where standard output takes no more.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EPIPE)

# All that typer refuses on a command line is one of these.
_ClickError: type[Exception] = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)

app = typer.Typer(
    name="fpgac",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=(
        "To begin: `fpgac init flower.toml`, `fpgac train flower.toml`, "
        "`fpgac compile flower.toml`, `fpgac run build/flower-alveo-u50`."
    ),
)
specs.register(app)
estimate.register(app)
data.register(app)
train.register(app)
imports.register(app)
build.register(app)
emulate.register(app)
execute.register(app)
card.register(app)
report.register(app)
explain.register(app)
afi.register(app)
targets.register(app)
doctor.register(app)
plugins.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fpgac {__version__}")
        raise typer.Exit


def _programs(wanted: bool) -> None:
    if wanted:
        serve_programs()


@app.callback()
def _root(
    debug: Annotated[
        bool,  # main() reads it: an error may come before any command runs
        typer.Option("--debug", help="Show tracebacks of errors.", envvar="FPGAC_DEBUG"),
    ] = False,
    json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Write one JSON document to standard output: the command's result, or its "
            "problems with their codes. `fpgac --json COMMAND`.",
            callback=_programs,
            is_eager=True,
        ),
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
    """Run the command line; what a user can fix prints without a traceback."""
    accept_any_encoding()
    signal.signal(signal.SIGTERM, _end)
    _print_warnings_in_one_line()
    try:
        _run()
    except BrokenPipeError:
        _abandon_output()
        sys.exit(BROKEN_PIPE)
    except OSError as error:
        _abandon_output()
        complain(_full_output(error))
        sys.exit(BuildError.exit_code)


def _run() -> NoReturn:
    """Run the command; what standard output refuses is all that is raised.

    Raises:
        OSError: it has no room, or nobody reads it any more.
    """
    try:
        code = app(prog_name="fpgac", standalone_mode=False)
    except FpgacError as error:
        _show_traceback()
        _fail(error)
    except _ClickError as error:
        _fail(_misused(error))
    except SystemExit as end:
        _finish(end.code if isinstance(end.code, int) else 1)
    except MemoryError:
        _show_traceback()
        _fail(_out_of_memory())
    except Exception as error:
        if _cannot_print(error):
            raise
        _show_traceback()
        _fail(_defect(error))
    _finish(code or 0)


def _print_warnings_in_one_line() -> None:
    """fpgac's own, which are no place in some source to users."""
    usual = warnings.showwarning

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if issubclass(category, UnsafeCacheWarning):
            note(str(message))
        else:
            usual(message, category, filename, lineno, file, line)

    warnings.showwarning = show


def _fail(error: FpgacError) -> NoReturn:
    """Report what went wrong, and end."""
    if is_for_programs():
        sys.stdout.write(document(error.exit_code, error.problems) + "\n")
    else:
        complain(error)
    sys.exit(error.exit_code)


def _cannot_print(error: Exception) -> bool:
    """Whether ``error`` comes from standard output, which names no file, and not from a file."""
    return isinstance(error, OSError) and error.filename is None and error.errno in _FULL


def _full_output(error: OSError) -> FpgacError:
    """Standard output goes to where there is no room."""
    return BuildError(
        Problem(
            "standard output cannot be written",
            got=error.strerror or str(error),
            hint="free some space where it goes",
            code="build.no-standard-output",
        )
    )


def _abandon_output() -> None:
    """Let nothing that is left in the buffer fail once more when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _out_of_memory() -> FpgacError:
    return BuildError(
        Problem(
            "there is not enough memory",
            hint="fewer samples: proof.data, proof.random and data.samples in the spec",
            code="build.out-of-memory",
        )
    )


def _defect(error: Exception) -> FpgacError:
    """What is fpgac's own fault."""
    return FpgacError(
        Problem(
            f"fpgac has a defect: {type(error).__name__}: {error}",
            hint="run 'fpgac --debug ...' again for the traceback, and report it",
            code="fpgac.defect",
        )
    )


def _misused(error: Any) -> UsageError:
    """What typer says of the command line, as fpgac says everything else.

    A command without its arguments shows its help.
    """
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        sys.exit(UsageError.exit_code)
    text = error.format_message().rstrip(".")
    command = error.ctx.command_path if error.ctx else "fpgac"
    what, hint = text[:1].lower() + text[1:], f"see {command} --help"
    return UsageError(Problem(what, hint=hint, code="cli.misused"))


def _finish(code: int) -> NoReturn:
    """End with an exit code, after the document for programs if that is wanted."""
    if code in (INTERRUPTED, TERMINATED):
        errors().print("\nended early; what was finished is kept")
    if is_for_programs():
        sys.stdout.write(document(code) + "\n")
    sys.stdout.flush()
    sys.exit(code)


def _end(number: int, frame: object) -> None:
    """Let everything under way be cleaned up, as after Ctrl-C."""
    sys.exit(TERMINATED)


def _show_traceback() -> None:
    if "--debug" in sys.argv[1:] or os.environ.get("FPGAC_DEBUG", "0") not in ("", "0"):
        errors().print(traceback.format_exc(), markup=False, soft_wrap=True)
