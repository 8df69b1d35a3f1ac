"""What a user sees: results on standard output, progress and errors on standard error.

With ``--json``, standard output is one JSON document for programs: the result of the command, its
problems, and the exit code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fpgac.errors import FpgacError, Problem

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "complain",
    "deliver",
    "document",
    "errors",
    "is_for_programs",
    "note",
    "results",
    "seconds_text",
    "serve_programs",
]


@dataclass
class _Document:
    """What standard output will hold in the end, if it is for programs."""

    wanted: bool = False
    result: object = None
    problems: tuple[Problem, ...] = ()


_DOCUMENT = _Document()


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


def serve_programs() -> None:
    """From now on, standard output is for programs: nothing but :func:`document`."""
    _DOCUMENT.wanted = True


def is_for_programs() -> bool:
    """Whether standard output is for programs."""
    return _DOCUMENT.wanted


def deliver(result: object, show: Callable[[], None], problems: Iterable[Problem] = ()) -> None:
    """A command's result: plain data for programs, or what ``show`` prints for people.

    ``problems`` are those that the result reports for itself, as one of several targets may fail.
    """
    if _DOCUMENT.wanted:
        _DOCUMENT.result, _DOCUMENT.problems = result, tuple(problems)
    else:
        show()


def document(exit_code: int, problems: Iterable[Problem] = ()) -> str:
    """The JSON document of a command that ends with ``exit_code`` and these problems."""
    import json

    from fpgac import __version__

    several = (*_DOCUMENT.problems, *problems)
    plain: dict[str, Any] = {
        "fpgac": __version__,
        "exit_code": exit_code,
        "result": _DOCUMENT.result,
        "problems": [problem.plain() for problem in several],
    }
    return json.dumps(plain, indent=2, ensure_ascii=False, default=str)


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


def note(text: str) -> None:
    """Print what a user should know, in one line."""
    from rich.text import Text

    errors().print(Text(f"  ! {text}", style="yellow"), soft_wrap=True)


def seconds_text(seconds: float) -> str:
    """``0.3 s``, ``12 s``, ``2 min 5 s``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
