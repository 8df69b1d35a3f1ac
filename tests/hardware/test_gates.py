"""A build that is not what was asked for fails, with the report that says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fpgac.hardware.gates import Gates
from fpgac.reports.hardware import Reported
from fpgac.reports.parser import Figure, Stage
from fpgac.targets.target import Budget

ASKED = Gates(interval=7, clock_mhz=100.0, units=1, scaled=False, budget=Budget())


def codes(gates: Gates, *figures: Figure) -> list[str]:
    reported = [Reported(figure, "parser", "reports/hw/a.rpt") for figure in figures]
    problems = list(gates.broken(Path("build"), reported))
    assert all(str(problem.where) == "build/reports/hw/a.rpt" for problem in problems)
    return [problem.code for problem in problems]


def loop(name: str, value: float) -> Figure:
    return Figure(name, value, "cycles", "compute_samples", "estimated")


@pytest.mark.parametrize(("interval", "broken"), [(7, []), (8, ["build.slow-interval"])])
def test_a_sample_takes_no_more_cycles_than_was_asked(interval: int, broken: list[str]) -> None:
    assert codes(ASKED, loop("interval", interval)) == broken
    assert codes(ASKED, Figure("interval", 99, "cycles", "dense_1", "estimated")) == []


def test_a_negative_slack_fails_where_nothing_scales_the_clock() -> None:
    slack = Figure("worst hold slack", -0.012, "ns", "device", "routed")
    assert codes(ASKED, slack) == ["build.negative-slack"]
    assert codes(ASKED, replace(slack, value=0.0)) == []
    assert codes(replace(ASKED, scaled=True), slack) == []


def lut(value: float, stage: Stage, part: str = "device") -> Figure:
    return Figure("LUT", value, "", part, stage)


@pytest.mark.parametrize(
    ("budget", "figures", "broken"),
    [
        (Budget(max_lut=100), [lut(150, "estimated"), lut(90, "routed")], False),
        (Budget(max_lut=100), [lut(90, "estimated"), lut(101, "routed")], True),
        (Budget(max_lut=100), [lut(9000, "routed"), lut(90, "routed", "kernels")], False),
        (Budget(max_latency_ns=130.0), [loop("latency", 13)], False),
        (Budget(max_latency_ns=129.0), [loop("latency", 13)], True),
        (Budget(min_rate=25e6), [loop("interval", 4)], False),
        (Budget(min_rate=26e6), [loop("interval", 4)], True),
    ],
)
def test_a_budget_is_held_by_the_last_stage_that_tells(
    budget: Budget, figures: list[Figure], broken: bool
) -> None:
    gates = replace(ASKED, budget=budget)
    assert codes(gates, *figures) == ["build.over-budget"] * broken
