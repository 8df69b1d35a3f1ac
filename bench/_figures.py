"""Figures of a benchmark: a value, its peer measured in the same run, and the ratio of the two.

Machines differ, and one machine from hour to hour; a ratio to a peer that ran in between stays. The
figures are kept in ``results.json``, so that the next run can tell what has changed.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results.json")

# Ratios of one machine in two quiet runs differ by less than this part.
NOISE = 0.1


@dataclass(frozen=True)
class Figure:
    """``ratio`` is value over peer; both in ``unit``. ``peer`` says what was measured beside it."""

    name: str
    value: float
    unit: str
    peer: str
    peer_value: float

    @property
    def ratio(self) -> float:
        return self.value / self.peer_value

    def plain(self) -> dict[str, Any]:
        """What ``results.json`` keeps under the figure's name."""
        return {
            "value": self.value,
            "unit": self.unit,
            "peer": self.peer,
            "peer_value": self.peer_value,
            "ratio": self.ratio,
        }


def seconds(run: Callable[[], object]) -> float:
    """How long ``run`` takes, on the clock."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def process(*command: str | Path) -> float:
    """How long a whole process takes; its output is shown if it fails."""

    def run() -> None:
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{command} failed:\n{done.stdout}\n{done.stderr}")

    return seconds(run)


def in_turn(
    runs: Sequence[Callable[[], float]],
    times: int,
    pick: Callable[[Sequence[float]], float] = statistics.median,
) -> list[float]:
    """The median of each of ``runs``, run in turn so that a drifting machine slows all alike.

    ``pick`` chooses another than the median: ``min`` where others disturb the machine.
    """
    rounds = [[run() for run in runs] for _ in range(times)]
    return [pick(column) for column in zip(*rounds, strict=True)]


def show(title: str, figures: Iterable[Figure]) -> None:
    """Print the figures as a table, with what changed since the last run, and keep them."""
    figures = list(figures)
    kept = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    print(f"\n{title}")
    print_table([_row(figure, kept.get(figure.name)) for figure in figures])
    kept |= {figure.name: figure.plain() for figure in figures}
    beside = RESULTS.with_suffix(".new")
    beside.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    beside.replace(RESULTS)


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows of one length, their columns below each other."""
    for line in table(rows):
        print(f"  {line}")


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The rows as lines; a column with numbers stands at its right, with its title.

    >>> for line in table([["host", "call"], ["pynq", "0.75"], ["opencl", "-"]]):
    ...     print(line)
    host    call
    pynq    0.75
    opencl     -
    """
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    right = [any(map(_is_number, column)) for column in columns]
    for row in rows:
        cells = zip(row, widths, right, strict=True)
        yield "  ".join(
            cell.rjust(width) if is_right else cell.ljust(width) for cell, width, is_right in cells
        ).rstrip()


def number(value: float) -> str:
    """Three digits that count, or all before the point.

    >>> number(27_345_678.9), number(12.345), number(0.0012345)
    ('27,345,679', '12.3', '0.00123')
    """
    digits = next((places for limit, places in ((100, 0), (10, 1), (1, 2)) if value >= limit), None)
    return f"{value:.3g}" if digits is None else f"{value:,.{digits}f}"


def _is_number(cell: str) -> bool:
    return cell.replace(",", "").replace(".", "").isdigit()


def _row(figure: Figure, before: Mapping[str, Any] | None) -> tuple[str, ...]:
    return (
        figure.name,
        number(figure.value),
        figure.unit,
        number(figure.ratio),
        f"x  {figure.peer} ({number(figure.peer_value)} {figure.unit})",
        changed(figure, before) if before else "",
    )


def changed(figure: Figure, before: Mapping[str, Any]) -> str:
    """How the ratio has moved since ``before`` was kept; an arrow marks more than noise."""
    if (figure.unit, figure.peer) != (before["unit"], before["peer"]):
        return "measured otherwise before"
    moved = figure.ratio / before["ratio"] - 1
    mark = "" if abs(moved) <= NOISE else " ▲" if moved > 0 else " ▼"
    return f"was {number(before['ratio'])} x: {moved:+.0%}{mark}"
