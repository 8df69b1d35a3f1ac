"""How accurate outputs are on a data set: figures, lines to print and a plot, for any task."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.data.dataset import Dataset
from fpgac.errors import ToolchainError
from fpgac.reports.intervals import FEW, Interval, of_fraction, of_root_mean_square
from fpgac.reports.plots import (
    confusion_png,
    residuals_png,
    resolution_png,
    roc_png,
    write_png,
)
from fpgac.reports.resolution import (
    Classification,
    Estimates,
    classification,
    comparison_table,
    resolution,
)
from fpgac.reports.roc import Label, labels

__all__ = ["Accuracy", "judge"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Accuracy:
    """Figures of outputs compared with the true values.

    ``figures`` is plain data, ``lines`` a table to print, ``summary`` one line.
    """

    figures: dict[str, Any]
    lines: tuple[str, ...]
    summary: str
    _pictured: Estimates | Classification | tuple[Label, ...] | Mapping[str, Floats]

    def json(self) -> bytes:
        """The figures as JSON text; what is undefined (an empty bin) is null."""
        return json.dumps(_without_nan(self.figures), indent=1).encode() + b"\n"

    def png(self) -> bytes | None:
        """The plot, or None if matplotlib is not installed."""
        try:
            match self._pictured:
                case Estimates() as estimates:
                    return resolution_png(estimates)
                case Classification() as figures:
                    return confusion_png(figures)
                case tuple() as found:
                    return roc_png(found)
                case _ as residuals:
                    return residuals_png(residuals)
        except ToolchainError:
            return None

    def draw(self, path: Path) -> bool:
        """Write the plot, if there is one; whether there was."""
        picture = self.png()
        if picture is not None:
            write_png(path, picture)
        return picture is not None


def judge(data: Dataset, outputs: Floats) -> Accuracy:
    """Compare a network's ``outputs``, as rows, with the targets of ``data``."""
    if data.task == "classification":
        return _classes(classification(outputs, data.targets, data.target_names))
    if data.task in ("binary", "multi-label"):
        return _labels(labels(outputs, data.targets, data.target_names))
    if data.quantity is not None:
        return _quantity(data.quantity.estimates(outputs))
    return _plain(data, outputs)


def _classes(figures: Classification) -> Accuracy:
    summary = f"accuracy {figures.accuracy:.1%} of {figures.samples:,} samples"
    right = round(figures.accuracy * figures.samples)
    interval = of_fraction(right, figures.samples)
    numbers = {"accuracy": figures.accuracy, "accuracy_95": interval}
    line = summary + _within(interval, figures.samples, ".1%")
    return Accuracy(asdict(figures) | numbers, (line,), summary, figures)


def _labels(found: tuple[Label, ...]) -> Accuracy:
    lines = tuple(
        f"{each.name}: area under the ROC curve {each.auc:.4f}"
        f"{_within(each.auc_interval, each.samples, '.4f')}, accuracy {each.accuracy:.1%}"
        f"{_within(each.accuracy_interval, each.samples, '.1%')} of {each.samples:,} samples"
        for each in found
    )
    figures = [
        asdict(each)
        | {
            "accuracy": each.accuracy,
            "accuracy_95": each.accuracy_interval,
            "auc_95": each.auc_interval,
        }
        for each in found
    ]
    return Accuracy({"labels": figures}, lines, "; ".join(lines), found)


def _within(interval: Interval, samples: int, form: str) -> str:
    """The interval in brackets, where samples are few."""
    low, high = interval
    return f" ({low:{form}} to {high:{form}} at 95 %)" if samples < FEW else ""


def _quantity(estimates: Estimates) -> Accuracy:
    results = resolution(estimates)
    mine, other = results[0].overall, results[1].overall
    return Accuracy(
        {"quantity": estimates.name, "unit": estimates.unit} | {"by": [asdict(r) for r in results]},
        _aligned(comparison_table(results)),
        f"{estimates.name}: 68 % width {mine.width_68:.1%}, standard deviation "
        f"{mine.standard_deviation:.1%} ({results[1].estimate}: {other.width_68:.1%}, "
        f"{other.standard_deviation:.1%})",
        estimates,
    )


def _plain(data: Dataset, outputs: Floats) -> Accuracy:
    residuals = dict(zip(data.target_names, (outputs - data.targets).T, strict=True))
    errors = {name: float(np.sqrt(np.mean(each**2))) for name, each in residuals.items()}
    intervals = {name: of_root_mean_square(each) for name, each in residuals.items()}
    lines = tuple(
        f"{name}: root mean square error {error:.4g}{_within(intervals[name], len(data), '.4g')}, "
        f"bias {residuals[name].mean():+.4g}"
        for name, error in errors.items()
    )
    figures = {
        "root_mean_square_error": errors,
        "root_mean_square_error_95": intervals,
        "bias": {name: float(each.mean()) for name, each in residuals.items()},
    }
    return Accuracy(figures, lines, "; ".join(lines), residuals)


def _aligned(rows: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return tuple(
        "  ".join(
            [row[0].ljust(widths[0])]
            + [text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True)]
        )
        for row in rows
    )


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and np.isnan(value) else value
