"""How accurate outputs are on a data set: figures, lines to print and a plot, for any task."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.data.dataset import Dataset
from fpgac.errors import ToolchainError
from fpgac.reports.plots import confusion_png, resolution_png, write_png
from fpgac.reports.resolution import (
    Classification,
    Estimates,
    classification,
    comparison_table,
    resolution,
)

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
    _pictured: Estimates | Classification | None

    def json(self) -> bytes:
        """The figures as JSON text; what is undefined (an empty bin) is null."""
        return json.dumps(_without_nan(self.figures), indent=1).encode() + b"\n"

    def png(self) -> bytes | None:
        """The plot, or None if there is nothing to plot or matplotlib is not installed."""
        try:
            match self._pictured:
                case Estimates() as estimates:
                    return resolution_png(estimates)
                case Classification() as figures:
                    return confusion_png(figures)
        except ToolchainError:
            return None
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
    if data.quantity is not None:
        return _quantity(data.quantity.estimates(outputs))
    return _plain(data, outputs)


def _classes(figures: Classification) -> Accuracy:
    summary = f"accuracy {figures.accuracy:.1%} of {figures.samples:,} samples"
    return Accuracy(asdict(figures) | {"accuracy": figures.accuracy}, (summary,), summary, figures)


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
    errors = np.sqrt(np.mean((outputs - data.targets) ** 2, axis=0)).tolist()
    named = dict(zip(data.target_names, errors, strict=True))
    lines = tuple(f"{name}: root mean square error {error:.4g}" for name, error in named.items())
    return Accuracy({"root_mean_square_error": named}, lines, "; ".join(lines), None)


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
