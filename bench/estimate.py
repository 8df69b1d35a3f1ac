"""How far the estimate is from public synthesis reports: the table of ``docs/estimate.md``.

``python bench/estimate.py`` prints it. Each cell is the estimate, divided by the report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import median, quantiles
from typing import Final

from _reports import FIGURES, PublicReport, groups, off, public_reports

from fpgac.estimate.accuracy import FACTORS


def table(reports: Sequence[PublicReport]) -> str:
    """Every report, and below them how far they are off, as a table in Markdown."""
    return "\n".join(_lines(reports)) + "\n"


def _lines(reports: Sequence[PublicReport]) -> Iterator[str]:
    yield f"| report | stage | {' | '.join(FIGURES)} |"
    yield "| --- | --- |" + " ---: |" * len(FIGURES)
    for report in reports:
        cells = " | ".join(_cell(report.factor(figure)) for figure in FIGURES)
        yield f"| [{report.name}]({report.table['source']}) | {report.stage} | {cells} |"
    for name, group in groups(reports).items():
        for title, of in _SUMMARIES.items():
            cells = " | ".join(_summary(of, off(group, figure)) for figure in FIGURES)
            yield f"| {title}: {name} ({len(group)}) | | {cells} |"
    stated = " | ".join(f"{FACTORS[figure]:g}" for figure in FIGURES)
    yield f"| `fpgac estimate` states | | {stated} |"


def _cell(factor: float | None) -> str:
    return "" if factor is None else f"{factor:.2f}"


def _summary(of: Callable[[Sequence[float]], float], factors: Sequence[float]) -> str:
    return f"{of(factors):.2f}" if len(factors) > 1 else ""


def tenth(factors: Sequence[float]) -> float:
    """The factor that nine of ten do not exceed."""
    return quantiles(factors, n=10, method="inclusive")[-1]


_SUMMARIES: Final[dict[str, Callable[[Sequence[float]], float]]] = {
    "median factor": median,
    "nine of ten": tenth,
    "the furthest": max,
}


if __name__ == "__main__":
    print(table(public_reports()), end="")
