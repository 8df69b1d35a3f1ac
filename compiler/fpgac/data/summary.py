"""A data set in figures: its features against the types that take them, and its targets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.data.dataset import Dataset, Split
from fpgac.data.warnings import data_warnings, outside
from fpgac.reports.plots import Range
from fpgac.tensors import Layout, Tensor

__all__ = ["Feature", "Summary", "Target", "summary"]

Floats = npt.NDArray[np.floating[Any]]

# What is most of a feature: its quantiles.
_MOST = (0.01, 0.99)


def _over(ends: tuple[float, float], unit: float) -> tuple[float, float]:
    return ends[0] / unit, ends[1] / unit


@dataclass(frozen=True)
class Feature:
    """One number of the samples, of the training part and the test part together.

    ``lowest`` to ``deviation`` are as the data have it. ``scaled`` is the range that comes before
    the input's ``type``, which holds ``holds``; ``most`` is that of the central 98 % of it, and
    ``outside`` the part of the samples beyond the type.
    """

    name: str
    input: str
    lowest: float
    highest: float
    mean: float
    deviation: float
    scaled: tuple[float, float]
    most: tuple[float, float]
    type: str
    holds: tuple[float, float]
    outside: float

    @property
    def relative(self) -> Range:
        """Its range where what the type holds is 1."""
        largest = max(map(abs, self.holds))
        return Range(self.name, _over(self.scaled, largest), _over(self.most, largest))


@dataclass(frozen=True)
class Target:
    """A class or label, and its samples; of a regression ``samples`` are all, with their range."""

    name: str
    samples: int
    lowest: float
    highest: float


@dataclass(frozen=True)
class Summary:
    """A whole data set: ``training`` and ``test`` are numbers of samples."""

    name: str
    task: str
    training: int
    test: int
    features: tuple[Feature, ...]
    targets: tuple[Target, ...]
    warnings: tuple[str, ...]


def summary(parts: Split, inputs: Layout) -> Summary:
    """The figures of a data set for a network with these ``inputs``, scaled as they say."""
    features = np.concatenate([parts.train.features, parts.test.features])
    targets = np.concatenate([parts.train.targets, parts.test.targets])
    return Summary(
        name=parts.train.name,
        task=parts.train.task,
        training=len(parts.train),
        test=len(parts.test),
        features=tuple(_features(features, parts.train.feature_names, inputs)),
        targets=tuple(_targets(targets, parts.train)),
        warnings=data_warnings(parts, inputs),
    )


def _features(rows: Floats, names: tuple[str, ...], inputs: Layout) -> Iterator[Feature]:
    beyond, scaled = outside(rows, inputs).tolist(), inputs.scaled(rows)
    for tensor, columns in inputs.places:
        for place in range(columns.start, columns.stop):
            yield _feature(tensor, names[place], rows[:, place], scaled[:, place], beyond[place])


def _feature(tensor: Tensor, name: str, given: Floats, scaled: Floats, beyond: float) -> Feature:
    low, high = np.quantile(scaled, _MOST).tolist()
    type_ = tensor.type
    return Feature(
        name=name,
        input=tensor.name,
        lowest=float(given.min()),
        highest=float(given.max()),
        mean=float(given.mean(dtype=np.float64)),
        deviation=float(given.std(dtype=np.float64)),
        scaled=(float(scaled.min()), float(scaled.max())),
        most=(low, high),
        type=str(type_),
        holds=(type_.lowest * type_.step, type_.highest * type_.step),
        outside=beyond,
    )


def _targets(targets: Floats, data: Dataset) -> Iterator[Target]:
    for name, column in zip(data.target_names, targets.T, strict=True):
        count = len(column) if data.task == "regression" else int((column == 1).sum())
        yield Target(name, count, float(column.min()), float(column.max()))
