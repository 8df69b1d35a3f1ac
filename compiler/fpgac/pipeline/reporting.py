"""What was reported of a hardware build, for people: read again, and as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from fpgac.build.events import Notify
from fpgac.design.render import render
from fpgac.errors import BuildError, Problem, Where
from fpgac.pipeline.hardware import read_reports
from fpgac.reports.hardware import STAGES, Reported, rows
from fpgac.reports.parser import ReportParser

__all__ = ["page", "reported_of"]


def reported_of(
    folder: Path, parsers: Mapping[str, ReportParser], notify: Notify
) -> tuple[Reported, ...]:
    """The figures of all reports in ``folder``.

    Raises:
        BuildError: there is none.
    """
    if figures := read_reports(folder, parsers, notify):
        return figures
    raise BuildError(
        Problem(
            "there is no report of a hardware build",
            Where(folder),
            expected="what v++, HLS or Vivado left in _x/hw, reports/hw or out/hw",
            hint="fpgac compile --mode hw makes one",
            code="build.no-report",
        )
    )


def page(title: str, figures: Sequence[Reported]) -> bytes:
    """The figures as one page of HTML that needs nothing else."""
    context = {"title": title, "rows": rows(figures), "stages": STAGES, "figures": figures}
    return render("report/hardware.html.j2", context)
