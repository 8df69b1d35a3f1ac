"""How the road looks while it is walked: a line a stop, a spinner for what is under way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from fpgac.build.road import Event, Note, Progress, Started, Stopped, Tell
from fpgac.cli.console import errors, seconds_text

__all__ = ["activity", "labelled", "road_printer", "training_bar"]

_MARKS = {"done": "[green]✓[/]", "cached": "[cyan]=[/]", "failed": "[red]✗[/]"}


@contextmanager
def road_printer(width: int = 16) -> Iterator[Tell]:
    """A listener that prints a line for each stop, and spins beside what is under way.

    ``width`` is that of the names, in characters.
    """
    running: dict[str, str] = {}
    speaking = threading.Lock()  # several roads may be walked at a time
    with errors().status("", spinner="dots") as status:

        def show(event: Event) -> None:
            match event:
                case Started(name):
                    running[name] = name
                case Progress(name, fraction, text):
                    running[name] = " ".join(filter(None, [name, _percent(fraction), text]))
                case Stopped(name):
                    running.pop(name, None)
                    _print_stop(event, width)
                case Note(text):
                    _print_note(text)
            status.update(", ".join(running.values()))

        def tell(event: Event) -> None:
            with speaking:
                show(event)

        yield tell


def labelled(tell: Tell, label: str) -> Tell:
    """A listener that tells ``tell`` whose events they are, where several roads are walked."""

    def heard(event: Event) -> None:
        if isinstance(event, Note):
            tell(Note(f"{label.rstrip()}: {event.text}"))
        else:
            tell(replace(event, name=f"{label}  {event.name}"))

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
def activity() -> Iterator[Callable[[str], None]]:
    """A spinner with a clock: call it with what is under way."""
    from rich.progress import Progress as Bars
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Bars(*columns, console=errors(), transient=True) as bars:
        task = bars.add_task("starting")
        yield lambda text: bars.update(task, description=text)


def _print_stop(stop: Stopped, width: int) -> None:
    from rich.markup import escape

    took = "" if stop.outcome in ("failed", "cached") else seconds_text(stop.seconds)
    line = f"{escape(stop.name):<{width}} {stop.outcome:<7}{took:>8}"
    told = f"{line}  [dim]{escape(stop.detail)}[/]".rstrip()
    errors().print(f"  {_MARKS[stop.outcome]} {told}", soft_wrap=True)


def _print_note(text: str) -> None:
    from rich.text import Text

    errors().print(Text(f"  ! {text}", style="yellow"), soft_wrap=True)


def _percent(fraction: float) -> str:
    return f"{fraction:.0%}" if fraction else ""
