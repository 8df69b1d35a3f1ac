"""The estimate against public synthesis reports: the errors that the documentation states."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Final, get_args

import pytest
from _reports import FIGURES, PublicReport, groups, off, public_reports
from estimate import table, tenth

from fpgac.estimate.accuracy import FACTORS, FigureName, hopeless, interval_text

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "estimate.md"

# What the page says in words: half of the reports outside the one repository with most of them
# lie within these factors of the estimate.
MEDIANS: Final[dict[FigureName, float]] = {
    "dsp": 1.1,
    "lut": 1.5,
    "ff": 3,
    "bram": 1.1,
    "interval": 1.1,
    "latency": 1.1,
}


@pytest.fixture(scope="module")
def reports() -> list[PublicReport]:
    return public_reports()


def test_there_are_many_reports_of_several_designs_and_each_stage(
    reports: list[PublicReport],
) -> None:
    assert len(reports) >= 40
    assert {report.stage for report in reports} == {"C synthesis", "logic synthesis", "placed"}
    assert len({report.name.partition(",")[0] for report in reports}) >= 10


def test_each_report_names_its_source(reports: list[PublicReport]) -> None:
    sources = [report.table["source"] for report in reports]
    assert all(source.startswith("https://github.com/") for source in sources)
    assert len(set(sources)) == len(reports)


@pytest.mark.parametrize("figure", get_args(FigureName))
def test_nine_of_ten_reports_are_within_the_stated_factor(
    reports: list[PublicReport], figure: FigureName
) -> None:
    """Of each group alone: the many that are alike do not outvote the others."""
    spreads = [factors for group in groups(reports).values() if (factors := off(group, figure))]
    assert sum(map(len, spreads)) >= 5
    assert max(tenth(factors) for factors in spreads) <= FACTORS[figure]


@pytest.mark.parametrize("figure", MEDIANS)
def test_half_of_the_reports_are_as_near_as_the_page_says(
    reports: list[PublicReport], figure: FigureName
) -> None:
    assert median(off(groups(reports)["all others"], figure)) <= MEDIANS[figure]


@pytest.mark.parametrize("figure", FIGURES)
def test_no_report_is_so_far_off_that_a_design_would_be_refused_wrongly(
    reports: list[PublicReport], figure: FigureName
) -> None:
    """A board that has just what the report says is never called hopeless."""
    wrong = [
        report.name
        for report in reports
        if report.factor(figure) is not None
        if hopeless(figure, report.estimated[figure], report.measured[figure])
    ]
    assert wrong == []


def test_the_page_has_the_table(reports: list[PublicReport]) -> None:
    assert table(reports) in PAGE.read_text(), "python bench/estimate.py prints it"


def test_the_page_states_the_medians() -> None:
    said = ", ".join(f"{figure} {factor:g}" for figure, factor in MEDIANS.items())
    assert said in " ".join(PAGE.read_text().split())


def test_a_range_is_the_factor_up_and_down() -> None:
    assert interval_text("lut", 22_000) == "10,000 to 48,400"
