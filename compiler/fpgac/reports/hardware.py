"""What the vendor's tools reported of a build: figures with their files, and side by side."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

from fpgac.reports.parser import Figure, Stage

__all__ = ["STAGES", "Reported", "Row", "csv_text", "json_text", "latest", "rows"]

STAGES: Final[tuple[Stage, ...]] = get_args(Stage)


@dataclass(frozen=True)
class Reported:
    """A figure, the parser that found it, and the file, relative to the build folder."""

    figure: Figure
    parser: str
    file: str

    def plain(self) -> dict[str, Any]:
        """It as plain data."""
        figure = self.figure
        return {
            "part": figure.part,
            "name": figure.name,
            "value": figure.value,
            "unit": figure.unit,
            "stage": figure.stage,
            "available": figure.available,
            "parser": self.parser,
            "file": self.file,
        }


@dataclass(frozen=True)
class Row:
    """One figure at all stages that tell of it; ``other`` is where the stage is not known."""

    part: str
    name: str
    unit: str
    values: Mapping[Stage, float]
    other: float | None
    available: float | None

    @property
    def used(self) -> float | None:
        """The part of what the device has that is taken, by the last stage; None if not known."""
        last = [self.values[stage] for stage in STAGES if stage in self.values]
        return last[-1] / self.available if last and self.available else None


def rows(reported: Iterable[Reported]) -> list[Row]:
    """The figures side by side, in the order in which they were found.

    Where two files tell of the same at the same stage, the greater value counts.
    """
    found: dict[tuple[str, str, str], list[Figure]] = {}
    for each in reported:
        figure = each.figure
        found.setdefault((figure.part, figure.name, figure.unit), []).append(figure)
    return [_row(*key, figures) for key, figures in found.items()]


def _row(part: str, name: str, unit: str, figures: list[Figure]) -> Row:
    known = {
        stage: max(figure.value for figure in figures if figure.stage == stage)
        for stage in STAGES
        if any(figure.stage == stage for figure in figures)
    }
    other = [figure.value for figure in figures if figure.stage is None]
    available = [figure.available for figure in figures if figure.available is not None]
    return Row(part, name, unit, known, max(other, default=None), max(available, default=None))


def latest(reported: Iterable[Reported], name: str, part: str | None = None) -> Iterator[Reported]:
    """The figures of a name, and a part if that is given, of the last stage that tells of it."""
    found = [
        each
        for each in reported
        if each.figure.name == name and part in (None, each.figure.part) and each.figure.stage
    ]
    last = max((STAGES.index(each.figure.stage) for each in found if each.figure.stage), default=0)
    return (each for each in found if each.figure.stage == STAGES[last])


def json_text(reported: Iterable[Reported]) -> str:
    """The figures as a JSON array of :meth:`Reported.plain`."""
    return json.dumps([each.plain() for each in reported], indent=1) + "\n"


def csv_text(reported: Iterable[Reported]) -> str:
    """The figures as CSV, with a line of titles."""
    text = io.StringIO()
    titles = ("part", "name", "value", "unit", "stage", "available", "parser", "file")
    table = csv.DictWriter(text, titles, lineterminator="\n")
    table.writeheader()
    table.writerows(each.plain() for each in reported)
    return text.getvalue()
