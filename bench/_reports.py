"""Public synthesis reports of hls4ml's designs, and what the estimate says of the same designs."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from fpgac.estimate.accuracy import FACTORS, FigureName
from fpgac.estimate.layers import Layer
from fpgac.estimate.model import SYNTHESISED, Device
from fpgac.estimate.total import Total, total
from fpgac.estimate.weights import Constants, assumed
from fpgac.numbers import FixedPoint
from fpgac.spec.models import Strategy

FILE: Final = Path(__file__).resolve().parents[1] / "tests" / "estimate" / "reports.toml"
FIGURES: Final = tuple(FACTORS)

# The repository with most of the reports: they are much alike, and must not hide the rest.
_MANY: Final = "ArgyKokk/hls4ml_MLP_estimator"


@dataclass(frozen=True)
class PublicReport:
    """A report as ``reports.toml`` has it: the design, its source and its stage, its figures."""

    name: str
    stage: str
    table: dict[str, Any]

    @property
    def measured(self) -> dict[str, int]:
        measured: dict[str, int] = self.table["measured"]
        return measured

    @cached_property
    def estimated(self) -> dict[str, float]:
        """What the estimate says, by the figure's name."""
        whole = self._total()
        area = whole.area if self.stage == "C synthesis" else whole.area * SYNTHESISED
        return {**vars(area), **vars(whole.timing)}

    def factor(self, figure: FigureName) -> float | None:
        """Estimate by report; None where the report lacks the figure or has none of it to speak of.

        Below 20 of anything, a factor says nothing.
        """
        measured = self.measured.get(figure, 0)
        least = 1 if figure in ("interval", "latency") else 20
        return self.estimated[figure] / measured if measured >= least else None

    def _total(self) -> Total:
        layers = [_layer(table, self.table["strategy"]) for table in self.table["layers"]]
        layers += [_other(table) for table in self.table.get("others", [])]
        return total(
            layers,
            self._device,
            self.table["clock_mhz"],
            streams=self.table.get("streams", False),
        )

    @property
    def _device(self) -> Device:
        device = Device.of(self.table["part"])
        forced = {"dsp": 0, "lut": 99}.get(self.table.get("multipliers_in", ""))
        return device if forced is None else replace(device, dsp_bits=forced)


def public_reports() -> list[PublicReport]:
    tables = tomllib.loads(FILE.read_text())["reports"]
    return [PublicReport(table["name"], table["stage"], table) for table in tables]


def groups(reports: Sequence[PublicReport]) -> dict[str, list[PublicReport]]:
    """The reports of six networks that one repository holds, and those of everybody else."""
    one = [report for report in reports if _MANY in report.table["source"]]
    others = [report for report in reports if report not in one]
    return {"six networks of one repository": one, "all others": others}


def off(reports: Sequence[PublicReport], figure: FigureName) -> list[float]:
    """How far each report that has the figure is from the estimate, as a factor of at least 1."""
    factors = [factor for report in reports if (factor := report.factor(figure)) is not None]
    return sorted(max(factor, 1 / factor) for factor in factors)


def _layer(table: dict[str, Any], strategy: Strategy) -> Layer:
    size = table["inputs"], table["outputs"]
    if "weight_type" in table:
        type_ = FixedPoint.parse(table["weight_type"])
        constants, bits = assumed(*size, type_, table["sparsity"]), type_.width
    else:
        counts = (table[key] for key in ("nonzero", "two_digit", "multipliers"))
        constants, bits = Constants(*size, *counts), table["weight_bits"]
    positions = table.get("positions", 1)
    return Layer(
        "",
        "dense",
        table["x_bits"],
        table["sum_bits"],
        size[1] * positions,
        constants,
        bits,
        table["sum_bits"],
        positions,
        table.get("reuse", 1),
        strategy,
    )


def _other(table: dict[str, Any]) -> Layer:
    return Layer(
        "",
        table["kind"],
        table["x_bits"],
        table["x_bits"],
        table["elements"],
        positions=table.get("positions", 1),
    )
