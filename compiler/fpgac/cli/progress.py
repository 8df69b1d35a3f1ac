"""How the road looks while it is walked: a line a stop, a spinner for what is under way."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING

from fpgac.cli.console import errors, seconds_text
from fpgac.pipeline import Event, Note, Started, Stopped

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["RoadPrinter", "TrainingBar"]

_MARKS = {"done": "[green]✓[/]", "cached": "[cyan]=[/]", "skipped": "[yellow]-[/]"}


class RoadPrinter:
    """Prints events of the pipeline; use it as a context manager and call it with each event."""

    def __init__(self) -> None:
        self._running: dict[str, float] = {}
        self._status = errors().status("", spinner="dots")

    def __enter__(self) -> RoadPrinter:
        if errors().is_terminal:
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._status.stop()

    def __call__(self, event: Event) -> None:
        match event:
            case Started(name):
                self._running[name] = time.monotonic()
            case Stopped(name, outcome, seconds, detail):
                self._running.pop(name, None)
                self._line(name, outcome, seconds, detail)
            case Note(text):
                from rich.text import Text

                errors().print(Text(f"  ! {text}", style="yellow"), soft_wrap=True)
        self._status.update(", ".join(self._running) or "")

    @staticmethod
    def _line(name: str, outcome: str, seconds: float, detail: str) -> None:
        from rich.markup import escape

        if outcome == "failed":
            errors().print(f"  [red]✗[/] {escape(name):<16} failed", soft_wrap=True)
            return
        took = "" if outcome == "skipped" else seconds_text(seconds)
        told = f"{escape(name):<16} {outcome:<8}{took:>7}  [dim]{escape(detail)}[/]"
        errors().print(f"  {_MARKS[outcome]} {told}", soft_wrap=True)


class TrainingBar:
    """A bar over the epochs, with the losses beside it."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> TrainingBar:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("  training"),
            BarColumn(),
            TextColumn("{task.completed:.1f}/{task.total:.0f} epochs {task.fields[text]}"),
            TimeRemainingColumn(),
            console=errors(),
        )
        self._task = self._progress.add_task("", total=self._epochs, text="")
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._progress:
            self._progress.stop()

    def update(self, epochs_done: float, text: str) -> None:
        """Move the bar to ``epochs_done`` and show ``text`` beside it."""
        if self._progress and self._task is not None:
            self._progress.update(self._task, completed=epochs_done, text=text)
