"""How well single labels are told apart: ROC curves, the area under them, and errors of each kind.

An output above 0 says that a sample has the label: outputs are logits, of which the sigmoid is the
probability.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fpgac.reports.intervals import Interval, of_auc, of_fraction

__all__ = ["Label", "labels"]

Floats = npt.NDArray[np.float64]

# Points of a curve that are kept.
_POINTS = 201


@dataclass(frozen=True)
class Label:
    """The figures of one label.

    ``confusion`` counts samples as ((right without, wrongly with), (wrongly without, right with)).
    ``curve`` has the fractions (of those without the label that are found, of those with it), at
    falling thresholds from (0, 0) to (1, 1). Without samples of both kinds ``auc`` is NaN.
    """

    name: str
    confusion: tuple[tuple[int, int], tuple[int, int]]
    auc: float
    curve: tuple[tuple[float, float], ...]

    @property
    def samples(self) -> int:
        return sum(map(sum, self.confusion))

    @property
    def accuracy(self) -> float:
        """The fraction of the samples that are found right."""
        (right, _), (_, found) = self.confusion
        return (right + found) / self.samples

    @property
    def accuracy_interval(self) -> Interval:
        """Of 95 %."""
        (right, _), (_, found) = self.confusion
        return of_fraction(right + found, self.samples)

    @property
    def auc_interval(self) -> Interval:
        """Of 95 %."""
        without, with_it = (sum(row) for row in self.confusion)
        return of_auc(self.auc, with_it, without)


def labels(outputs: Floats, targets: Floats, names: Sequence[str]) -> tuple[Label, ...]:
    """The figures of each column of ``outputs``; targets are 0 or 1, both (samples, labels)."""
    columns = zip(names, outputs.T, targets.T, strict=True)
    return tuple(_label(name, scores, truth > 0.5) for name, scores, truth in columns)


def _label(name: str, scores: Floats, truth: npt.NDArray[np.bool_]) -> Label:
    found = scores > 0
    counts = [[int(np.sum((truth == t) & (found == f))) for f in (False, True)] for t in (0, 1)]
    (a, b), (c, d) = counts
    false, true = _curve(scores, truth)
    auc = float(np.sum(np.diff(false) * (true[1:] + true[:-1]) / 2))
    kept = np.unique(np.linspace(0, len(false) - 1, _POINTS).round().astype(int))
    points = zip(false[kept].tolist(), true[kept].tolist(), strict=True)
    return Label(name, ((a, b), (c, d)), auc, tuple(points))


def _curve(scores: Floats, truth: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Fractions above each score, of samples without the label and with it."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    with np.errstate(invalid="ignore"):
        true = np.cumsum(truth[order])[last] / np.sum(truth)
        false = np.cumsum(~truth[order])[last] / np.sum(~truth)
    return np.concatenate([[0.0], false]), np.concatenate([[0.0], true])
