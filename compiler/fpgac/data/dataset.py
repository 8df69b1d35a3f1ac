"""Data sets as values: features, targets, and the physical quantity that the targets encode."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from fpgac.digest import digest_json
from fpgac.errors import DataError, Problem
from fpgac.tensors import pieces

if TYPE_CHECKING:
    from fpgac.reports.resolution import Estimates

__all__ = ["Dataset", "Provider", "Quantity", "Split", "Task", "split"]

Floats = npt.NDArray[np.float64]
Task = Literal["regression", "classification", "binary", "multi-label"]


@dataclass(frozen=True, eq=False)
class Quantity:
    """The physical quantity behind a regression, with a classical estimate as the baseline.

    ``symbol`` is for plots and may be mathtext, such as ``$p_T$``.
    ``truth`` and ``baseline`` have shape (samples,), in ``unit``. ``decode`` takes a network's
    outputs as rows, shape (samples, numbers), to the quantity, shape (samples,), in the same unit.
    ``edges`` are those of a report's bins, ``threshold`` is that of a trigger, if it has one, and
    ``limits`` are the least and the greatest estimate that ``decode`` gives.
    ``formula`` is ``decode`` as a numpy expression of the outputs ``y``, for notebooks, which
    run without the provider.
    """

    name: str
    symbol: str
    unit: str
    truth: Floats
    baseline: Floats
    baseline_name: str
    decode: Callable[[Floats], Floats]
    edges: tuple[float, ...]
    threshold: float | None = None
    formula: str = ""
    limits: tuple[float, float] | None = None

    def take(self, rows: npt.NDArray[np.intp]) -> Quantity:
        """The same quantity for some of the samples."""
        return replace(self, truth=self.truth[rows], baseline=self.baseline[rows])

    def estimates(self, outputs: Floats, name: str = "network") -> Estimates:
        """A network's ``outputs`` for these samples as estimates, with truth and baseline."""
        from fpgac.reports.resolution import Estimates

        return Estimates(
            name=self.name,
            symbol=self.symbol,
            unit=self.unit,
            truth=self.truth,
            by={name: self.decode(outputs), self.baseline_name: self.baseline},
            edges=self.edges,
            threshold=self.threshold,
            limits=self.limits,
        )


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples with their true values.

    ``features`` and ``targets`` are rows: the numbers of all of a network's inputs, or of its
    outputs, end to end in the spec's order, shape (samples, numbers), float64 and finite; features
    may be float32. The targets of a classification are 1 in the column of the sample's class and 0
    elsewhere, and ``target_names`` names the classes. Those of a binary classification, one
    column, and of several labels, a column each, are 1 where a sample has the label and 0
    elsewhere. ``quantity`` is present where the targets encode a physical quantity.

    Raises:
        DataError: the arrays do not fit each other or their names, or hold NaN or infinities.
    """

    name: str
    task: Task
    features: npt.NDArray[np.floating[Any]]
    targets: Floats
    feature_names: tuple[str, ...]
    target_names: tuple[str, ...]
    quantity: Quantity | None = None

    def __post_init__(self) -> None:
        problems = [
            *_column_problems(self.name, "features", self.features, self.feature_names),
            *_column_problems(self.name, "targets", self.targets, self.target_names),
        ]
        if not problems:
            problems = self._row_problems()
        if problems:
            raise DataError(*problems)

    def __len__(self) -> int:
        return len(self.features)

    @property
    def about_answers(self) -> dict[str, Any]:
        """What the targets mean, as plain data: ``task``, ``names`` and ``quantity``.

        The quantity has ``name``, ``symbol``, ``unit``, ``edges`` and ``formula``; it is None if
        there is none, or none with a formula.
        """
        quantity = self.quantity
        said = ("name", "symbol", "unit", "edges", "formula")
        return {
            "task": self.task,
            "names": list(self.target_names),
            "quantity": {name: getattr(quantity, name) for name in said}
            if quantity and quantity.formula
            else None,
        }

    def take(self, rows: npt.NDArray[np.intp]) -> Dataset:
        """The samples at ``rows``, in that order."""
        return replace(
            self,
            features=self.features[rows],
            targets=self.targets[rows],
            quantity=self.quantity and self.quantity.take(rows),
        )

    def _row_problems(self) -> list[Problem]:
        columns = {"features": self.features, "targets": self.targets}
        if self.quantity is not None:
            columns |= {"truth": self.quantity.truth, "baseline": self.quantity.baseline}
        problems = [
            Problem(
                f"the data set {self.name!r} has {what} for another number of samples",
                expected=f"{len(self.features)} rows, as many as the features have",
                got=f"{len(values)} rows",
                code="data.unequal-rows",
            )
            for what, values in columns.items()
            if len(values) != len(self.features)
        ]
        if self.task == "classification" and not _one_hot(self.targets):
            problems.append(
                Problem(
                    f"the data set {self.name!r} has samples of no class, or of several",
                    expected="in each row of the targets one 1, and 0 elsewhere",
                    code="data.not-one-hot",
                )
            )
        if self.task in ("binary", "multi-label") and not _zeros_and_ones(self.targets):
            problems.append(
                Problem(
                    f"the data set {self.name!r} has labels that are neither 0 nor 1",
                    expected="1 where a sample has the label, 0 elsewhere",
                    code="data.not-binary",
                )
            )
        return problems


@dataclass(frozen=True, eq=False)
class Split:
    """A data set in two parts: one for training, and one to test the result."""

    train: Dataset
    test: Dataset


class Provider(ABC):
    """The source of a data set; each is a subclass, built in or from a plugin.

    The class attributes describe the data without making them, so that a spec can be checked
    immediately: ``feature_names`` and ``target_names`` name the columns of a data set's rows.
    ``units`` has the units of columns by patterns of their names, for all that a build says of
    them. ``version`` is increased whenever the same request would give other samples: it is part of
    ``digest``, and so of every cache key.

    A complete example::

        class Line(Provider):
            name = "line"
            description = "points on y = x, with noise"
            version = "1"
            task = "regression"
            feature_names = ("x",)
            target_names = ("y",)

            def load(self, samples: int | None, seed: int) -> Dataset:
                generator = np.random.default_rng(seed)
                x = generator.uniform(-1, 1, (samples or 1000, 1))
                y = x + generator.normal(0, 0.1, x.shape)
                return Dataset("line", "regression", x, y, ("x",), ("y",))
    """

    name: str
    description: str
    version: str
    task: Task
    feature_names: tuple[str, ...]
    target_names: tuple[str, ...]
    #: Files, and folders of files, that it reads: a change in one of them is other data.
    depends_on: tuple[Path, ...] = ()
    units: Mapping[str, str] = MappingProxyType({})

    @abstractmethod
    def load(self, samples: int | None, seed: int) -> Dataset:
        """Make or read the data; equal arguments give equal data.

        ``samples`` is how many; None means the provider's default.

        Raises:
            DataError: the data are not available, or not that many.
            ToolchainError: a library that the provider needs is not installed.
        """

    def load_test(self) -> Dataset | None:
        """Samples that are kept for tests alone; None if :meth:`load`'s are to be split.

        Raises:
            DataError, ToolchainError: as :meth:`load`.
        """
        return None

    @property
    def digest(self) -> str:
        """What cache keys contain of the provider: its name, version and columns.

        They also contain the modules that define it, and the files in :attr:`depends_on`.
        """
        return digest_json(
            {
                "provider": self.name,
                "version": self.version,
                "features": self.feature_names,
                "targets": self.target_names,
            }
        )


def split(dataset: Dataset, test_fraction: float, seed: int) -> Split:
    """Split ``dataset`` at random, with the same fraction of each class of a classification.

    Raises:
        DataError: one of the parts would be empty.
    """
    order = np.random.default_rng(seed).permutation(len(dataset))
    test = np.zeros(len(dataset), dtype=bool)
    for group in _groups(dataset):
        shuffled = order[group[order]]
        test[shuffled[: round(test_fraction * len(shuffled))]] = True
    if not test.any() or test.all():
        raise DataError(
            Problem(
                f"the data set {dataset.name!r} is too small to be split",
                expected="samples for training and for testing",
                got=f"{len(dataset)} samples and test_fraction = {test_fraction:g}",
                hint="ask for more samples, or another test_fraction, under [data]",
                code="data.too-few-samples",
            )
        )
    return Split(dataset.take(order[~test[order]]), dataset.take(order[test[order]]))


def _groups(dataset: Dataset) -> list[npt.NDArray[np.bool_]]:
    if dataset.task == "classification":
        return list((dataset.targets == 1).T)
    if dataset.task == "binary":
        return [dataset.targets[:, 0] == label for label in (0, 1)]
    return [np.ones(len(dataset), dtype=bool)]


def _one_hot(targets: Floats) -> bool:
    return _zeros_and_ones(targets) and bool(np.all(targets.sum(axis=1) == 1))


def _zeros_and_ones(targets: Floats) -> bool:
    return bool(np.all((targets == 0) | (targets == 1)))


def _column_problems(
    dataset: str, what: str, values: npt.NDArray[np.floating[Any]], names: tuple[str, ...]
) -> list[Problem]:
    types = ("float64", "float32") if what == "features" else ("float64",)
    if values.ndim != 2 or values.shape[1] != len(names) or values.dtype.name not in types:
        return [
            Problem(
                f"the data set {dataset!r} has {what} of the wrong shape or type",
                expected=f"{' or '.join(types)} of shape (samples, {len(names)})",
                got=f"{values.dtype} of shape {values.shape}",
                code="data.wrong-columns",
            )
        ]
    for piece in pieces(len(values)):
        finite = np.isfinite(values[piece])
        if finite.all():
            continue
        place, column = np.argwhere(~finite)[0]
        row = piece.start + place
        return [
            Problem(
                f"the data set {dataset!r} has {what} that are not finite",
                expected="finite numbers",
                got=f"{values[row, column]} as {names[column]!r} in sample {row}",
                code="data.not-finite",
            )
        ]
    return []
