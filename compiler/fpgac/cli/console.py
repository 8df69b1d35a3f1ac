"""What a user sees: results on standard output, progress and errors on standard error.

With ``--json``, standard output is one JSON document for programs: the result of the command, its
problems, and the exit code.
"""

from __future__ import annotations

import codecs
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fpgac.errors import FpgacError, Problem

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console
    from rich.text import Text

__all__ = [
    "accept_any_encoding",
    "complain",
    "deliver",
    "document",
    "errors",
    "in_new_folder",
    "is_for_programs",
    "note",
    "results",
    "seconds_text",
    "serve_programs",
    "show_table",
]

# What is printed for a character that the terminal's encoding lacks; any other becomes "?".
_SUBSTITUTES = {"→": "->", "±": "+-", "…": ".", "µ": "u"} | dict(
    zip("▶✓✗≈×−–’²", ">+x~x--'2", strict=True)
)
_ENCODING_ERRORS = "fpgac.substitute"

# A pipe or a file has no width of its own: tables keep their lines whole. COLUMNS says nothing of
# it; Python sets that for its children where it has loaded readline.
_PIPE_WIDTH = 160
# The least width of a table's column that may be folded.
_FOLDED_WIDTH = 16


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
    if console.is_terminal:
        return console
    return Console(stderr=stderr, highlight=False, width=_PIPE_WIDTH)


def accept_any_encoding() -> None:
    """From now on, what the terminal's encoding lacks is printed in simpler characters."""
    codecs.register_error(_ENCODING_ERRORS, _substituted)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors=_ENCODING_ERRORS)  # type: ignore[union-attr]


def _substituted(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    return "".join(_SUBSTITUTES.get(character, "?") for character in characters), error.end


def show_table(
    titles: Sequence[str],
    rows: Sequence[Sequence[str | Text]],
    *,
    right: Collection[str] = (),
    fold: Collection[str] = (),
) -> None:
    """Print a table among the results; where it is too wide, a paragraph for each row.

    The columns named in ``right`` are aligned right; those in ``fold`` may break their lines.
    """
    from rich.table import Table

    out, table = results(), Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    cells = [[_text(cell) for cell in row] for row in rows]
    narrowest = 2 * len(titles) - 2
    for title, column in zip(titles, zip(*cells, strict=True), strict=False):
        width = max(len(title), *(_width(cell) for cell in column))
        least = min(width, _FOLDED_WIDTH) if title in fold else width
        narrowest += least
        side: Any = "right" if title in right else "left"
        table.add_column(title, justify=side, min_width=least, overflow="fold")
    for row in cells:
        table.add_row(*row)
    if narrowest <= out.width:
        out.print(table)
    else:
        _show_paragraphs(titles, cells)


def _text(cell: str | Text) -> Text:
    from rich.text import Text

    return Text.from_markup(cell) if isinstance(cell, str) else cell


def _width(text: Text) -> int:
    """The characters of its longest line."""
    return max((line.cell_len for line in text.split("\n")), default=0)


def _show_paragraphs(titles: Sequence[str], rows: Sequence[Sequence[Text]]) -> None:
    from rich.padding import Padding
    from rich.text import Text

    for name, *texts in rows:
        results().print(name)
        for title, text in zip(titles[1:], texts, strict=True):
            if text:
                results().print(
                    Padding(Text.assemble(f"{title}: ", text), (0, 0, 0, 2), expand=False)
                )


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
    ascii_only = not sys.stdout.encoding.lower().startswith("utf")
    return json.dumps(plain, indent=2, ensure_ascii=ascii_only, default=str)


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


def in_new_folder(path: Path) -> str:
    """What is said, after ``path`` was written, of a folder that had to be made for it."""
    return "" if path.parent.is_dir() else f", in the new folder {path.parent}/"


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
