"""Figures of a benchmark: a value, its peer measured in the same run, and the ratio of the two."""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).with_name("results.json")


@dataclass(frozen=True)
class Figure:
    """``ratio`` is value over peer; both in ``unit``."""

    name: str
    value: float
    unit: str
    peer: str
    peer_value: float

    @property
    def ratio(self) -> float:
        return self.value / self.peer_value


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
    """Print the figures as a table, and keep them in ``results.json``."""
    figures = list(figures)
    width = max(len(figure.name) for figure in figures)
    print(f"\n{title}")
    for figure in figures:
        print(
            f"  {figure.name:<{width}}  {figure.value:8.2f} {figure.unit}"
            f"   {figure.ratio:6.2f} x  {figure.peer} ({figure.peer_value:.2f} {figure.unit})"
        )
    kept = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    kept |= {figure.name: asdict(figure) | {"ratio": figure.ratio} for figure in figures}
    RESULTS.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
