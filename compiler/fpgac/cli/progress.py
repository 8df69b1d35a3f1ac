"""How a pipeline looks while it runs: a line a stage, a spinner for what is under way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from fpgac.build.events import Ended, Event, Note, Notify, Progress, Started
from fpgac.cli.console import errors, seconds_text

__all__ = ["activity", "labelled", "pipeline_printer", "sample_bar", "training_bar"]

_MARKS = {
    "done": "[green]✓[/]",
    "failed": "[red]✗[/]",
    "cached": "[cyan]=[/]",
    "reused": "[cyan]=[/]",
}


@contextmanager
def pipeline_printer(width: int = 16) -> Iterator[Notify]:
    """A listener that prints a line for each stage, and spins beside what is under way.

    ``width`` is that of the names, in characters.
    """
    running: dict[str, str] = {}
    printing = threading.Lock()  # several pipelines may run at a time
    with errors().status("", spinner="dots") as status:

        def show(event: Event) -> None:
            match event:
                case Started(name):
                    running[name] = name
                case Progress(name, fraction, text):
                    running[name] = " ".join(filter(None, [name, _percent(fraction), text]))
                case Ended(name):
                    running.pop(name, None)
                    _print_end(event, width)
                case Note(text):
                    _print_note(text)
            status.update(", ".join(running.values()))

        def notify(event: Event) -> None:
            with printing:
                show(event)

        yield notify


def labelled(notify: Notify, label: str) -> Notify:
    """A listener that passes on whose events they are, where several pipelines run."""

    def heard(event: Event) -> None:
        if isinstance(event, Note):
            notify(Note(f"{label.rstrip()}: {event.text}"))
        else:
            notify(replace(event, name=f"{label}  {event.name}"))

    return heard


@contextmanager
def training_bar(epochs: int) -> Iterator[Callable[[float, str], None]]:
    """A bar over the epochs: call it with how many are done, and what to show beside it."""
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("  training"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f} epochs  {task.description}"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=errors()) as bars:
        task = bars.add_task("", total=epochs)
        yield lambda done, text: bars.update(task, completed=done, description=text)


@contextmanager
def sample_bar(samples: int) -> Iterator[Callable[[int, int], None]]:
    """A bar over samples: call it with how many are done, of how many."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("  samples"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bars(*columns, console=errors(), transient=True) as bars:
        task = bars.add_task("", total=samples)
        yield lambda done, samples: bars.update(task, completed=done, total=samples)


@contextmanager
def activity() -> Iterator[Callable[[str], None]]:
    """A spinner with a clock: call it with what is under way."""
    from rich.progress import Progress as Bars
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Bars(*columns, console=errors(), transient=True) as bars:
        task = bars.add_task("starting")
        yield lambda text: bars.update(task, description=text)


def _print_end(end: Ended, width: int) -> None:
    from rich.markup import escape

    took = seconds_text(end.seconds) if end.outcome == "done" else ""
    line = f"{escape(end.name):<{width}} {end.outcome:<7}{took:>8}"
    text = f"{line}  [dim]{escape(end.detail)}[/]".rstrip()
    errors().print(f"  {_MARKS[end.outcome]} {text}", soft_wrap=True)


def _print_note(text: str) -> None:
    from rich.text import Text

    errors().print(Text(f"  ! {text}", style="yellow"), soft_wrap=True)


def _percent(fraction: float) -> str:
    return f"{fraction:.0%}" if fraction else ""
