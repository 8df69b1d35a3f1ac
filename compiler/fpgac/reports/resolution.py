"""The quality of estimates: bias, resolution, tails and trigger turn-on; confusion of classes.

Everything is based on the relative residual ``r = estimate / truth - 1``, a pure number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

__all__ = [
    "Classification",
    "Efficiency",
    "Estimates",
    "Resolution",
    "ResolutionBin",
    "Spread",
    "Table",
    "classification",
    "comparison_table",
    "residuals",
    "resolution",
]

Floats = npt.NDArray[np.float64]
Table = tuple[tuple[str, ...], ...]

CENTRAL = (0.16, 0.84)  # the quantiles around the central 68 %
# The bins of a turn-on curve: from a quarter to four times the threshold, finer around it.
TURN_ON_OCTAVES = np.array([-2, -1.5, -1, *np.arange(-6, 7) / 8, 1, 1.5, 2])
TAIL = 1.0  # beyond it the error is larger than the truth itself


@dataclass(frozen=True, eq=False)
class Estimates:
    """A quantity's truth and several estimates of it, all of shape (samples,) and in ``unit``.

    ``symbol`` is for plots and may be mathtext, such as ``$p_T$``.
    ``by`` maps the names of the methods to their estimates, the one of interest first. ``edges``
    are those of bins of the truth, rising; ``threshold`` is that of a trigger, for its turn-on
    curve. ``limits`` are the least and the greatest estimate that there can be. The truth is
    positive.
    """

    name: str
    symbol: str
    unit: str
    truth: Floats
    by: Mapping[str, Floats]
    edges: tuple[float, ...]
    threshold: float | None = None
    limits: tuple[float, float] | None = None


@dataclass(frozen=True)
class Spread:
    """The distribution of relative residuals; all but ``samples`` are pure numbers (0.2 is 20 %).

    ``bias`` is their mean, ``width_68`` half of the central 68 % interval, ``tail`` the fraction
    of the samples with a residual beyond ±1. Without samples all are NaN.
    """

    samples: int
    bias: float
    median: float
    standard_deviation: float
    width_68: float
    tail: float

    @classmethod
    def of(cls, relative: Floats) -> Spread:
        """The figures of any number of relative residuals."""
        if not len(relative):
            return cls(0, *[float("nan")] * 5)
        low, median, high = np.quantile(relative, [CENTRAL[0], 0.5, CENTRAL[1]])
        return cls(
            samples=len(relative),
            bias=float(relative.mean()),
            median=float(median),
            standard_deviation=float(relative.std()),
            width_68=float(high - low) / 2,
            tail=float(np.mean(np.abs(relative) > TAIL)),
        )


@dataclass(frozen=True)
class ResolutionBin:
    """The spread where the truth is in [low, high), in the quantity's unit."""

    low: float
    high: float
    spread: Spread

    def is_cut_off(self, limits: tuple[float, float] | None) -> bool:
        """Whether estimates a width away from the bin's middle are beyond ``limits``.

        Then errors are small because estimates end there, and not because they are good.
        """
        if limits is None:
            return False
        middle, width = math.sqrt(self.low * self.high), self.spread.width_68
        return middle * (1 - width) < limits[0] or middle * (1 + width) > limits[1]


@dataclass(frozen=True)
class Efficiency:
    """How many of ``samples`` with the truth in [low, high) have an estimate that ``passed``."""

    low: float
    high: float
    samples: int
    passed: int

    @property
    def value(self) -> float:
        """Between 0 and 1; NaN without samples."""
        return self.passed / self.samples if self.samples else float("nan")


@dataclass(frozen=True)
class Resolution:
    """The figures of one estimate: for all samples, in bins of the truth, and as a trigger.

    ``turn_on`` is for the ``threshold`` of the estimates, from a quarter to four times it, and
    empty without one.
    """

    estimate: str
    overall: Spread
    bins: tuple[ResolutionBin, ...]
    turn_on: tuple[Efficiency, ...] = ()


@dataclass(frozen=True)
class Classification:
    """How well classes are distinguished.

    ``confusion[i][j]`` counts the samples of class i that were classified as j.
    """

    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]

    @property
    def samples(self) -> int:
        return sum(map(sum, self.confusion))

    @property
    def accuracy(self) -> float:
        """The fraction of the samples that is classified correctly, between 0 and 1."""
        right = sum(row[place] for place, row in enumerate(self.confusion))
        return right / self.samples


def residuals(estimate: Floats, truth: Floats) -> Floats:
    """``estimate / truth - 1``, each of shape (samples,)."""
    relative: Floats = estimate / truth - 1
    return relative


def resolution(estimates: Estimates) -> tuple[Resolution, ...]:
    """The figures of each estimate, in the order in which they are given."""
    return tuple(_resolution(estimates, name) for name in estimates.by)


def classification(outputs: Floats, targets: Floats, classes: Sequence[str]) -> Classification:
    """Compare the class of the largest output with the true one; both of shape (samples, classes).

    Of equal outputs the first one counts, as on the hosts.
    """
    size = len(classes)
    cells = targets.argmax(axis=1) * size + outputs.argmax(axis=1)
    counts = np.bincount(cells, minlength=size**2).reshape(size, size)
    return Classification(tuple(classes), tuple(tuple(row) for row in counts.tolist()))


def comparison_table(results: Sequence[Resolution]) -> Table:
    """The overall figures as text: a row of headings, then a row for each figure."""
    rows = {
        "bias": [f"{100 * r.overall.bias:+.1f} %" for r in results],
        "standard deviation": [f"{100 * r.overall.standard_deviation:.1f} %" for r in results],
        "68 % width": [f"{100 * r.overall.width_68:.1f} %" for r in results],
        "beyond ±100 %": [f"{100 * r.overall.tail:.2f} %" for r in results],
    }
    heading = ("relative residual", *(r.estimate for r in results))
    return (heading, *((name, *texts) for name, texts in rows.items()))


def _resolution(estimates: Estimates, name: str) -> Resolution:
    truth, estimate = estimates.truth, estimates.by[name]
    relative = residuals(estimate, truth)
    return Resolution(
        estimate=name,
        overall=Spread.of(relative),
        bins=tuple(
            ResolutionBin(low, high, Spread.of(relative[(truth >= low) & (truth < high)]))
            for low, high in pairwise(estimates.edges)
        ),
        turn_on=_turn_on(estimate, truth, estimates.threshold),
    )


def _turn_on(estimate: Floats, truth: Floats, threshold: float | None) -> tuple[Efficiency, ...]:
    if threshold is None:
        return ()
    edges = threshold * np.exp2(TURN_ON_OCTAVES)
    samples = np.histogram(truth, edges)[0]
    passed = np.histogram(truth[estimate >= threshold], edges)[0]
    counts = zip(samples.tolist(), passed.tolist(), strict=True)
    return tuple(
        Efficiency(low, high, *count)
        for (low, high), count in zip(pairwise(edges.tolist()), counts, strict=True)
    )
