"""What a user sees: results on standard output, progress and errors on standard error."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from fpgac.errors import FpgacError, Problem

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["complain", "errors", "results", "seconds_text"]


@lru_cache
def results() -> Console:
    """The console of a command's results."""
    return _console(stderr=False)


@lru_cache
def errors() -> Console:
    """The console of progress, notes and errors."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False)
    # A file or a pipe has no width: tables keep their lines whole.
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=160)


def complain(error: FpgacError) -> None:
    """Print every problem of ``error``: what and where, then expected, got and the hint."""
    for problem in error.problems:
        _print_problem(problem)
    if len(error.problems) > 1:
        errors().print(f"{len(error.problems)} problems")


def _print_problem(problem: Problem) -> None:
    from rich.text import Text

    texts = problem.texts
    line = Text("error: ", style="bold red")
    if "where" in texts:
        line.append(f"{texts.pop('where')}: ", style="bold")
    line.append(texts.pop("what"), style="default not bold")
    errors().print(line, soft_wrap=True)
    for label, text in texts.items():
        style = "green" if label == "hint" else "dim"
        errors().print(Text(f"  {label + ':':<9} {text}", style=style), soft_wrap=True)


def seconds_text(seconds: float) -> str:
    """``0.3 s``, ``12 s``, ``2 min 5 s``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
