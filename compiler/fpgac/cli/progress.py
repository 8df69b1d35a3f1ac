"""How a pipeline looks while it runs: a line a stage, a spinner for what is under way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fpgac.build.events import Ended, Event, Note, Notify, Progress, Started
from fpgac.cli.console import errors, seconds_text

__all__ = ["activity", "labelled", "pipeline_printer", "sample_bar", "training_progress"]

if TYPE_CHECKING:
    from fpgac.network.training import Progress as Training

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
    phases: dict[str, str] = {}
    printing = threading.Lock()  # several pipelines may run at a time
    with errors().status("", spinner="dots") as status:

        def show(event: Event) -> None:
            match event:
                case Started(name):
                    running[name] = name
                case Progress(name, fraction, text, phase):
                    running[name] = " ".join(filter(None, [name, _percent(fraction), text]))
                    if phase != phases.get(name, ""):
                        phases[name] = phase
                        _print_phase(name, phase, width)
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
def training_progress(epochs: int) -> Iterator[Callable[[Training], None]]:
    """A bar over the epochs of each model; a line for each epoch where nobody watches."""
    if errors().is_terminal:
        with _training_bars(epochs) as show:
            yield show
    else:
        yield _TrainingLines()


class _TrainingLines:
    """Prints a line at the end of each epoch, and none again for those of an earlier run."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def __call__(self, news: Training) -> None:
        match news.stage:
            case "start":
                _print_line("loading TensorFlow")
            case "resume":
                self._known[news.model] = news.epoch
                _print_line(f"{news.model}: going on after epoch {news.epoch} of {news.epochs}")
            case "epoch" if news.epoch > self._known.get(news.model, 0):
                place = f"{news.epoch:{len(str(news.epochs))}}/{news.epochs}"
                _print_line(f"{news.model}: epoch {place}  {training_text(news)}")


def _print_line(text: str) -> None:
    errors().print(f"  {text}", markup=False, soft_wrap=True)


def training_text(news: Training) -> str:
    """The numbers of a training's progress, those that are known."""
    values = {"loss": news.loss, "validation": news.val_loss, "sparsity": news.sparsity}
    return "  ".join(f"{name} {value:.4g}" for name, value in values.items() if value is not None)


@contextmanager
def _training_bars(epochs: int) -> Iterator[Callable[[Training], None]]:
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("  {task.fields[model]}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f} epochs  {task.description}"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=errors()) as bars:
        tasks: dict[str, Any] = {}

        def show(news: Training) -> None:
            if news.model not in tasks:
                tasks[news.model] = bars.add_task("", total=epochs, model=news.model)
            done = epochs * news.step / news.steps if news.steps else float(news.epoch)
            text = "loading TensorFlow" if news.stage == "start" else training_text(news)
            bars.update(tasks[news.model], completed=done, description=text)

        yield show


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


def _print_phase(name: str, phase: str, width: int) -> None:
    """A line for who reads a log of it; at a terminal the spinner says more."""
    from rich.markup import escape

    if not errors().is_terminal:
        errors().print(f"  … {escape(name):<{width}} {escape(phase)}", soft_wrap=True)


def _print_note(text: str) -> None:
    from rich.text import Text

    errors().print(Text(f"  ! {text}", style="yellow"), soft_wrap=True)


def _percent(fraction: float) -> str:
    return f"{fraction:.0%}" if fraction else ""
